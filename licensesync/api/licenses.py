"""Licenses as the page has them: filtered, searched and sorted by the same parameters; one with its
reasons."""

from collections.abc import Collection
from typing import Any

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api.access import enterprise_for
from licensesync.api.description import PER_PAGE, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import Gone, moved
from licensesync.api.license_shapes import (
    ExplainedLicenseSerializer,
    LicensesSerializer,
    explained,
    license_address,
    shown,
)
from licensesync.api.paging import link_header, page_size
from licensesync.enterprises.models import Deployment, Scope
from licensesync.licenses import filters, finding
from licensesync.licenses.index import SORTS
from licensesync.licenses.models import LicenseChange
from licensesync.licenses.person import end_of, person_of

_MEANINGS = {
    "where": "In the cloud only, in both, on servers only.",
    "type": "The license type.",
    "servers": "With accounts on several servers.",
    "two_factor": "Without two-factor authentication somewhere.",
    "dormant": "Dormant on every server, and not in the cloud.",
    "invitation": "With an invitation that is open.",
    "match": "Claimed by more than one cloud account.",
    "email": "Without any e-mail.",
    "domain": "Without an e-mail of a verified domain.",
    "instance": "With an account on the instance of this number.",
    "only": "With all accounts on the instance of this number.",
    "organization": "As GitHub spells it.",
    "role": "As GitHub spells it.",
    "subscription": "The status of the Visual Studio subscription, as GitHub spells it.",
}


def filter_parameters() -> list[OpenApiParameter]:
    """The parameters of `licenses.filters`, described."""
    found = [OpenApiParameter("q", str, description="Every word, in names, logins, e-mails, user ids and host names.")]
    for name, meaning in _MEANINGS.items():
        kind = OpenApiTypes.INT64 if name in filters.DEPLOYMENTS else OpenApiTypes.STR
        found.append(OpenApiParameter(name, kind, description=meaning, enum=filters.FIXED.get(name)))
    order = [each for sort in SORTS for each in (sort, f"-{sort}")]
    return [*found, OpenApiParameter("sort", str, enum=order, default=SORTS[0])]


def asked_of_list(request: Request, deployments: Collection[int]) -> dict[str, str]:
    """The parameters as they were sent; `deployments` are the numbers of those of the enterprise.

    ValidationError: one means nothing. A page leaves it out, but a script would take everybody for what it asked for.
    """
    asked = request.query_params.dict()
    wanted = filters.parse(asked, deployments=deployments)
    wrong = {
        name: f"Use one of: {', '.join(values)}."
        for name, values in filters.FIXED.items()
        if asked.get(name) and name not in wanted.chosen
    }
    wrong |= {
        name: "The enterprise has no instance of this number."
        for name in filters.DEPLOYMENTS
        if asked.get(name) and name not in wanted.chosen
    }
    if asked.get("sort", wanted.sort) not in ("", wanted.sort):
        wrong["sort"] = f"Use one of: {', '.join(SORTS)}; with a “-” before it, it is the other way round."
    if wrong:
        raise ValidationError(wrong)
    return asked


class Licenses(Endpoint):
    @extend_schema(
        operation_id="list_licenses",
        tags=["licenses"],
        summary="List licenses",
        description=(
            "By the parameters of the page “Consumed licenses”. A value that its parameter doesn’t have is refused "
            "(422), and so is an instance that the enterprise doesn’t have; an organization, a role or a status that "
            "nobody has gives an empty list. Follow the `Link` header. Scope `read:enterprise`."
        ),
        parameters=[
            PER_PAGE,
            *filter_parameters(),
            OpenApiParameter("after", str, description="Opaque; from the Link header."),
            OpenApiParameter("before", str, description="Opaque; from the Link header."),
        ],
        responses=answers(LicensesSerializer, also=[422]),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        deployments = {each.pk: each for each in Deployment.objects.filter(enterprise=ours)}
        asked = asked_of_list(request, deployments)
        selection = finding.Selection(ours, filters.parse(asked, deployments=deployments))
        page = selection.page(page_size(request), after=asked.get("after", ""), before=asked.get("before", ""))
        found, is_exact = selection.count()
        body = {
            "total_count": found,
            "incomplete_results": not is_exact,
            "licenses": [shown(request, ours.slug, row, deployments) for row in page.rows],
        }
        response = Response(LicensesSerializer(body).data)
        links: dict[str, dict[str, Any]] = {}
        if page.before:
            links = {"first": {"after": "", "before": ""}, "prev": {"before": page.before, "after": ""}}
        if page.after:
            links["next"] = {"after": page.after, "before": ""}
        if links:
            response["Link"] = link_header(request, links)
        return response


class License(Endpoint):
    @extend_schema(
        operation_id="get_license",
        tags=["licenses"],
        summary="Get a license",
        description=(
            "With every account, the reason why it is in this license, and what has changed. Under the number of a "
            "license that was merged into another one: 301 to that. Scope `read:enterprise`."
        ),
        responses=answers(ExplainedLicenseSerializer, also=[301, 410]),
    )
    def get(self, request: Request, enterprise: str, number: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        person = person_of(ours, number)
        if person is not None:
            return Response(ExplainedLicenseSerializer(explained(request, ours.slug, person)).data)
        end = end_of(ours, number)
        if end is None:
            raise NotFound
        if end.kind == LicenseChange.Kind.MERGED and end.other_number is not None:
            return moved(request, license_address(request, ours.slug, end.other_number))
        raise Gone("Whoever had this license no longer consumes one.")


_ENTERPRISE = "enterprises/<slug:enterprise>"
urlpatterns = [
    path(f"{_ENTERPRISE}/licenses", Licenses.as_view(), name="api_licenses"),
    path(f"{_ENTERPRISE}/licenses/<int:number>", License.as_view(), name="api_license"),
]
