"""What an answer of GitHub means, before its content is looked at.

Rate limits as documented (docs.github.com, "Rate limits for the REST API"): a 403 or 429 with `Retry-After` says for
how many seconds, with `X-RateLimit-Remaining: 0` the reset says until when; without either it is a secondary limit, and
at least a minute is to be waited.
"""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from licensesync import errors
from licensesync.errors import ExpectedError, Problem
from licensesync.github.failures import Passing, Wait
from licensesync.github.numbers import whole
from licensesync.github.transport import Answer

AT_LEAST = timedelta(minutes=1)
AT_MOST = timedelta(hours=2)  # the primary limit resets within one hour; anything longer is a wrong clock
LOOK_AT = 4096  # bytes that tell a page from data

IMPLIED_BY = {
    "read:enterprise": ("admin:enterprise", "manage_billing:enterprise"),
    "site_admin": (),
}


def require_data(answer: Answer, *, scope: str, absent: Problem, **params: str) -> None:
    """Return when there is data to read (a 2xx that is no web page), else raise what stands in the way.

    `scope`: what the token needs here; `absent`: what a 404 means, filled with `params` besides host and scope.
    Raises ExpectedError: WRONG_CREDENTIALS, SCOPE_MISSING, SINGLE_SIGN_ON, ADDRESS_NOT_LISTED, SIGN_IN_PAGE, `absent`,
    ANSWER_NOT_UNDERSTOOD; Passing: SERVER_IN_TROUBLE; Wait: SLOW_DOWN.
    """
    host, status = answer.host, answer.status
    if status in (403, 429):
        message = _message(answer)
        raise_rate_limit(answer, message)
        raise _refusal(answer, message, scope)
    if status == 401:
        raise ExpectedError(errors.WRONG_CREDENTIALS, host=host)
    if status == 404:
        if _lacks(answer, scope):
            raise ExpectedError(errors.SCOPE_MISSING, host=host, scope=scope)
        raise ExpectedError(absent, host=host, scope=scope, **params)
    if status >= 500 or status == 408:
        raise Passing(errors.SERVER_IN_TROUBLE, retry_after=seconds_asked_for(answer), host=host, status=str(status))
    if not 200 <= status < 300:
        detail = errors._("its status is %(status)s")
        raise ExpectedError(errors.ANSWER_NOT_UNDERSTOOD, host=host, detail=detail, status=str(status))
    if "html" in answer.headers.get("Content-Type", "").lower():
        raise ExpectedError(errors.SIGN_IN_PAGE, host=host, scope=scope)


def data(answer: Answer, scope: str) -> Iterator[bytes]:
    """The body in pieces. ExpectedError(SIGN_IN_PAGE) for a web page that calls itself something else."""
    first = True
    for piece in answer.pieces():
        if first and piece[:LOOK_AT].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html")):
            raise ExpectedError(errors.SIGN_IN_PAGE, host=answer.host, scope=scope)
        first = first and not piece.strip()
        yield piece


def scopes(answer: Answer) -> tuple[str, ...] | None:
    """The scopes of the token, None where GitHub doesn't say (it does for classic tokens only)."""
    said = answer.headers.get("X-OAuth-Scopes")
    return None if said is None else tuple(filter(None, map(str.strip, said.split(","))))


def covers(held: tuple[str, ...], scope: str) -> bool:
    return scope in held or any(wider in held for wider in IMPLIED_BY.get(scope, ()))


def seconds_asked_for(answer: Answer) -> float | None:
    """`Retry-After` in seconds, given as such or as a date; None without one."""
    said = answer.headers.get("Retry-After", "").strip()
    if (seconds := whole(said)) is not None:
        return min(float(seconds), AT_MOST.total_seconds())
    try:
        until: datetime = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, (until - _clock(answer)).total_seconds()), AT_MOST.total_seconds())


def raise_rate_limit(answer: Answer, message: str) -> None:
    """Raise Wait where a refusal with this message is about a limit."""
    asked = seconds_asked_for(answer)
    reset = whole(answer.headers.get("X-RateLimit-Reset"))
    told = True
    if asked is not None:
        wait = timedelta(seconds=asked)
    elif answer.headers.get("X-RateLimit-Remaining") == "0" and reset is not None:
        wait = timedelta(seconds=min(reset - _clock(answer).timestamp(), AT_MOST.total_seconds()))
    elif answer.status == 429 or "rate limit" in message.lower() or "abuse detection" in message.lower():
        wait, told = AT_LEAST, False
    else:
        return
    wait = max(timedelta(seconds=1), min(wait, AT_MOST))
    raise Wait(errors.SLOW_DOWN, datetime.now(UTC) + wait, told=told, host=answer.host)


def _clock(answer: Answer) -> datetime:
    """The other side's clock, so that ours may be wrong."""
    with contextlib.suppress(ValueError, OverflowError):
        said: datetime = parsedate_to_datetime(answer.headers.get("Date", ""))
        return said if said.tzinfo else said.replace(tzinfo=UTC)
    return datetime.now(UTC)


def _refusal(answer: Answer, message: str, scope: str) -> ExpectedError:
    if "X-GitHub-SSO" in answer.headers:
        return ExpectedError(errors.SINGLE_SIGN_ON)
    if "ip allow list" in message.lower():
        return ExpectedError(errors.ADDRESS_NOT_LISTED, host=answer.host)
    return ExpectedError(errors.SCOPE_MISSING, host=answer.host, scope=scope)


def _lacks(answer: Answer, scope: str) -> bool:
    held = scopes(answer)
    return held is not None and not covers(held, scope)


def _message(answer: Answer) -> str:
    """GitHub's own words, "" without any. For recognising only: they are never shown. Passing: they did not arrive."""
    try:
        said = json.loads(answer.body())
    except Passing:
        raise
    except (ValueError, RecursionError, ExpectedError):
        return ""
    return str(said.get("message", "")) if isinstance(said, dict) else ""
