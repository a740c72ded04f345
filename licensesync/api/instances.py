"""Instances: the servers and the cloud of an enterprise. List, look, add, delete.

An address names an instance by its number, and the cloud by `cloud`, of which every enterprise has one at most.
"""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import IDEMPOTENCY_KEY, NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.idempotency import once
from licensesync.api.jobs import JobSerializer, accepted
from licensesync.api.paging import newest_first
from licensesync.api.shapes import Moment, Problem, ProblemSerializer, problem_of, sent
from licensesync.api.tokens import token_of
from licensesync.enterprises import deployments
from licensesync.enterprises.models import (
    Connection,
    Deployment,
    DeploymentKind,
    Enterprise,
    Schedule,
    Scope,
    UsageEvent,
)
from licensesync.errors import IDENTITIES_STAY
from licensesync.flows.delete_deployment import request_deletion

CLOUD = "cloud"  # the cloud's name in addresses
INSTANCE = OpenApiParameter(
    "instance",
    str,
    OpenApiParameter.PATH,
    description="The number of an instance, or `cloud`.",
    pattern=r"^([0-9]+|cloud)$",
)


@extend_schema_serializer(examples=[examples.CONNECTION])
class ConnectionSerializer(serializers.Serializer[Connection]):
    """How an instance is reached. Its token is never shown."""

    url = serializers.CharField()
    login = serializers.CharField(help_text="Of the site admin; empty for the cloud.")
    enterprise_slug = serializers.CharField(source="cloud_slug", help_text="At GitHub; empty for a server.")
    ca_certificates = serializers.CharField(help_text="PEM, where the certificate is not from a public authority.")
    has_proxy = serializers.SerializerMethodField()
    schedule = serializers.ChoiceField(Schedule.choices)
    next_sync_at = Moment(allow_null=True)
    connected_at = Moment()
    token_saved_at = Moment()

    def get_has_proxy(self, connection: Connection) -> bool:
        return bool(connection.sealed_proxy)


@extend_schema_serializer(examples=[examples.INSTANCE])
class InstanceSerializer(serializers.Serializer[Deployment]):
    """A server, or the cloud. What its lists don't say is null or empty."""

    id = serializers.IntegerField(source="pk")
    url = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(DeploymentKind.choices)
    name = serializers.CharField(source="*", help_text="Host name, or GitHub Enterprise Cloud.")
    host = serializers.CharField()
    server_id = serializers.CharField()
    version = serializers.CharField()
    created_at = Moment()
    accounts = serializers.IntegerField()
    suspended = serializers.IntegerField()
    dormant = serializers.IntegerField(allow_null=True)
    people_only_here = serializers.IntegerField(source="only_here")
    total_seats_consumed = serializers.IntegerField(
        allow_null=True, help_text="By its own count: of the cloud’s list, or of a server’s license."
    )
    total_seats_purchased = serializers.IntegerField(allow_null=True, help_text="By its own list or license.")
    license_expires_at = Moment(allow_null=True, help_text="Of a server, as it says itself; only a sync asks for it.")
    github_synced_at = Moment(
        allow_null=True, help_text="Of a server: GitHub’s own last sync, as the cloud said; only a sync asks for it."
    )
    github_sync_problem = serializers.CharField(help_text="GitHub’s word for what went wrong then; empty: nothing.")
    last_event = serializers.ChoiceField(UsageEvent.choices)
    last_usage_at = Moment(allow_null=True)
    list_date = Moment(allow_null=True, help_text="The date of the last list itself.")
    identities_at = Moment(
        allow_null=True, help_text="Of the cloud: the date of the linked identities of its accounts."
    )
    identities_problem = serializers.SerializerMethodField(help_text="Why the last sync could not fetch them.")
    connection = ConnectionSerializer(allow_null=True)

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_identities_problem(self, deployment: Deployment) -> Problem | None:
        said = deployment.identities_problem
        return problem_of(said["code"], said["params"], stays=IDENTITIES_STAY) if said else None

    def get_url(self, deployment: Deployment) -> str:
        return instance_address(self.context["request"], deployment)


@extend_schema_serializer(examples=[examples.NEW_INSTANCE])
class NewInstanceSerializer(serializers.Serializer[Any]):
    host = serializers.CharField(max_length=300, help_text="Its host name, for example ghes.example.com.")


def instance_address(request: Request, deployment: Deployment) -> str:
    return str(reverse("api_instance", args=[deployment.enterprise.slug, deployment.pk], request=request))


def instance_named(enterprise: Enterprise, name: str) -> Deployment:
    """The instance of an address."""
    if name == CLOUD:
        found = _instances(enterprise).filter(kind=DeploymentKind.CLOUD).first()
    elif name.isascii() and name.isdigit() and len(name) < 19:
        found = _instances(enterprise).filter(pk=int(name)).first()
    else:
        found = None
    if found is None:
        raise NotFound
    return found


def _instances(enterprise: Enterprise) -> QuerySet[Deployment]:
    return Deployment.objects.filter(enterprise=enterprise).select_related("enterprise", "connection")


class Instances(Endpoint):
    @extend_schema(
        operation_id="list_instances",
        tags=["instances"],
        summary="List instances",
        description="The servers and the cloud, the newest first. Scope `read:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(InstanceSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return newest_first(request, _instances(ours), InstanceSerializer)

    @extend_schema(
        operation_id="add_instance",
        tags=["instances"],
        summary="Add an instance",
        description=(
            "A server that no list has named yet; one with this host name is given back as it is. The cloud is added "
            "by its first list or its connection. Scope `admin:enterprise`."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=NewInstanceSerializer,
        responses=answers(InstanceSerializer, status=201, also=[409, 422]),
    )
    def post(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        return once(request, lambda: self._add(request, ours))

    def _add(self, request: Request, enterprise: Enterprise) -> Response:
        said = sent(NewInstanceSerializer(data=request.data))
        deployment = deployments.server_named(enterprise, said["host"])
        answer = InstanceSerializer(deployment, context={"request": request}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Location": answer["url"]})


class Instance(Endpoint):
    @extend_schema(
        operation_id="get_instance",
        tags=["instances"],
        summary="Get an instance",
        description="Scope `read:enterprise`.",
        parameters=[INSTANCE],
        responses=answers(InstanceSerializer),
    )
    def get(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return Response(InstanceSerializer(instance_named(ours, instance), context={"request": request}).data)

    @extend_schema(
        operation_id="delete_instance",
        tags=["instances"],
        summary="Delete an instance",
        description=(
            "Its accounts go, and people who are only there stop counting. This can’t be undone. Answers with the job, "
            "which goes with the instance. Scope `admin:enterprise`."
        ),
        parameters=[INSTANCE],
        responses=answers(JobSerializer, status=202, also=[422]),
    )
    def delete(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        job = request_deletion(instance_named(ours, instance), requested_by=token_of(request).owner)
        return accepted(request, job)


_INSTANCES = "enterprises/<slug:enterprise>/instances"
urlpatterns = [
    path(_INSTANCES, Instances.as_view(), name="api_instances"),
    path(f"{_INSTANCES}/<slug:instance>", Instance.as_view(), name="api_instance"),
]
