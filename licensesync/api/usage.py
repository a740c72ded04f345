"""Usage files: deliver one, and see what became of it.

The bytes go from the connection to the disk once, whatever their size, and are looked at by a worker. Nobody can be
asked here, so what only a person knows is said beforehand, in the query.
"""

import hashlib
from typing import IO, Any, cast

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licensesync.api import examples
from licensesync.api.access import check_again, enterprise_for
from licensesync.api.description import IDEMPOTENCY_KEY, NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import FormUnreadable
from licensesync.api.idempotency import once
from licensesync.api.jobs import JobSerializer
from licensesync.api.paging import newest_first
from licensesync.api.shapes import Moment, Problem, ProblemSerializer, problem_of, sent
from licensesync.api.tokens import token_of
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Enterprise, Scope
from licensesync.errors import NOTHING_CHANGED
from licensesync.feeds import FeedKind
from licensesync.flows import receive_usage
from licensesync.flows.upload_limit import allow_uploads, problem_of_upload, too_large
from licensesync.syncing.models import PROBLEM_OF, FileState, Question, Trigger, UsageFile
from licensesync.syncing.queries import files_of, stays_of

FORM_OVERHEAD = 64 * 1024  # what a form may add to its file


@extend_schema_serializer(examples=[examples.USAGE_FILE, examples.USAGE_FILE_REFUSED])
class UsageFileSerializer(serializers.Serializer[UsageFile]):
    """A delivered file. `done` says that nothing more happens to it; then it is in, or `problem` says why not. In state
    NEEDS_ANSWER `problem` says what is asked."""

    id = serializers.IntegerField(source="pk")
    url = serializers.SerializerMethodField()
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField(source="digest")
    created_at = Moment()
    kind = serializers.ChoiceField([(each.value, each.value) for each in FeedKind], allow_blank=True)
    deployment = serializers.SerializerMethodField(help_text="Host name, or GitHub Enterprise Cloud, once it is known.")
    state = serializers.ChoiceField(FileState.choices)
    done = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()
    nothing_new = serializers.BooleanField(
        source="brought_nothing_new", help_text="The same list was there already; `job` is the one that took it in."
    )
    job = JobSerializer(allow_null=True)

    def get_url(self, file: UsageFile) -> str:
        return file_address(self.context["request"], file)

    def get_deployment(self, file: UsageFile) -> str | None:
        return str(file.deployment) if file.deployment else None

    def get_done(self, file: UsageFile) -> bool:
        if file.state == FileState.ACCEPTED and file.job:
            return not file.job.is_open
        return file.state in (FileState.REFUSED, FileState.DISCARDED)

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_problem(self, file: UsageFile) -> Problem | None:
        if file.state == FileState.NEEDS_ANSWER:
            return problem_of(PROBLEM_OF[Question(file.question)].code, file.question_params)
        if file.job and not file.problem_code:
            return problem_of(file.job.problem_code, file.job.problem_params, stays=stays_of(file.job))
        return problem_of(file.problem_code, file.problem_params, stays=NOTHING_CHANGED)


def file_address(request: Request, file: UsageFile) -> str:
    return str(reverse("api_usage_file", args=[file.enterprise.slug, file.pk], request=request))


class DeliverySerializer(serializers.Serializer[Any]):
    """What may be said of a file beforehand."""

    server = serializers.CharField(required=False, max_length=300, help_text="Host name of the server it is from.")
    name = serializers.CharField(required=False, max_length=255, help_text="What to call the file.")
    accept_older = serializers.BooleanField(required=False, default=False)
    accept_shrink = serializers.BooleanField(required=False, default=False)


_FORM = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}},
    "required": ["file"],
}
_PARAMETERS = [
    OpenApiParameter(
        "server", str, description="Host name of the server that it is from; a site-admin report doesn’t say it."
    ),
    OpenApiParameter("accept_older", bool, description="Use it even if it is older than what is there."),
    OpenApiParameter(
        "accept_shrink", bool, description="Use it even if it removes or replaces more than a fifth of the accounts."
    ),
    OpenApiParameter("name", str, description="What to call the file, where the body is the file itself."),
    IDEMPOTENCY_KEY,
]


