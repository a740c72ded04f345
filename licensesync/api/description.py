"""What the OpenAPI description says of every endpoint: how to sign in, what errors look like, how to ask for pages."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "licensesync.api.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer lsy_…` (or `token lsy_…`)"}


class ErrorDetail(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(required=False)


class Error(serializers.Serializer[Any]):
    """As GitHub writes errors."""

    message = serializers.CharField()
    documentation_url = serializers.URLField()
    status = serializers.CharField()
    errors = ErrorDetail(many=True, required=False)  # type: ignore[assignment]  # a field is no attribute


MEANINGS = {
    301: "It is another one now; `Location` says which.",
    304: "As it was: the `ETag` is that of `If-None-Match`.",
    400: "The request can’t be read.",
    401: "No token, or one that is wrong, revoked or has run out.",
    403: "The token’s scopes, or the role of its owner, don’t allow it.",
    404: "Not there, or not for this token.",
    409: "It can’t be done in the state that it is in.",
    410: "It is not there any more.",
    413: "Too large.",
    415: "Another media type than JSON is asked for, or sent.",
    422: "What was sent can’t be used.",
    429: "More requests than the token has in an hour; `Retry-After` says when to go on.",
    503: "Not ready yet; `Retry-After` says when to ask again.",
    507: "Too little space is left on the disk of LicenseSync or its database.",
}
ALWAYS = (400, 401, 403, 404, 415, 429)


def answers(shape: Any, *, status: int | tuple[int, str] = 200, also: Iterable[int] = ()) -> dict[Any, Any]:
    """The responses of an operation: its own, and the errors that it can answer with."""
    errors = sorted({*ALWAYS, *also})
    return {status: shape, **{code: OpenApiResponse(Error, description=MEANINGS[code]) for code in errors}}


def with_answers_by_method(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what `endpoint.Endpoint` and Django answer by themselves, whatever the address: where JSON is read, that it
    is as it was; where something is sent, that it is too large."""
    for path in result["paths"].values():
        for method, operation in path.items():
            found = operation["responses"]
            if method == "get" and "application/json" in found["200"]["content"]:
                found["304"] = {"description": MEANINGS[304]}
            elif method in ("post", "put", "patch"):
                found["413"] = {**found["400"], "description": MEANINGS[413]}
            operation["responses"] = dict(sorted(found.items()))
    return result


def _number(name: str, description: str, default: int | None = None) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.INT64, description=description, default=default)


PER_PAGE = _number("per_page", "Results per page, at most 100.", 30)
PAGE = _number("page", "Page number, from 1.", 1)
NEWEST_FIRST = [PER_PAGE, _number("before", "Where the page before ended; from the Link header.")]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Send the same key with the same request again, and it is done once; kept for a day.",
)
