"""Usage files that somebody added in the browser and that ask something: answer, discard, or try again what stopped.

What a script delivers never asks: it says beforehand what only a person knows (`api.usage`).
"""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import Conflict
from licensesync.api.shapes import ANSWERED_BY, sent
from licensesync.api.usage import UsageFileSerializer
from licensesync.enterprises.models import Scope
from licensesync.flows import receive_usage
from licensesync.syncing.models import PROBLEM_OF, FileState, Question, UsageFile
from licensesync.syncing.queries import files_of


@extend_schema_serializer(examples=[examples.ANSWER])
class AnswerSerializer(serializers.Serializer[Any]):
    """The one that the file’s `problem` names as `needs`; the others count for nothing."""

    server = serializers.CharField(required=False, max_length=300, help_text="Host name of the server it is from.")
    accept_older = serializers.BooleanField(required=False, default=False)
    accept_shrink = serializers.BooleanField(required=False, default=False)


def _file(request: Request, enterprise: str, file_id: int) -> UsageFile:
    ours = enterprise_for(request, enterprise, Scope.ADMIN)
    return get_object_or_404(files_of(ours), pk=file_id)


def _asking(request: Request, enterprise: str, file_id: int) -> UsageFile:
    file = _file(request, enterprise, file_id)
    if file.state != FileState.NEEDS_ANSWER:
        raise Conflict("The file asks nothing. Nothing was changed.")
    return file


def _shown(request: Request, file: UsageFile, status_code: int) -> Response:
    now = files_of(file.enterprise).get(pk=file.pk)
    return Response(UsageFileSerializer(now, context={"request": request}).data, status=status_code)


class AnswerUsageFile(Endpoint):
    @extend_schema(
        operation_id="answer_usage_file",
        tags=["usage"],
        summary="Answer a usage file",
        description=(
            "Of a file that was added in the browser and waits: its `problem` says what is asked, and `needs` what "
            "answers it. All pages of a cloud list are answered at once. Scope `admin:enterprise`."
        ),
        request=AnswerSerializer,
        responses=answers(UsageFileSerializer, status=202, also=[409, 422]),
    )
    def post(self, request: Request, enterprise: str, file_id: int) -> Response:
        file = _asking(request, enterprise, file_id)
        said = sent(AnswerSerializer(data=request.data))
        needed = ANSWERED_BY[PROBLEM_OF[Question(file.question)].code]
        answer = said.get(needed)
        if not answer:
            raise serializers.ValidationError({needed: "This answers what the file asks."})
        # Only what is asked counts: no list moves to another server, and nothing is accepted before it was asked.
        if not receive_usage.answer(
            file,
            asked=file.question,
            new_host=answer if needed == "server" else None,
            accept_older=needed == "accept_older",
            accept_shrink=needed == "accept_shrink",
        ):
            raise Conflict("The file was answered meanwhile. Nothing was changed.")
        return _shown(request, file, status.HTTP_202_ACCEPTED)


class DiscardUsageFile(Endpoint):
    @extend_schema(
        operation_id="discard_usage_file",
        tags=["usage"],
        summary="Discard a usage file",
        description="Of a file that waits for an answer: nothing is taken from it. Scope `admin:enterprise`.",
        request=None,
        responses=answers(UsageFileSerializer, also=[409]),
    )
    def post(self, request: Request, enterprise: str, file_id: int) -> Response:
        file = _asking(request, enterprise, file_id)
        if not receive_usage.discard(file):
            raise Conflict("The file was answered meanwhile. Nothing was changed.")
        return _shown(request, file, status.HTTP_200_OK)


class TryUsageFileAgain(Endpoint):
    @extend_schema(
        operation_id="try_usage_file_again",
        tags=["usage"],
        summary="Try a usage file again",
        description=(
            "Of a file whose job failed or was canceled, or that was refused, as long as its bytes are stored. "
            "Scope `admin:enterprise`."
        ),
        request=None,
        responses=answers(UsageFileSerializer, status=202, also=[409]),
    )
    def post(self, request: Request, enterprise: str, file_id: int) -> Response:
        file = _file(request, enterprise, file_id)
        if not receive_usage.try_again(file):
            raise Conflict("The file can’t be tried again: it is in, or its bytes are gone. Nothing was changed.")
        return _shown(request, file, status.HTTP_202_ACCEPTED)


_FILE = "enterprises/<slug:enterprise>/usage/<int:file_id>"
urlpatterns = [
    path(f"{_FILE}/answer", AnswerUsageFile.as_view(), name="api_answer_usage_file"),
    path(f"{_FILE}/discard", DiscardUsageFile.as_view(), name="api_discard_usage_file"),
    path(f"{_FILE}/try-again", TryUsageFileAgain.as_view(), name="api_try_usage_file_again"),
]
