"""Every error in one body, as GitHub writes them: `message`, `documentation_url`, `status`, and `errors` where a field
or an expected problem is to blame."""

from collections.abc import Iterator
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, UnreadablePostError
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize  # type: ignore[import-untyped]
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    NotAuthenticated,
    NotFound,
    ParseError,
    Throttled,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licensesync.errors import DISK_FULL, NOT_CONNECTED, TOO_LARGE, ExpectedError
from licensesync.flows.mishaps import is_busy, is_cut_off, is_disk_full

log = structlog.get_logger()


class NotAcceptable(APIException):
    """GitHub answers 415, where others answer 406."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_detail = "Unsupported 'Accept' header. Must accept 'application/json'."


class UnknownVersion(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "X-GitHub-Api-Version is a date, like 2022-11-28."


class LengthMissing(APIException):
    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "Send the body with its Content-Length; without it only usage is taken. Nothing was changed."


class FormUnreadable(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = (
        "This is no form as its Content-Type says. Let your client write both, or send the file alone as the body."
    )


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT


class NothingConnected(APIException):
    """As an instance that is not connected, where all are meant."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "Nothing is connected yet, so nothing can be synced. Connect an instance first."


class Gone(APIException):
    status_code = status.HTTP_410_GONE


class NotReady(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "It is being worked out. Ask again in some seconds."
    wait = 10


class DatabaseAway(NotReady):
    default_detail = "The database does not answer. Nothing is known to have been changed; try again."


class DatabaseBusy(NotReady):
    default_detail = "The database was busy for too long. Nothing is known to have been changed; try again."


def answer_to(error: Exception, context: dict[str, Any]) -> Response:
    """The exception handler of every endpoint: none of its errors is a page of HTML."""
    request: Request = context["request"]
    if is_cut_off(error):
        log.warning("database_away", error=" ".join(str(error).split()))
        error = DatabaseAway()
    elif is_busy(error):
        log.warning("database_busy", error=" ".join(str(error).split()))
        error = DatabaseBusy()
    elif is_disk_full(error):
        log.warning("disk_full", error=" ".join(str(error).split()))
        error = ExpectedError(DISK_FULL)
    code, message, errors = _told(error)
    if code == status.HTTP_500_INTERNAL_SERVER_ERROR:
        log.exception("api_request_failed", path=request.path)
    body: dict[str, Any] = {
        "message": message,
        "documentation_url": reverse("api_docs", request=request),
        "status": str(code),
    }
    if errors:
        body["errors"] = errors
    response = Response(body, status=code)
    if isinstance(error, Throttled | NotReady):
        response["Retry-After"] = str(int(getattr(error, "wait", None) or 60))
    if isinstance(error, APIException) and (challenge := getattr(error, "auth_header", None)):
        response["WWW-Authenticate"] = challenge
    return response


def moved(request: Request, address: str) -> Response:
    """301, as GitHub tells that something has another address."""
    body = {
        "message": "Moved Permanently",
        "documentation_url": reverse("api_docs", request=request),
        "status": "301",
    }
    return Response(body, status=status.HTTP_301_MOVED_PERMANENTLY, headers={"Location": address})


_SENTENCES: dict[type[Exception], tuple[int, str]] = {
    Http404: (404, "Not Found"),
    NotFound: (404, "Not Found"),
    NotAuthenticated: (401, "Requires authentication"),
    ParseError: (400, "Problems parsing JSON"),
    BlockingIOError: (400, "The body stopped before it was complete. Nothing was changed."),
    ChunkMissingTerminator: (400, "The body is not in chunks as its headers say. Nothing was changed."),
    InvalidChunkSize: (400, "The body is not in chunks as its headers say. Nothing was changed."),
    UnreadablePostError: (400, "The body ended before it was complete. Nothing was changed."),
    RequestDataTooBig: (413, "The body is larger than this address takes. Nothing was changed."),
    Throttled: (429, "API rate limit exceeded for this token."),
}


def _told(error: Exception) -> tuple[int, str, list[dict[str, str]]]:
    """Status, message and details of an error."""
    if type(error) in _SENTENCES:
        return *_SENTENCES[type(error)], []
    match error:
        case ExpectedError(problem=problem):
            code = {TOO_LARGE: 413, DISK_FULL: 507}.get(problem, 422)
            message = str(error)
            return code, message, [{"code": problem.code, "message": message}]
        case ValidationError():
            return 422, "Validation Failed", list(_fields(error.detail))
        case APIException():
            message = str(error.detail)
            errors = [{"code": NOT_CONNECTED.code, "message": message}] if isinstance(error, NothingConnected) else []
            return error.status_code, message, errors
    return 500, "Something went wrong on our side. Nothing is known to have been changed; try again.", []


def _fields(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """GitHub's `errors`: one of each complaint about a field."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _fields(inner, f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _fields(inner, field)
    else:
        code = {"required": "missing_field", "unique": "already_exists"}.get(detail.code, "invalid")
        yield {"field": field, "code": code, "message": str(detail)}
