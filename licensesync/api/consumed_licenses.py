"""GitHub's two licensing endpoints: list consumed licenses, and the status of license sync. Shapes, order of fields and
headers are GitHub's; see `licenses.report` for what a user is.

A page is asked for by `page` and `per_page`. The addresses in the Link header carry a cursor as well: whoever follows
them stays on one count while another one lands, and pays the same for every page.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import description, examples
from licensesync.api.access import enterprise_for
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import Gone
from licensesync.api.paging import link_header, number_of, page_size
from licensesync.api.shapes import github_time
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise, Scope
from licensesync.errors import sentence
from licensesync.licenses import by_number, queries
from licensesync.licenses.models import ConsumedLicense
from licensesync.licenses.report import license_row
from licensesync.syncing.models import JobState
from licensesync.syncing.queries import last_finished_jobs, stays_of

MOST_PAGES = 10**9


class UserSerializer(serializers.Serializer[Any]):
    """One person who consumes a license, with every account, as GitHub lists them."""

    github_com_login = serializers.CharField()
    github_com_name = serializers.CharField(allow_null=True)
    enterprise_server_user_ids = serializers.ListField(child=serializers.CharField(), help_text="`host_name:user_id`")
    github_com_user = serializers.BooleanField()
    enterprise_server_user = serializers.BooleanField()
    visual_studio_subscription_user = serializers.BooleanField()
    license_type = serializers.CharField()
    github_com_profile = serializers.CharField(allow_null=True)
    github_com_member_roles = serializers.ListField(child=serializers.CharField())
    github_com_enterprise_roles = serializers.ListField(child=serializers.CharField())
    github_com_verified_domain_emails = serializers.ListField(child=serializers.CharField())
    github_com_saml_name_id = serializers.CharField(allow_null=True)
    github_com_orgs_with_pending_invites = serializers.ListField(child=serializers.CharField())
    github_com_two_factor_auth = serializers.BooleanField(allow_null=True)
    enterprise_server_emails = serializers.ListField(child=serializers.CharField())
    enterprise_server_primary_emails = serializers.ListField(child=serializers.CharField())
    visual_studio_license_status = serializers.CharField(allow_null=True)
    visual_studio_subscription_email = serializers.CharField(allow_null=True)
    total_user_accounts = serializers.IntegerField()


@extend_schema_serializer(examples=[examples.CONSUMED_LICENSES])
class ConsumedLicensesSerializer(serializers.Serializer[Any]):
    total_seats_consumed = serializers.IntegerField()
    total_seats_purchased = serializers.IntegerField(help_text="0 where use is metered.")
    users = UserSerializer(many=True)


class Cursor(NamedTuple):
    """Where a page is: of which count, which page of which size, and how to find it there.

    `way` is "a" for the rows after `number`, "b" for those before it, "l" for the last `number` rows.
    """

    generation: int
    page: int
    size: int
    way: str
    number: int

    def text(self) -> str:
        plain = ".".join(map(str, self)).encode()
        return urlsafe_b64encode(plain).decode().rstrip("=")


_CURSOR = re.compile(r"(\d{1,9})\.(\d{1,10})\.(\d{1,3})\.([abl])\.(\d{1,18})")


def cursor_of(request: Request) -> Cursor | None:
    """The cursor of an address; None without one, or when it was never ours."""
    text = request.query_params.get("cursor", "")
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return None
    match = _CURSOR.fullmatch(plain)
    return Cursor(int(match[1]), int(match[2]), int(match[3]), match[4], int(match[5])) if match else None


@dataclass(frozen=True)
class LicensePage:
    enterprise: Enterprise  # with the generation that is read
    rows: list[ConsumedLicense]
    page: int
    size: int
    consumed: int

    @property
    def last_page(self) -> int:
        return max(-(-self.consumed // self.size), 1)

    def links(self) -> dict[str, dict[str, Any]]:
        """As GitHub has them: first and prev from the second page on, next and last until the last."""
        links: dict[str, dict[str, Any]] = {}
        if self.page > 1:
            links["first"] = self._query(1, "a", 0)
            links["prev"] = self._query(self.page - 1, "b", self.rows[0].number) if self.rows else self._last()
        if self.page < self.last_page and self.rows:
            links["next"] = self._query(self.page + 1, "a", self.rows[-1].number)
            links["last"] = self._last()
        return links

    def _last(self) -> dict[str, Any]:
        on_last = self.consumed - (self.last_page - 1) * self.size
        return self._query(self.last_page, "l", on_last)

    def _query(self, page: int, way: str, number: int) -> dict[str, Any]:
        cursor = Cursor(self.enterprise.generation, page, self.size, way, number)
        return {"page": page, "per_page": self.size, "cursor": cursor.text()}


def page_of(request: Request, enterprise: Enterprise) -> LicensePage:
    """The page that is asked for. Gone: of a count whose rows have been forgotten."""
    page, size = number_of(request, "page", 1, most=MOST_PAGES), page_size(request)
    cursor = cursor_of(request)
    if cursor is None or cursor.generation > enterprise.generation or (cursor.page, cursor.size) != (page, size):
        found = by_number.at(enterprise, (page - 1) * size, size)
    else:
        enterprise.generation = cursor.generation  # this object only; nothing saves it
        rows = queries.licenses(enterprise)
        match cursor.way:
            case "a":
                found = by_number.after(rows, cursor.number, size)
            case "b":
                found = by_number.before(rows, cursor.number, size)
            case _:
                found = by_number.last(rows, min(cursor.number, size))
    if not queries.is_stored(enterprise):  # asked after reading: what was read is whole
        raise Gone("This count has been replaced, and its pages are not kept any more. Start at the first page.")
    consumed, _purchased = queries.totals(enterprise)
    return LicensePage(enterprise, found, page, size, consumed)


class ConsumedLicenses(Endpoint):
    @extend_schema(
        operation_id="get_consumed_licenses",
        tags=["licensing"],
        summary="List enterprise consumed licenses",
        description=(
            "GitHub’s endpoint of this name. Follow the `Link` header: its addresses stay on one count while another "
            "lands, and every page costs the same. Scope `read:enterprise`."
        ),
        parameters=[
            description.PER_PAGE,
            description.PAGE,
            OpenApiParameter("cursor", OpenApiTypes.STR, description="Opaque; from the Link header."),
        ],
        responses=description.answers(ConsumedLicensesSerializer, also=[410]),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        page = page_of(request, enterprise_for(request, enterprise, Scope.READ))
        hosts = queries.hosts_of(page.enterprise)
        body = {
            "total_seats_consumed": page.consumed,
            "total_seats_purchased": page.enterprise.purchased,
            "users": [license_row(row, hosts) for row in page.rows],
        }
        response = Response(body)
        if links := page.links():
            response["Link"] = link_header(request, links)
        return response


class LastSyncSerializer(serializers.Serializer[Any]):
    date = serializers.CharField(help_text="Empty where nothing was ever synced.")
    status = serializers.CharField(help_text="`success`, `failure`, or empty.")
    error = serializers.CharField()


class ServerInstanceSerializer(serializers.Serializer[Any]):
    server_id = serializers.CharField()
    hostname = serializers.CharField()
    last_sync = LastSyncSerializer()


@extend_schema_serializer(examples=[examples.LICENSE_SYNC_STATUS])
class LicenseSyncStatusSerializer(serializers.Serializer[Any]):
    server_instances = ServerInstanceSerializer(many=True)


class LicenseSyncStatus(Endpoint):
    @extend_schema(
        operation_id="get_license_sync_status",
        tags=["licensing"],
        summary="Get a license sync status",
        description="GitHub’s endpoint of this name: how the last sync of each server ended. Scope `read:enterprise`.",
        responses=description.answers(LicenseSyncStatusSerializer),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        servers = Deployment.objects.filter(enterprise=ours, kind=DeploymentKind.SERVER).order_by("pk")
        jobs = last_finished_jobs(ours)
        instances = []
        for server in servers:
            last = {"date": "", "status": "", "error": ""}
            if job := jobs.get(server.pk):
                last["date"] = github_time(job.finished_at)
                last["status"] = "success" if job.state == JobState.SUCCESS else "failure"
                last["error"] = sentence(job.problem_code, job.problem_params, stays=stays_of(job))
            elif server.last_usage_at:  # older than the history
                last["date"], last["status"] = github_time(server.last_usage_at), "success"
            instances.append({"server_id": server.server_id, "hostname": server.host, "last_sync": last})
        return Response({"server_instances": instances})


_ENTERPRISE = "enterprises/<slug:enterprise>"
urlpatterns = [
    path(f"{_ENTERPRISE}/consumed-licenses", ConsumedLicenses.as_view(), name="api_consumed_licenses"),
    path(f"{_ENTERPRISE}/license-sync-status", LicenseSyncStatus.as_view(), name="api_license_sync_status"),
]
