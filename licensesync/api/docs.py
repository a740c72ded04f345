"""The description of the API: OpenAPI 3.1 for programs, a page to read and try for people. Both are open to everybody:
they tell nothing that the source does not."""

from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import override
from django.views.decorators.http import conditional_page, require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer


@login_not_required
@require_safe
@conditional_page
def schema(_request: HttpRequest) -> HttpResponse:
    name = {"Content-Disposition": 'inline; filename="licensesync.json"'}
    return HttpResponse(_description(), content_type=OpenApiJsonRenderer.media_type, headers=name)


@cache
def _description() -> bytes:
    """It takes a fifth of a second to make, and is the same for everybody who asks, whatever their language."""
    with override(settings.LANGUAGE_CODE):
        description = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
        return bytes(OpenApiJsonRenderer().render(description, renderer_context={}))


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html")


urlpatterns = [
    path("api/schema", schema, name="api_schema"),
    path("api/docs", docs, name="api_docs"),
]
