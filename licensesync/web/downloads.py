"""Consumed licenses to take away: as GitHub's CSV report and as the answer of GitHub's REST list. Streamed, and of one
count from the first row to the last, whatever is counted while somebody downloads.

With the parameters of the list it is what the list shows, in its order; without any, everybody in GitHub's order.
"""

from collections.abc import Iterable

from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from licensesync.enterprises import audit_log
from licensesync.enterprises.models import AuditAction, Deployment, DeploymentKind, Enterprise
from licensesync.licenses import queries
from licensesync.licenses.csv_report import for_excel
from licensesync.licenses.finding import numbers_asked_for
from licensesync.usage.export import export_usage
from licensesync.web.access import enterprise_for


@require_GET
def csv_of_licenses(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """`?bom=1`: UTF-8 with a byte order mark. `?excel=1`: see `download_csv`."""
    enterprise = enterprise_for(request, slug)
    marked = request.GET.get("bom", "") == "1"
    report = queries.csv_of(enterprise, marked=marked, numbers=numbers_asked_for(enterprise, request.GET.dict()))
    return download_csv(request, enterprise, report, name_of(enterprise, "consumed-licenses", "csv"))


@require_GET
def json_of_licenses(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    enterprise = enterprise_for(request, slug)
    report = queries.json_of(enterprise, numbers=numbers_asked_for(enterprise, request.GET.dict()))
    return download(enterprise, report, name_of(enterprise, "consumed-licenses", "json"))


def download_csv(
    request: HttpRequest, enterprise: Enterprise, pieces: Iterable[str], name: str
) -> StreamingHttpResponse:
    """`?excel=1` of the request: as Excel opens it in every language."""
    if request.GET.get("excel", "") == "1":
        return download(enterprise, for_excel(pieces), name, content_type="text/csv; charset=utf-16le")
    return download(enterprise, pieces, name, content_type="text/csv; charset=utf-8")


def download(
    enterprise: Enterprise, pieces: Iterable[str], name: str, *, content_type: str = "application/json"
) -> StreamingHttpResponse:
    """A file made while it is read. The audit log has who took it away."""
    audit_log.record(enterprise, AuditAction.REPORT_DOWNLOAD, name)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def name_of(enterprise: Enterprise, what: str, kind: str) -> str:
    """`octo-industries-consumed-licenses-2026-03-03.csv`; the day is the reader's."""
    return f"{enterprise.slug}-{what}-{timezone.localdate()}.{kind}"


@require_GET
def license_usage(request: HttpRequest, slug: str, deployment_id: int) -> StreamingHttpResponse:
    """The last list of an instance, as GitHub's "Export license usage"."""
    enterprise = enterprise_for(request, slug)
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER)
    server = get_object_or_404(servers, pk=deployment_id)
    server.enterprise = enterprise  # of one generation to the end
    what = f"{slugify(server.host.replace('.', '-'))}-license-usage"
    pieces = queries.all_of_one_count(export_usage(server), enterprise)
    return download(enterprise, pieces, name_of(enterprise, what, "json"))


_LIST = "enterprises/<slug:slug>/settings/license/consumed"
urlpatterns = [
    path(f"{_LIST}/report.csv", csv_of_licenses, name="csv_of_licenses"),
    path(f"{_LIST}/licenses.json", json_of_licenses, name="json_of_licenses"),
    path(
        "enterprises/<slug:slug>/settings/instances/<int:deployment_id>/license-usage.json",
        license_usage,
        name="license_usage",
    ),
]
