"""The enterprise itself: its profile, its seats, and what of them is consumed."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.shapes import Moment, github_time, sent
from licensesync.enterprises.models import MOST_LICENSES, Deployment, Enterprise, LicenseModel, Scope
from licensesync.enterprises.services import update_enterprise
from licensesync.licenses import queries
from licensesync.licenses.comparison import known_comparison
from licensesync.licenses.completeness import completeness_of
from licensesync.licenses.models import Count
from licensesync.matching import explain


class SeatsSerializer(serializers.Serializer[Any]):
    consumed = serializers.IntegerField()
    purchased = serializers.IntegerField(allow_null=True, help_text="Null where use is metered.")
    available = serializers.IntegerField(allow_null=True)


class SeatTableSerializer(serializers.Serializer[Any]):
    total = SeatsSerializer()
    enterprise = SeatsSerializer()
    visual_studio = SeatsSerializer()


class CompletenessSerializer(serializers.Serializer[Any]):
    """What the total is made of, and what it can't know."""

    servers = serializers.IntegerField()
    servers_reported = serializers.IntegerField(help_text="Whose lists are in.")
    cloud_reported = serializers.BooleanField()
    oldest_list = Moment(allow_null=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="What to do something about.")
    limits = serializers.ListField(child=serializers.CharField(), help_text="How GitHub’s rule and its lists are.")


@extend_schema_serializer(examples=[examples.SETTINGS])
class SettingsSerializer(serializers.Serializer[Any]):
    """What an owner sets. What is not sent stays."""

    name = serializers.CharField(max_length=200, required=False)
    license_model = serializers.ChoiceField(LicenseModel.choices, required=False)
    enterprise_licenses = serializers.IntegerField(min_value=0, max_value=MOST_LICENSES, required=False)
    visual_studio_licenses = serializers.IntegerField(min_value=0, max_value=MOST_LICENSES, required=False)
    keeps_names = serializers.BooleanField(required=False, help_text="Else profile names go with each next list.")
    keeps_secondary_emails = serializers.BooleanField(required=False, help_text="The same, of server accounts.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What an answer said may come back whole; where nothing of it is a setting, all of it is a mistake."""
        if self.initial_data and not attrs:
            known = ", ".join(map(str, self.fields))
            raise serializers.ValidationError(dict.fromkeys(list(self.initial_data)[:10], f"No setting: {known} are."))
        return attrs


@extend_schema_serializer(examples=[examples.ENTERPRISE])
class EnterpriseSerializer(serializers.Serializer[Enterprise]):
    slug = serializers.CharField()
    name = serializers.CharField()
    license_model = serializers.ChoiceField(LicenseModel.choices)
    enterprise_licenses = serializers.IntegerField()
    visual_studio_licenses = serializers.IntegerField()
    keeps_names = serializers.BooleanField()
    keeps_secondary_emails = serializers.BooleanField()
    created_at = Moment()
    counted_at = serializers.SerializerMethodField(help_text="When what is shown was counted; null before that.")
    seats = serializers.SerializerMethodField()
    completeness = serializers.SerializerMethodField(help_text="Of `seats`; null before anything was counted.")

    @extend_schema_field(Moment(allow_null=True))
    def get_counted_at(self, _enterprise: Enterprise) -> str | None:
        count: Count | None = self.context["count"]
        return (count and github_time(count.finished_at)) or None

    @extend_schema_field(SeatTableSerializer)
    def get_seats(self, enterprise: Enterprise) -> Any:
        return SeatTableSerializer(queries.seats(enterprise, self.context["count"])).data

    @extend_schema_field(CompletenessSerializer(allow_null=True))
    def get_completeness(self, enterprise: Enterprise) -> Any:
        count: Count | None = self.context["count"]
        if count is None:
            return None
        deployments = Deployment.objects.filter(enterprise=enterprise).order_by("-kind", "host")  # as on the page
        said = completeness_of(enterprise, count, list(deployments), known_comparison(enterprise))
        facts = {
            "servers": said.sources.servers,
            "servers_reported": said.sources.servers_reported,
            "cloud_reported": said.sources.cloud_reported,
            "oldest_list": said.sources.oldest,
            "missing": [explain.in_english(each) for each in said.missing],
            "limits": [explain.in_english(each) for each in said.limits],
        }
        return CompletenessSerializer(facts).data


def _answer(enterprise: Enterprise) -> Response:
    return Response(EnterpriseSerializer(enterprise, context={"count": queries.current_count(enterprise)}).data)


class EnterpriseEndpoint(Endpoint):
    @extend_schema(
        operation_id="get_enterprise",
        tags=["enterprise"],
        summary="Get the enterprise",
        description="Its settings, what of its seats is consumed, and how complete that is. Scope `read:enterprise`.",
        responses=answers(EnterpriseSerializer),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        return _answer(enterprise_for(request, enterprise, Scope.READ))

    @extend_schema(
        operation_id="update_enterprise",
        tags=["enterprise"],
        summary="Change the settings of the enterprise",
        description="Only what is sent changes. Scope `admin:enterprise`.",
        request=SettingsSerializer,
        responses=answers(EnterpriseSerializer, also=[422]),
    )
    def patch(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        said = sent(SettingsSerializer(data=request.data))
        update_enterprise(ours, **said)
        return _answer(ours)


urlpatterns = [path("enterprises/<slug:enterprise>", EnterpriseEndpoint.as_view(), name="api_enterprise")]
