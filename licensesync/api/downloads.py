"""What is taken away whole: the licenses as CSV, and the usage of an instance. Streamed, and of one count from first to
last."""

import re
from collections.abc import Iterable

from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import answers
from licensesync.api.endpoint import AnyGitHubType, Endpoint
from licensesync.api.instances import INSTANCE, instance_named
from licensesync.api.licenses import asked_of_list, filter_parameters
from licensesync.enterprises import audit_log
from licensesync.enterprises.models import AuditAction, Deployment, Enterprise, Scope
from licensesync.licenses import queries
from licensesync.licenses.finding import numbers_asked_for
from licensesync.usage.export import export_usage


class CsvToo(AnyGitHubType):
    accepted = re.compile(f"{AnyGitHubType.accepted.pattern}|text/(\\*|csv)", re.IGNORECASE)


def download(enterprise: Enterprise, pieces: Iterable[str], content_type: str, name: str) -> StreamingHttpResponse:
    """A file made while it is read. The audit log has who took it away."""
    audit_log.record(enterprise, AuditAction.REPORT_DOWNLOAD, name)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class LicensesAsCsv(Endpoint):
    content_negotiation_class = CsvToo

    @extend_schema(
        operation_id="get_licenses_as_csv",
        tags=["licenses"],
        summary="Get licenses as CSV",
        description=(
            "GitHub’s columns, ours behind them. Everybody in GitHub’s order, or with the parameters of the list what "
            "that has, in its order; what the list refuses is refused here. Scope `read:enterprise`."
        ),
        parameters=filter_parameters(),
        responses=answers(OpenApiTypes.STR, status=(200, "text/csv"), also=[422]),
    )
    def get(self, request: Request, enterprise: str) -> HttpResponseBase:
        ours = enterprise_for(request, enterprise, Scope.READ)
        deployments = set(Deployment.objects.filter(enterprise=ours).values_list("pk", flat=True))
        asked = asked_of_list(request, deployments)
        pieces = queries.csv_of(ours, numbers=numbers_asked_for(ours, asked))
        return download(ours, pieces, "text/csv; charset=utf-8", f"{ours.slug}-consumed-licenses.csv")


class LicenseUsage(Endpoint):
    @extend_schema(
        operation_id="export_license_usage",
        tags=["instances"],
        summary="Export the license usage of a server",
        description=(
            "Its last list, in the shape of GitHub’s “Export license usage”. Added again, it changes nothing. "
            "Scope `read:enterprise`."
        ),
        parameters=[INSTANCE],
        examples=[examples.LICENSE_USAGE],
        responses=answers(OpenApiTypes.OBJECT),
    )
    def get(self, request: Request, enterprise: str, instance: str) -> HttpResponseBase:
        ours = enterprise_for(request, enterprise, Scope.READ)
        server = instance_named(ours, instance)
        if not server.is_server:
            raise NotFound
        server.enterprise = ours  # of one generation to the end
        pieces = queries.all_of_one_count(export_usage(server), ours)
        return download(ours, pieces, "application/json; charset=utf-8", f"{server.host}-license-usage.json")


_ENTERPRISE = "enterprises/<slug:enterprise>"
urlpatterns = [
    path(f"{_ENTERPRISE}/consumed-licenses.csv", LicensesAsCsv.as_view(), name="api_licenses_as_csv"),
    path(f"{_ENTERPRISE}/instances/<slug:instance>/license-usage", LicenseUsage.as_view(), name="api_license_usage"),
]
