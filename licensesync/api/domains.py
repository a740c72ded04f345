"""Verified domains: those that the enterprise has verified at GitHub. No list tells them, so they are entered here."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.paging import newest_first
from licensesync.api.shapes import sent
from licensesync.enterprises import domains
from licensesync.enterprises.models import Scope, VerifiedDomain
from licensesync.enterprises.queries import domains_of
from licensesync.errors import ExpectedError


@extend_schema_serializer(examples=[examples.DOMAIN])
class DomainSerializer(serializers.Serializer[VerifiedDomain]):
    name = serializers.CharField(help_text="In small letters, as the net has it (IDNA).")


@extend_schema_serializer(examples=[examples.NEW_DOMAINS])
class NewDomainsSerializer(serializers.Serializer[Any]):
    names = serializers.ListField(
        child=serializers.CharField(max_length=domains.LONGEST),
        min_length=1,
        max_length=domains.MOST_DOMAINS,
        help_text="A sub-domain is a domain of its own, as at GitHub.",
    )


class Domains(Endpoint):
    @extend_schema(
        operation_id="list_verified_domains",
        tags=["enterprise"],
        summary="List verified domains",
        description="The newest first. Scope `read:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(DomainSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return newest_first(request, domains_of(ours), DomainSerializer)

    @extend_schema(
        operation_id="add_verified_domains",
        tags=["enterprise"],
        summary="Add verified domains",
        description="All or none; answers with those that are new. Scope `admin:enterprise`.",
        request=NewDomainsSerializer,
        responses=answers(DomainSerializer(many=True), status=201, also=[422]),
    )
    def post(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        said = sent(NewDomainsSerializer(data=request.data))
        new = domains.add_domains(enterprise=ours, text="\n".join(said["names"]))
        return Response([{"name": name} for name in new], status=status.HTTP_201_CREATED)


class Domain(Endpoint):
    @extend_schema(
        operation_id="remove_verified_domain",
        tags=["enterprise"],
        summary="Remove a verified domain",
        description="Scope `admin:enterprise`.",
        responses=answers(None, status=204),
    )
    def delete(self, request: Request, enterprise: str, name: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        try:
            domain = get_object_or_404(domains_of(ours), name=domains.normalised(name))
        except ExpectedError:
            raise NotFound from None
        domains.remove_domain(domain=domain)
        return Response(status=status.HTTP_204_NO_CONTENT)


_DOMAINS = "enterprises/<slug:enterprise>/verified-domains"
urlpatterns = [
    path(_DOMAINS, Domains.as_view(), name="api_domains"),
    path(f"{_DOMAINS}/<str:name>", Domain.as_view(), name="api_domain"),
]
