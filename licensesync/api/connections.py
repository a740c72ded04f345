"""Connections: how LicenseSync itself reaches an instance. Connect, test, set the schedule, disconnect."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.instances import CLOUD, INSTANCE, ConnectionSerializer, instance_named
from licensesync.api.jobs import JobSerializer, accepted
from licensesync.api.shapes import ProblemSerializer, problem_of, valid
from licensesync.api.tokens import token_of
from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, DeploymentKind, Enterprise, Schedule, Scope
from licensesync.errors import NOTHING_STORED
from licensesync.flows import connecting, sync_now
from licensesync.github.certificates import trusting
from licensesync.github.checks import CLOUD_STEPS, SERVER_STEPS, Check
from licensesync.github.cloud import PUBLIC_API, CloudConnection, api_url_of
from licensesync.github.server import ServerConnection, server_url_of
from licensesync.github.transport import proxy_host


class _ReachedSerializer(serializers.Serializer[Any]):
    token = serializers.RegexField(
        r"^[!-~]+$",
        max_length=500,
        error_messages={"invalid": "A token has letters, digits and signs of ASCII; no spaces, no line breaks."},
        help_text="Stored encrypted, and never given back.",
    )
    ca_certificates = serializers.CharField(
        max_length=200_000,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text=(
            "PEM, only where the certificate is not from a public authority. Left out, it stays; empty or null, it "
            "goes."
        ),
    )
    proxy = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text=(
            "Only where it is reached through one, for example http://proxy.example.com:3128; may hold a password, and "
            "is never given back. Left out, it stays; empty or null, it goes."
        ),
    )

    def validate_ca_certificates(self, pem: str | None) -> str:
        valid(trusting, pem or "")
        return pem or ""

    def validate_proxy(self, proxy: str | None) -> str:
        if proxy:
            valid(proxy_host, proxy)
        return proxy or ""

    def reached_by(self, stored: Connection | None) -> dict[str, str]:
        """The certificate authority and the proxy, of what was sent and what is stored."""
        sent = self.validated_data
        return {
            "ca_pem": connections.ca_by(stored, sent.get("ca_certificates")),
            "proxy": connections.proxy_by(stored, sent.get("proxy")),
        }


class ServerConnectionSerializer(_ReachedSerializer):
    url = serializers.CharField(max_length=500, help_text="As in the browser, for example https://ghes.example.com.")
    login = serializers.CharField(max_length=100, help_text="Of the site admin whose token it is.")
    same_server = serializers.BooleanField(
        source="is_same",
        required=False,
        default=False,
        help_text="Confirms that an address that leads elsewhere than before leads to the same server.",
    )

    def validate_url(self, url: str) -> str:
        return valid(server_url_of, url)

    def checks(self, stored: Connection | None) -> list[Check]:
        """Test what was sent, as it would be stored."""
        sent = self.validated_data
        return connecting.check_server(
            ServerConnection(
                url=sent["url"],
                login=sent["login"],
                token=sent["token"],
                **self.reached_by(stored),
            )
        )


class CloudConnectionSerializer(_ReachedSerializer):
    enterprise_slug = serializers.SlugField(source="cloud_slug", max_length=100, help_text="At GitHub.")
    url = serializers.CharField(max_length=500, required=False, default=PUBLIC_API, help_text="Of the API.")
    same_enterprise = serializers.BooleanField(
        source="is_same",
        required=False,
        default=False,
        help_text="Confirms that another slug or address than before is that of the same enterprise.",
    )

    def validate_url(self, url: str) -> str:
        return valid(api_url_of, url)

    def checks(self, stored: Connection | None) -> list[Check]:
        """Test what was sent, as it would be stored."""
        sent = self.validated_data
        return connecting.check_cloud(
            CloudConnection(
                api_url=sent["url"],
                slug=sent["cloud_slug"],
                token=sent["token"],
                **self.reached_by(stored),
            )
        )


@extend_schema_serializer(examples=[examples.SCHEDULE])
class ScheduleSerializer(serializers.Serializer[Any]):
    schedule = serializers.ChoiceField(Schedule.choices)


@extend_schema_serializer(examples=[examples.CHECK])
class CheckSerializer(serializers.Serializer[Any]):
    """One step on the way to the data, in order; the first that fails skips those behind it."""

    step = serializers.ChoiceField(sorted({*SERVER_STEPS, *CLOUD_STEPS}))
    state = serializers.ChoiceField(["ok", "failed", "skipped", "hint"])
    facts = serializers.DictField(child=serializers.CharField(), help_text="What was found.")
    problem = ProblemSerializer(allow_null=True)


REACHED = PolymorphicProxySerializer(
    component_name="Reached",
    serializers=[ServerConnectionSerializer, CloudConnectionSerializer],
    resource_type_field_name=None,
)


def _sent(request: Request, instance: str) -> ServerConnectionSerializer | CloudConnectionSerializer:
    """What was sent of a connection, by the kind of the instance."""
    kind = CloudConnectionSerializer if instance == CLOUD else ServerConnectionSerializer
    sent = kind(data=request.data)
    sent.is_valid(raise_exception=True)
    return sent


def _kind_of(enterprise: Enterprise, instance: str) -> str:
    """`cloud`, also under its number and before it is there; 404 for an instance that is not."""
    if instance == CLOUD:
        return CLOUD
    return instance if instance_named(enterprise, instance).is_server else CLOUD


def _stored(enterprise: Enterprise, kind: str) -> Connection | None:
    """The connection of an instance by what `_kind_of` gives."""
    ours = Connection.objects.filter(deployment__enterprise=enterprise)
    one = ours.filter(deployment__kind=DeploymentKind.CLOUD) if kind == CLOUD else ours.filter(deployment=int(kind))
    return one.first()


def _connection(enterprise: Enterprise, instance: str) -> Connection:
    connection = Connection.objects.filter(deployment=instance_named(enterprise, instance)).first()
    if connection is None:
        raise NotFound
    return connection


class ConnectionEndpoint(Endpoint):
    @extend_schema(
        operation_id="get_connection",
        tags=["instances"],
        summary="Get the connection of an instance",
        description="Scope `read:enterprise`.",
        parameters=[INSTANCE],
        responses=answers(ConnectionSerializer),
    )
    def get(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return Response(ConnectionSerializer(_connection(ours, instance)).data)

    @extend_schema(
        operation_id="connect_instance",
        tags=["instances"],
        summary="Connect an instance, or change its connection",
        description=(
            "Then its list is fetched; answers with that job. The token is always sent anew: a stored one never goes "
            "to another address. `ca_certificates` and `proxy` stay as they are where they are left out; empty or "
            "null, they go. An address of a server that leads elsewhere than before (`server_elsewhere`) is refused "
            "without `same_server`, as the list of another one would replace its accounts. Scope `admin:enterprise`."
        ),
        parameters=[INSTANCE],
        request=REACHED,
        examples=[examples.SERVER_CONNECTION, examples.CLOUD_CONNECTION, examples.JOB_WAITS],
        responses=answers(JobSerializer, status=202, also=[422]),
    )
    def put(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        kind = _kind_of(ours, instance)
        sent = _sent(request, kind)
        deployment = deployments.cloud_of(ours) if kind == CLOUD else instance_named(ours, instance)
        job = sync_now.connect(deployment, connected_by=token_of(request).owner, **sent.validated_data)
        return accepted(request, job)

    @extend_schema(
        operation_id="set_schedule",
        tags=["instances"],
        summary="Say how often an instance syncs by itself",
        description="Scope `admin:enterprise`.",
        parameters=[INSTANCE],
        request=ScheduleSerializer,
        responses=answers(ConnectionSerializer, also=[422]),
    )
    def patch(self, request: Request, enterprise: str, instance: str) -> Response:
        connection = _connection(enterprise_for(request, enterprise, Scope.ADMIN), instance)
        said = ScheduleSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        connections.set_schedule(connection, Schedule(said.validated_data["schedule"]))
        return Response(ConnectionSerializer(connection).data)

    @extend_schema(
        operation_id="disconnect_instance",
        tags=["instances"],
        summary="Disconnect an instance",
        description="Its token is forgotten; its last accounts stay and keep counting. Scope `admin:enterprise`.",
        parameters=[INSTANCE],
        responses=answers(None, status=204),
    )
    def delete(self, request: Request, enterprise: str, instance: str) -> Response:
        connections.disconnect(_connection(enterprise_for(request, enterprise, Scope.ADMIN), instance))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TestConnection(Endpoint):
    @extend_schema(
        operation_id="test_connection",
        tags=["instances"],
        summary="Test a connection",
        description=(
            "Every step of the way with what is sent, and with the stored `ca_certificates` and `proxy` where they are "
            "left out; it can take half a minute. Nothing is stored. "
            "Scope `admin:enterprise`."
        ),
        parameters=[INSTANCE],
        request=REACHED,
        examples=[examples.SERVER_CONNECTION, examples.CLOUD_CONNECTION, examples.CHECK],
        responses=answers(CheckSerializer(many=True), also=[422]),
    )
    def post(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        kind = _kind_of(ours, instance)
        checks = _sent(request, kind).checks(_stored(ours, kind))
        return Response([_check(each) for each in checks])


def _check(check: Check) -> dict[str, Any]:
    problem = check.problem
    return {
        "step": check.step,
        "state": check.state,
        "facts": check.facts,
        "problem": problem_of(problem.problem.code, problem.params, stays=NOTHING_STORED) if problem else None,
    }


_CONNECTION = "enterprises/<slug:enterprise>/instances/<slug:instance>/connection"
urlpatterns = [
    path(_CONNECTION, ConnectionEndpoint.as_view(), name="api_connection"),
    path(f"{_CONNECTION}/test", TestConnection.as_view(), name="api_test_connection"),
]
