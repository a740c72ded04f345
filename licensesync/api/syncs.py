"""Sync now, of one instance or of everything that is connected."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api.access import enterprise_for
from licensesync.api.description import IDEMPOTENCY_KEY, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import NothingConnected
from licensesync.api.idempotency import once
from licensesync.api.instances import INSTANCE, instance_named
from licensesync.api.jobs import JobSerializer, accepted
from licensesync.api.shapes import sent
from licensesync.api.tokens import token_of
from licensesync.enterprises.models import Deployment, Enterprise, Scope
from licensesync.flows import sync_now
from licensesync.syncing.models import Trigger


class SyncSerializer(serializers.Serializer[Any]):
    """What may be said of a sync beforehand."""

    accept_shrink = serializers.BooleanField(required=False, default=False)


class SyncInstance(Endpoint):
    @extend_schema(
        operation_id="sync_instance",
        tags=["instances"],
        summary="Sync an instance now",
        description="Whoever asks while a sync waits or runs gets that one. Scope `admin:enterprise`.",
        parameters=[
            INSTANCE,
            OpenApiParameter(
                "accept_shrink",
                bool,
                description="Use the list even if it removes or replaces more than a fifth of the accounts.",
            ),
            IDEMPOTENCY_KEY,
        ],
        request=None,
        responses=answers(JobSerializer, status=202, also=[409, 422]),
    )
    def post(self, request: Request, enterprise: str, instance: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        return once(request, lambda: self._sync(request, instance_named(ours, instance)))

    def _sync(self, request: Request, deployment: Deployment) -> Response:
        said = sent(SyncSerializer(data=request.query_params.dict()))
        return accepted(
            request,
            sync_now.request_sync(
                deployment,
                trigger=Trigger.SCRIPT,
                requested_by=token_of(request).owner,
                accept_shrink=said["accept_shrink"],
            ),
        )


class SyncAll(Endpoint):
    @extend_schema(
        operation_id="sync_all",
        tags=["instances"],
        summary="Sync everything now",
        description="Every instance that is connected. Scope `admin:enterprise`.",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses=answers(JobSerializer(many=True), status=202, also=[409, 422]),
    )
    def post(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        return once(request, lambda: self._sync(request, ours))

    def _sync(self, request: Request, enterprise: Enterprise) -> Response:
        jobs = sync_now.request_all(enterprise, trigger=Trigger.SCRIPT, requested_by=token_of(request).owner)
        if not jobs:
            raise NothingConnected
        answer = [JobSerializer(job, context={"request": request}).data for job in jobs]
        return Response(answer, status=status.HTTP_202_ACCEPTED)


_ENTERPRISE = "enterprises/<slug:enterprise>"
urlpatterns = [
    path(f"{_ENTERPRISE}/sync", SyncAll.as_view(), name="api_sync_all"),
    path(f"{_ENTERPRISE}/instances/<slug:instance>/sync", SyncInstance.as_view(), name="api_sync_instance"),
]
