"""Invitations: who is to become a member. The link is in the answer once; by mail too, where there is mail."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.paging import newest_first
from licensesync.api.shapes import Moment, sent
from licensesync.api.tokens import token_of
from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Invitation, Role, Scope
from licensesync.enterprises.queries import invitations
from licensesync.flows.mail_invitation import mail_invitation
from licensesync.users.links import absolute


@extend_schema_serializer(examples=[examples.INVITATION])
class InvitationSerializer(serializers.Serializer[Invitation]):
    id = serializers.IntegerField(source="pk")
    email = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    created_at = Moment()
    expires_at = Moment()


@extend_schema_serializer(examples=[examples.NEW_INVITATION])
class NewInvitationSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(Role.choices, required=False, default=Role.BILLING_MANAGER)


@extend_schema_serializer(examples=[examples.HANDED_OVER])
class HandedOverSerializer(InvitationSerializer):
    """With its link, which works once and is stored nowhere."""

    link = serializers.SerializerMethodField()
    mailed = serializers.SerializerMethodField(help_text="Whether a mail with the link went out as well.")

    def get_link(self, _invitation: Invitation) -> str:
        return str(self.context["link"])

    def get_mailed(self, _invitation: Invitation) -> bool:
        return bool(self.context["mailed"])


def _hand_over(request: Request, invitation: Invitation, secret: str) -> Response:
    link = absolute(request._request, reverse("invitation", args=[secret]))
    context = {"link": link, "mailed": mail_invitation(invitation, link)}
    return Response(HandedOverSerializer(invitation, context=context).data, status=status.HTTP_201_CREATED)


def _invitation(enterprise: Enterprise, invitation_id: int) -> Invitation:
    return get_object_or_404(invitations(enterprise).select_related("enterprise"), pk=invitation_id)


class Invitations(Endpoint):
    @extend_schema(
        operation_id="list_invitations",
        tags=["members"],
        summary="List invitations",
        description="Of those who have not come yet, the newest first. Scope `admin:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(InvitationSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        return newest_first(request, invitations(ours), InvitationSerializer)

    @extend_schema(
        operation_id="invite",
        tags=["members"],
        summary="Invite somebody",
        description="The answer has the link to hand over, for seven days. Scope `admin:enterprise`.",
        request=NewInvitationSerializer,
        responses=answers(HandedOverSerializer, status=201, also=[422]),
    )
    def post(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        said = sent(NewInvitationSerializer(data=request.data))
        invitation, secret = services.invite(
            enterprise=ours,
            email=said["email"],
            role=Role(said["role"]),
            invited_by=token_of(request).owner,
        )
        return _hand_over(request, invitation, secret)


class InvitationEndpoint(Endpoint):
    @extend_schema(
        operation_id="revoke_invitation",
        tags=["members"],
        summary="Revoke an invitation",
        description="Its link stops working. Scope `admin:enterprise`.",
        responses=answers(None, status=204),
    )
    def delete(self, request: Request, enterprise: str, invitation_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        services.revoke_invitation(invitation=_invitation(ours, invitation_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RenewInvitation(Endpoint):
    @extend_schema(
        operation_id="renew_invitation",
        tags=["members"],
        summary="Make a new link for an invitation",
        description="For seven days; the one before stops working. Scope `admin:enterprise`.",
        request=None,
        responses=answers(HandedOverSerializer, status=201),
    )
    def post(self, request: Request, enterprise: str, invitation_id: int) -> Response:
        invitation = _invitation(enterprise_for(request, enterprise, Scope.ADMIN), invitation_id)
        secret = services.renew_invitation(invitation=invitation, invited_by=token_of(request).owner)
        if secret is None:
            raise Http404
        return _hand_over(request, invitation, secret)


_INVITATIONS = "enterprises/<slug:enterprise>/invitations"
urlpatterns = [
    path(_INVITATIONS, Invitations.as_view(), name="api_invitations"),
    path(f"{_INVITATIONS}/<int:invitation_id>", InvitationEndpoint.as_view(), name="api_invitation"),
    path(f"{_INVITATIONS}/<int:invitation_id>/renew", RenewInvitation.as_view(), name="api_renew_invitation"),
]
