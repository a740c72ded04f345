"""The accounts of a server, whether they consume a license or not: who is suspended, and who is dormant there."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import PER_PAGE, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.instances import INSTANCE, instance_named
from licensesync.api.paging import link_header, number_of, page_size
from licensesync.api.shapes import Moment
from licensesync.enterprises.models import Scope
from licensesync.feeds.values import MAX_USER_ID
from licensesync.licenses.server_accounts import State, accounts_of, with_licenses


@extend_schema_serializer(examples=[examples.SERVER_ACCOUNT])
class ServerAccountSerializer(serializers.Serializer[Any]):
    """What the last list does not say is null or empty."""

    user_id = serializers.IntegerField(source="account.user_id")
    login = serializers.CharField(source="account.login")
    name = serializers.CharField(source="account.name")
    email = serializers.CharField(source="account.email", help_text="The primary one.")
    site_admin = serializers.BooleanField(source="account.site_admin")
    suspended = serializers.BooleanField(source="account.suspended")
    dormant = serializers.BooleanField(source="account.dormant", allow_null=True)
    created_at = Moment(source="account.created_at", allow_null=True)
    last_active_at = Moment(source="account.last_active_at", allow_null=True)
    license = serializers.IntegerField(allow_null=True, help_text="Its number; null where the account consumes none.")


class ServerAccounts(Endpoint):
    @extend_schema(
        operation_id="list_accounts_of_instance",
        tags=["instances"],
        summary="List the accounts of a server",
        description=(
            "Also those that consume no license, by user id. `state=dormant`: those that are not suspended, so they "
            "count. The cloud has none. Scope `read:enterprise`."
        ),
        parameters=[
            INSTANCE,
            OpenApiParameter("state", str, enum=[State.SUSPENDED.value, State.DORMANT.value]),
            PER_PAGE,
            OpenApiParameter("after", int, description="Where the page before ended; from the Link header."),
        ],
        responses=answers(ServerAccountSerializer(many=True), also=[422]),
    )
    def get(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        server = instance_named(ours, instance)
        if not server.is_server:
            raise NotFound
        try:
            state = State(request.query_params.get("state", ""))
        except ValueError:
            raise serializers.ValidationError({"state": "It is suspended or dormant, or left out."}) from None
        size, after = page_size(request), number_of(request, "after", 0, most=MAX_USER_ID)
        found = list(accounts_of(server, state).filter(user_id__gt=after)[: size + 1])
        response = Response(ServerAccountSerializer(with_licenses(server, found[:size]), many=True).data)
        if len(found) > size:
            response["Link"] = link_header(request, {"next": {"per_page": size, "after": found[size - 1].user_id}})
        return response


urlpatterns = [
    path(
        "enterprises/<slug:enterprise>/instances/<slug:instance>/accounts",
        ServerAccounts.as_view(),
        name="api_server_accounts",
    )
]
