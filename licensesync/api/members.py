"""Members: who belongs to the enterprise, and in which role."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.paging import newest_first
from licensesync.api.shapes import Moment, sent
from licensesync.api.tokens import token_of
from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Membership, Role, Scope
from licensesync.enterprises.queries import members
from licensesync.users.links import absolute


@extend_schema_serializer(examples=[examples.MEMBER])
class MemberSerializer(serializers.Serializer[Membership]):
    id = serializers.IntegerField(source="pk")
    url = serializers.SerializerMethodField()
    email = serializers.CharField(source="user.email")
    role = serializers.ChoiceField(Role.choices)
    created_at = Moment()

    def get_url(self, membership: Membership) -> str:
        slug = membership.enterprise.slug
        return str(reverse("api_member", args=[slug, membership.pk], request=self.context["request"]))


@extend_schema_serializer(examples=[examples.ROLE])
class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(Role.choices)


@extend_schema_serializer(examples=[examples.PASSWORD_LINK])
class LinkSerializer(serializers.Serializer[Any]):
    """A link to hand over. It works once, and is stored nowhere."""

    link = serializers.CharField()


def _member(enterprise: Enterprise, member_id: int) -> Membership:
    return get_object_or_404(members(enterprise).select_related("enterprise"), pk=member_id)


class Members(Endpoint):
    @extend_schema(
        operation_id="list_members",
        tags=["members"],
        summary="List members",
        description="Owners and billing managers, the newest first. Scope `read:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(MemberSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return newest_first(request, members(ours).select_related("enterprise"), MemberSerializer)


class Member(Endpoint):
    @extend_schema(
        operation_id="get_member",
        tags=["members"],
        summary="Get a member",
        description="Scope `read:enterprise`.",
        responses=answers(MemberSerializer),
    )
    def get(self, request: Request, enterprise: str, member_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return Response(MemberSerializer(_member(ours, member_id), context={"request": request}).data)

    @extend_schema(
        operation_id="change_role",
        tags=["members"],
        summary="Change the role of a member",
        description=(
            "The last owner stays one. The invitations of an owner who becomes a billing manager end. "
            "Scope `admin:enterprise`."
        ),
        request=RoleSerializer,
        responses=answers(MemberSerializer, also=[422]),
    )
    def patch(self, request: Request, enterprise: str, member_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        membership = _member(ours, member_id)
        said = sent(RoleSerializer(data=request.data))
        services.change_role(membership=membership, role=Role(said["role"]))
        return Response(MemberSerializer(_member(ours, member_id), context={"request": request}).data)

    @extend_schema(
        operation_id="remove_member",
        tags=["members"],
        summary="Remove a member",
        description=(
            "Their tokens for the enterprise end, and the invitations they made. The last owner stays. "
            "Scope `admin:enterprise`."
        ),
        responses=answers(None, status=204, also=[422]),
    )
    def delete(self, request: Request, enterprise: str, member_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        services.remove_member(membership=_member(ours, member_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordLink(Endpoint):
    @extend_schema(
        operation_id="make_password_link",
        tags=["members"],
        summary="Make a link to a new password",
        description=(
            "For a member who forgot theirs and who is in no enterprise that the token’s owner doesn’t own. "
            "Scope `admin:enterprise`."
        ),
        request=None,
        responses=answers(LinkSerializer, status=201),
    )
    def post(self, request: Request, enterprise: str, member_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        person, owner = _member(ours, member_id).user, token_of(request).owner
        new_password = services.make_password_link(enterprise=ours, owner=owner, person=person)
        if new_password is None:
            raise PermissionDenied(
                "This person also belongs to an enterprise that you don’t own, or operates LicenseSync."
            )
        return Response({"link": absolute(request._request, new_password)}, status=status.HTTP_201_CREATED)


_MEMBERS = "enterprises/<slug:enterprise>/members"
urlpatterns = [
    path(_MEMBERS, Members.as_view(), name="api_members"),
    path(f"{_MEMBERS}/<int:member_id>", Member.as_view(), name="api_member"),
    path(f"{_MEMBERS}/<int:member_id>/password-link", PasswordLink.as_view(), name="api_password_link"),
]
