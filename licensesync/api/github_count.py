"""GitHub's own count beside ours, and the people of the difference."""

from typing import Any

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import answers
from licensesync.api.downloads import CsvToo, download
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import NotReady
from licensesync.enterprises.models import Enterprise, Scope
from licensesync.flows import queue
from licensesync.licenses import queries
from licensesync.licenses.causes import Cause
from licensesync.licenses.comparison import Comparison, NotComparedYet, comparison_of
from licensesync.licenses.differences import csv_of_differences


class CauseSerializer(serializers.Serializer[Any]):
    cause = serializers.ChoiceField([(cause.value, cause.value) for cause in Cause])
    more = serializers.IntegerField(help_text="People whom GitHub counts and LicenseSync does not, or counts once.")
    fewer = serializers.IntegerField(help_text="People whom LicenseSync counts and GitHub does not.")


@extend_schema_serializer(examples=[examples.GITHUB_COUNT])
class GitHubCountSerializer(serializers.Serializer[Comparison]):
    """`difference` is what GitHub counts more: the sum of `more` without that of `fewer`."""

    github = serializers.IntegerField(source="units")
    licensesync = serializers.IntegerField(source="licenses")
    difference = serializers.IntegerField()
    causes = serializers.SerializerMethodField()
    counted_twice = serializers.SerializerMethodField(
        help_text="People on servers only who seem to be one person with a cloud account: licenses that could be freed."
    )

    @extend_schema_field(CauseSerializer(many=True))
    def get_causes(self, found: Comparison) -> list[dict[str, Any]]:
        rows = [
            {"cause": cause.value, "more": more, "fewer": fewer} for cause, (more, fewer) in found.by_cause().items()
        ]
        return list(CauseSerializer(rows, many=True).data)

    def get_counted_twice(self, found: Comparison) -> int:
        return len(found.doubled)


def _found(enterprise: Enterprise) -> Comparison | None:
    """None when the cloud has reported nothing. Raises NotReady while a large count is being compared."""
    try:
        return comparison_of(enterprise)
    except NotComparedYet:
        queue.compare(enterprise.pk, somebody_waits=True)
        raise NotReady from None


class GitHubCount(Endpoint):
    @extend_schema(
        operation_id="get_github_count",
        tags=["licenses"],
        summary="Get GitHub’s own count",
        description=(
            "What GitHub’s list counts as one person each, beside the licenses counted here, by cause. Not there as "
            "long as the cloud has reported nothing. Comparing a large count takes up to a minute, once; until then "
            "the answer is 503. Scope `read:enterprise`."
        ),
        responses=answers(GitHubCountSerializer, also=[503]),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        found = _found(enterprise_for(request, enterprise, Scope.READ))
        if found is None:
            raise NotFound
        return Response(GitHubCountSerializer(found).data)


class GitHubCountAsCsv(Endpoint):
    content_negotiation_class = CsvToo

    @extend_schema(
        operation_id="get_github_count_as_csv",
        tags=["licenses"],
        summary="Get the people behind the difference as CSV",
        description="Everybody of the difference, then who is counted twice by both. Scope `read:enterprise`.",
        responses=answers(OpenApiTypes.STR, status=(200, "text/csv"), also=[503]),
    )
    def get(self, request: Request, enterprise: str) -> HttpResponseBase:
        ours = enterprise_for(request, enterprise, Scope.READ)
        pieces = queries.all_of_one_count(csv_of_differences(ours, _found(ours)), ours)
        return download(ours, pieces, "text/csv; charset=utf-8", f"{ours.slug}-github-count.csv")


_ENTERPRISE = "enterprises/<slug:enterprise>"
urlpatterns = [
    path(f"{_ENTERPRISE}/github-count", GitHubCount.as_view(), name="api_github_count"),
    path(f"{_ENTERPRISE}/github-count.csv", GitHubCountAsCsv.as_view(), name="api_github_count_as_csv"),
]
