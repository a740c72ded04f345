"""The description of the API: OpenAPI 3.1 for programs, a page to read and try for people. Both are open to everybody:
they tell nothing that the source does not."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView


class Schema(SpectacularAPIView):
    renderer_classes = [OpenApiJsonRenderer]
    authentication_classes = []
    permission_classes = []


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html")


urlpatterns = [
    path("api/schema", Schema.as_view(), name="api_schema"),
    path("api/docs", docs, name="api_docs"),
]
