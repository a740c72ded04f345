"""The audit log, in the shape of GitHub's: who changed what, and who took lists of people away."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.paging import newest_first
from licensesync.enterprises.audit_log import events_of
from licensesync.enterprises.models import AuditAction, AuditEvent, Scope, Through


@extend_schema_serializer(examples=[examples.AUDIT_EVENT])
class AuditEventSerializer(serializers.Serializer[AuditEvent]):
    """As GitHub writes events, times in milliseconds since 1970. Behind `created_at` what only LicenseSync has."""

    _document_id = serializers.CharField(source="pk")
    action = serializers.ChoiceField([str(action) for action in AuditAction])
    actor = serializers.SerializerMethodField(help_text="An e-mail; null for a command, and for a deleted account.")
    actor_id = serializers.IntegerField(allow_null=True)
    business = serializers.CharField(source="enterprise.slug")
    created_at = serializers.SerializerMethodField()
    through = serializers.ChoiceField(Through.choices)
    token = serializers.CharField(allow_blank=True, help_text="The name of the API token that was used.")
    subject = serializers.CharField(allow_blank=True, help_text="Whom or what it was done to, by name.")
    changes = serializers.DictField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=2),
        help_text="What was set: a name to [before, after].",
    )

    def get_fields(self) -> dict[str, Any]:  # `@timestamp` can be no attribute
        return {"@timestamp": serializers.SerializerMethodField(method_name="get_created_at"), **super().get_fields()}

    def get_actor(self, event: AuditEvent) -> str | None:
        return event.actor.email if event.actor else None

    def get_created_at(self, event: AuditEvent) -> int:
        return round(event.at.timestamp() * 1000)


class AuditLog(Endpoint):
    @extend_schema(
        operation_id="get_audit_log",
        tags=["enterprise"],
        summary="Get the audit log",
        description=(
            "Newest first, for 400 days unless the operator keeps it for another time. What became of lists is told by "
            "the jobs. Scope `admin:enterprise`."
        ),
        parameters=[
            OpenApiParameter(
                "phrase",
                str,
                description=(
                    "As in GitHub’s: `action:member` or `action:member.remove`, `actor:` with an e-mail, or both with "
                    "a space between them."
                ),
            ),
            *NEWEST_FIRST,
        ],
        responses=answers(AuditEventSerializer(many=True), also=[422]),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        events = _meant_by(request.query_params.get("phrase", ""), events_of(ours).select_related("enterprise"))
        return newest_first(request, events, AuditEventSerializer)


def _meant_by(phrase: str, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    for word in phrase.split():
        name, _, value = word.partition(":")
        if name == "action" and value in set(AuditAction):
            events = events.filter(action=value)
        elif name == "action" and any(action.startswith(f"{value}.") for action in AuditAction):
            events = events.filter(action__startswith=f"{value}.")
        elif name == "actor" and value:
            events = events.filter(actor__email=value.lower())
        else:
            raise serializers.ValidationError(
                {"phrase": f"Use action: with an action, or actor: with an e-mail, not {word}."}
            )
    return events


urlpatterns = [path("enterprises/<slug:enterprise>/audit-log", AuditLog.as_view(), name="api_audit_log")]