class Usage(Endpoint):
    parser_classes = []  # the body is a stream and goes to the disk

    @extend_schema(
        operation_id="list_usage_files",
        tags=["usage"],
        summary="List usage files",
        description="Newest first. Scope `read:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(UsageFileSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        return newest_first(request, files_of(ours), UsageFileSerializer)

    @extend_schema(
        operation_id="add_usage",
        tags=["usage"],
        summary="Add usage",
        description=(
            "Deliver a server’s license usage export, its `all_users.csv`, or the cloud’s list of consumed licenses: "
            "as the body itself, or as the one file of a form. Answers at once with where to ask what became of it. "
            "A token that is restricted to one deployment delivers for that one. Scope `write:usage`."
        ),
        parameters=_PARAMETERS,
        request={"application/octet-stream": OpenApiTypes.BINARY, "multipart/form-data": _FORM},
        responses=answers(UsageFileSerializer, status=202, also=[409, 413, 422, 507]),
    )
    def post(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.WRITE_USAGE)
        return once(
            request, lambda: self._receive(request, ours, enterprise), is_same=lambda file: _delivers(request, file)
        )

    def _receive(self, request: Request, enterprise: Enterprise, slug: str) -> Response:
        facts = sent(DeliverySerializer(data=request.query_params.dict()))
        content, name = _content(request._request)
        token = token_of(request)
        if facts.get("server") == "cloud":  # as addresses call it
            raise ValidationError({"server": "The host name of a server; the cloud’s list says what it is."})
        host = deployments.host_name(facts["server"]) if facts.get("server") else ""
        if token.deployment and host and host != token.deployment.host:
            raise ValidationError({"server": f"This token delivers for {token.deployment} only."})
        file = receive_usage.receive_file(
            content,
            enterprise=enterprise,
            name=facts.get("name") or name,
            uploaded_by=token.owner,
            deployment=token.deployment,
            host=host,
            trigger=Trigger.PUSHED if token.deployment else Trigger.SCRIPT,
            accept_older=facts["accept_older"],
            accept_shrink=facts["accept_shrink"],
            check=lambda: check_again(request, slug, Scope.WRITE_USAGE),
        )
        answer = UsageFileSerializer(file, context={"request": request}).data
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": file_address(request, file)})


def _content(request: HttpRequest) -> tuple[IO[bytes], str]:
    """The file of a request as a stream, and its name. ExpectedError: it can't be taken, as far as is known yet."""
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > settings.MAX_UPLOAD_BYTES + FORM_OVERHEAD:
        raise too_large()
    if request.content_type != "multipart/form-data":
        if not length and "chunked" in request.headers.get("Transfer-Encoding", "").lower():
            return cast(IO[bytes], request.META["wsgi.input"]), ""  # Django reads as many bytes as are announced
        return cast(IO[bytes], request), ""
    allow_uploads(request)
    try:
        files = [file for name in request.FILES for file in request.FILES.getlist(name)]
    except (SuspiciousOperation, MultiPartParserError, LookupError):  # the last of a charset that is none
        raise FormUnreadable from None
    if problem := problem_of_upload(request):
        raise problem
    if len(files) != 1:
        raise ValidationError({"file": f"A form brings one file; this one has {len(files)}."})
    if said := next(iter(request.POST), ""):
        raise ValidationError({said: "What is said of a file is said in the query, as in ?server=ghes.example.com"})
    return cast(IO[bytes], files[0]), files[0].name or ""


def _delivers(request: Request, file: Any) -> bool:
    """Whether a request brings the file of an earlier answer."""
    content, _name = _content(request._request)
    digest, size = hashlib.sha256(), 0
    while block := content.read(1 << 20):
        size += len(block)
        if size > settings.MAX_UPLOAD_BYTES:
            raise too_large()
        digest.update(block)
    return bool(digest.hexdigest() == file["sha256"])


class UsageFileEndpoint(Endpoint):
    @extend_schema(
        operation_id="get_usage_file",
        tags=["usage"],
        summary="Get a usage file",
        description=(
            "Ask until `done`: then the file is in, or `problem` says why not, and `needs` which parameter to deliver "
            "it with again. Scope `read:enterprise` or `write:usage`."
        ),
        responses=answers(UsageFileSerializer),
    )
    def get(self, request: Request, enterprise: str, file_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ, Scope.WRITE_USAGE)
        files = files_of(ours)
        if deployment := token_of(request).deployment:
            files = files.filter(deployment=deployment)
        file = get_object_or_404(files, pk=file_id)
        return Response(UsageFileSerializer(file, context={"request": request}).data)


_USAGE = "enterprises/<slug:enterprise>/usage"
urlpatterns = [
    path(_USAGE, Usage.as_view(), name="api_usage"),
    path(f"{_USAGE}/<int:file_id>", UsageFileEndpoint.as_view(), name="api_usage_file"),
]
