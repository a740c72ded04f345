"""Usage over time: the counts, and who came and who went between two of them."""

from typing import Any

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import NEWEST_FIRST, answers
from licensesync.api.downloads import CsvToo, download
from licensesync.api.endpoint import Endpoint
from licensesync.api.paging import newest_first
from licensesync.api.shapes import Moment, sent
from licensesync.enterprises.models import Enterprise, Scope
from licensesync.licenses import history
from licensesync.licenses.models import Count, LicenseChange


@extend_schema_serializer(examples=[examples.COUNT])
class CountSerializer(serializers.Serializer[Count]):
    """A count of the enterprise, made after a list was taken in. The four kinds add up to `consumed`; `purchased` and
    `available` are null where use is metered."""

    count = serializers.IntegerField(source="generation", help_text="Its number; `from` and `to` take it.")
    counted_at = Moment(source="finished_at")
    accounts = serializers.IntegerField()
    suspended = serializers.IntegerField()
    consumed = serializers.IntegerField()
    cloud_only = serializers.IntegerField()
    cloud_and_server = serializers.IntegerField()
    server_only = serializers.IntegerField()
    visual_studio = serializers.IntegerField()
    purchased = serializers.IntegerField(allow_null=True)
    available = serializers.IntegerField(allow_null=True)


class UsageHistory(Endpoint):
    @extend_schema(
        operation_id="list_counts",
        tags=["licenses"],
        summary="List the usage over time",
        description="Every count that is kept, newest first. Scope `read:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(CountSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return newest_first(request, history.counts(ours), CountSerializer)


class BetweenSerializer(serializers.Serializer[Any]):
    """Which two counts are compared."""

    def get_fields(self) -> dict[str, Any]:  # `from` can be no attribute
        return {
            name: serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1) for name in ("from", "to")
        }


class ChangesAsCsv(Endpoint):
    content_negotiation_class = CsvToo

    @extend_schema(
        operation_id="get_changes_as_csv",
        tags=["licenses"],
        summary="Get who came and who went as CSV",
        description=(
            "Between two counts, in the order of time: people whose license began or ended and is still so. Without "
            "`from` and `to` between the first count that is kept and the last. Scope `read:enterprise`."
        ),
        parameters=[
            OpenApiParameter("from", int, description="Number of a count."),
            OpenApiParameter("to", int, description="Number of a count."),
        ],
        responses=answers(OpenApiTypes.STR, status=(200, "text/csv"), also=[422]),
    )
    def get(self, request: Request, enterprise: str) -> HttpResponseBase:
        ours = enterprise_for(request, enterprise, Scope.READ)
        said = sent(BetweenSerializer(data=request.query_params.dict()))
        earlier, later = (self._count(ours, said, name) for name in ("from", "to"))
        changes = LicenseChange.objects.none()
        if earlier and later:
            changes = history.changes(*sorted((earlier, later), key=lambda count: count.generation))
        return download(
            ours, history.csv_of_changes(changes), "text/csv; charset=utf-8", f"{ours.slug}-came-and-went.csv"
        )

    def _count(self, enterprise: Enterprise, said: dict[str, int], name: str) -> Count | None:
        """The count with this number; the first or the last where none is named, None where there is none at all."""
        counts = history.counts(enterprise).order_by("generation" if name == "from" else "-generation")
        if name not in said:
            return counts.first()
        found = counts.filter(generation=said[name]).first()
        if found is None:
            raise serializers.ValidationError({name: f"There is no count {said[name]}."})
        return found


_ENTERPRISE = "enterprises/<slug:enterprise>"
urlpatterns = [
    path(f"{_ENTERPRISE}/usage-history", UsageHistory.as_view(), name="api_usage_history"),
    path(f"{_ENTERPRISE}/license-changes.csv", ChangesAsCsv.as_view(), name="api_changes_as_csv"),
]
