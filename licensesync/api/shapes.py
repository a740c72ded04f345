"""Pieces that several resources show alike."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict, TypeVar

from rest_framework import serializers

from licensesync.errors import (
    FEWER_IDENTITIES,
    FIGURES_STAY,
    NOTHING_STORED,
    OLDER_THAN_STORED,
    OTHER_PEOPLE,
    SERVER_CONFLICT,
    SERVER_UNKNOWN,
    SHRINKS_TOO_MUCH,
    ExpectedError,
    sentence,
)

T = TypeVar("T")

# What answers the question behind a refusal: a parameter of the next delivery.
ANSWERED_BY = {
    SERVER_UNKNOWN.code: "server",
    SERVER_CONFLICT.code: "server",
    OLDER_THAN_STORED.code: "accept_older",
    SHRINKS_TOO_MUCH.code: "accept_shrink",
    OTHER_PEOPLE.code: "accept_shrink",
    FEWER_IDENTITIES.code: "accept_shrink",
}


GITHUB_TIME = "%Y-%m-%dT%H:%M:%SZ"


def github_time(moment: datetime | None) -> str:
    """A time as GitHub writes it, "" without one."""
    return moment.astimezone(UTC).strftime(GITHUB_TIME) if moment else ""


class Moment(serializers.DateTimeField):
    """A time as GitHub writes it: UTC, whole seconds."""

    def __init__(self, **more: Any) -> None:
        super().__init__(format=GITHUB_TIME, default_timezone=UTC, **more)


class Problem(TypedDict):
    code: str
    message: str
    needs: str | None


class ProblemSerializer(serializers.Serializer[Problem]):
    """Why something was not done, in words. `code` never changes."""

    code = serializers.CharField()
    message = serializers.CharField()
    needs = serializers.ChoiceField(
        choices=sorted(set(ANSWERED_BY.values())),
        allow_null=True,
        help_text=(
            "The parameter that answers the question behind it: deliver the file again with it, or answer the file "
            "where it waits."
        ),
    )


def problem_of(code: str, params: Mapping[str, str | int], *, stays: str = FIGURES_STAY) -> Problem | None:
    """A stored problem; None without one."""
    if not code:
        return None
    return {"code": code, "message": sentence(code, params, stays=stays), "needs": ANSWERED_BY.get(code)}


def valid(read: Callable[[str], T], text: str) -> T:
    """What `read` makes of a field's text; its ExpectedError is said of the field."""
    try:
        return read(text)
    except ExpectedError as error:
        said = sentence(error.problem.code, error.params, stays=NOTHING_STORED)
        raise serializers.ValidationError(said) from None


def sent(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """What was sent, as the serializer takes it. ValidationError: it does not."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
