"""The Visual Studio subscriptions that nobody uses: whoever of the enterprise gets one needs no Enterprise license."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.licenses import queries
from licensesync.licenses.unused_subscriptions import csv_of_unused, subscription_of, unused_of
from licensesync.web.access import enterprise_for
from licensesync.web.downloads import download_csv, name_of
from licensesync.web.paging import page_asked_for


@require_GET
def unused_subscriptions(request: HttpRequest, slug: str) -> HttpResponse:
    cloud = _cloud_of(request, slug)
    page = page_asked_for(request, unused_of(cloud))
    rows = [subscription_of(row) for row in page.rows]
    context = {"enterprise": cloud.enterprise, "cloud": cloud, "rows": rows, "page": page}
    return render(request, "deployments/unused_subscriptions.html", context)


@require_GET
def csv_of_unused_subscriptions(request: HttpRequest, slug: str) -> HttpResponseBase:
    cloud = _cloud_of(request, slug)
    lines = queries.all_of_one_count(csv_of_unused(cloud), cloud.enterprise)
    return download_csv(
        request, cloud.enterprise, lines, name_of(cloud.enterprise, "unused-visual-studio-subscriptions", "csv")
    )


def _cloud_of(request: HttpRequest, slug: str) -> Deployment:
    enterprise = enterprise_for(request, slug)
    cloud = get_object_or_404(Deployment, enterprise=enterprise, kind=DeploymentKind.CLOUD)
    cloud.enterprise = enterprise  # of one generation to the end
    return cloud


_UNUSED = "enterprises/<slug:slug>/settings/cloud/unused-subscriptions"
urlpatterns = [
    path(_UNUSED, unused_subscriptions, name="unused_subscriptions"),
    path(f"{_UNUSED}.csv", csv_of_unused_subscriptions, name="csv_of_unused_subscriptions"),
]
