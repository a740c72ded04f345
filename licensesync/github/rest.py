"""GitHub's APIs, the same on a server and on the cloud: who asks, and typed answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx
import msgspec

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import answers, transport
from licensesync.github.transport import Answer, Limits, Route

API_VERSION = "2022-11-28"

T = TypeVar("T")


@contextmanager
def get(url: str, token: str, route: Route, scope: str, limits: Limits | None = None) -> Iterator[Answer]:
    """Ask the API for `url`. Raises as `transport.get`, and WRONG_CREDENTIALS for what can't be a token."""
    headers = _headers(url, token)
    with transport.get(url, route, headers=headers, sign_in_scope=scope, limits=limits) as answer:
        yield answer


@contextmanager
def post(
    url: str, token: str, route: Route, scope: str, *, question: bytes, limits: Limits | None = None
) -> Iterator[Answer]:
    """Ask with a question in JSON, as GraphQL is asked. Raises as `get`."""
    headers = _headers(url, token) | {"Content-Type": "application/json"}
    with transport.post(url, route, question, headers=headers, sign_in_scope=scope, limits=limits) as answer:
        yield answer


def _headers(url: str, token: str) -> dict[str, str]:
    if not (token.isascii() and token.isprintable()) or " " in token or not token:
        raise ExpectedError(errors.WRONG_CREDENTIALS, host=httpx.URL(url).host)
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
    }


def decoded(answer: Answer, shape: type[T], scope: str) -> T:
    """The JSON of an answer. ExpectedError: ANSWER_NOT_UNDERSTOOD, SIGN_IN_PAGE and those of `Answer.pieces`."""
    return decoded_body(b"".join(answers.data(answer, scope)), shape, answer.host)


def decoded_body(body: bytes, shape: type[T], host: str) -> T:
    """ExpectedError(ANSWER_NOT_UNDERSTOOD)."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        detail = errors._("it is not the JSON that GitHub describes")
        raise ExpectedError(errors.ANSWER_NOT_UNDERSTOOD, host=host, detail=detail) from error
