"""Who consumes no license: the accounts of a server, suspended and dormant ones too, and subscriptions nobody uses."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from django.db.models import QuerySet
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
from licensesync.licenses.unused_subscriptions import subscription_of, unused_of
from licensesync.usage.models import Account

AFTER = OpenApiParameter("after", int, description="Where the page before ended; from the Link header.")

Row = TypeVar("Row", bound=Account)


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
            AFTER,
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
        return _page(request, accounts_of(server, state), ServerAccountSerializer, partial(with_licenses, server))


@extend_schema_serializer(examples=[examples.UNUSED_SUBSCRIPTION])
class UnusedSubscriptionSerializer(serializers.Serializer[Any]):
    """What the list does not say is empty."""

    email = serializers.CharField(help_text="Of the subscription.")
    name = serializers.CharField()
    status = serializers.CharField(help_text="GitHub's `visual_studio_license_status`.")


class UnusedSubscriptions(Endpoint):
    @extend_schema(
        operation_id="list_unused_visual_studio_subscriptions",
        tags=["licenses"],
        summary="List the Visual Studio subscriptions that nobody uses",
        description=(
            "Those that GitHub's list has without an account, and whose e-mail nobody has who consumes a license. "
            "Scope `read:enterprise`."
        ),
        parameters=[PER_PAGE, AFTER],
        responses=answers(UnusedSubscriptionSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        cloud = instance_named(enterprise_for(request, enterprise, Scope.READ), "cloud")
        return _page(request, unused_of(cloud), UnusedSubscriptionSerializer, partial(map, subscription_of))


def _page(
    request: Request,
    rows: QuerySet[Row],
    serializer: type[serializers.Serializer[Any]],
    shown: Callable[[list[Row]], Iterable[Any]],
) -> Response:
    """Rows of one deployment by user id; `after` is the one where the page before ended."""
    size, after = page_size(request), number_of(request, "after", 0, most=MAX_USER_ID)
    found = list(rows.filter(user_id__gt=after)[: size + 1])
    response = Response(serializer(list(shown(found[:size])), many=True).data)
    if len(found) > size:
        response["Link"] = link_header(request, {"next": {"per_page": size, "after": found[size - 1].user_id}})
    return response


urlpatterns = [
    path(
        "enterprises/<slug:enterprise>/unused-visual-studio-subscriptions",
        UnusedSubscriptions.as_view(),
        name="api_unused_subscriptions",
    ),
    path(
        "enterprises/<slug:enterprise>/instances/<slug:instance>/accounts",
        ServerAccounts.as_view(),
        name="api_server_accounts",
    ),
]
