"""The audit log of an enterprise: who changed what, and who took away lists of people. Its only writer and reader.

An event is written within the transaction of what it tells of, so neither is there without the other. What becomes of
lists is told by the history of syncs, which also says who brought them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from licensesync.enterprises.models import AuditAction, AuditEvent, Enterprise, Through
from licensesync.users.models import User

Changes = dict[str, list[Any]]  # names to [before, after]


@dataclass(frozen=True)
class Actor:
    """Who acts, and how; `token` is the name of the API token. By itself: whoever may run commands on the machine."""

    user: User | None = None
    through: Through = Through.COMMAND
    token: str = ""


_acting: ContextVar[Callable[[], Actor]] = ContextVar("acting", default=Actor)


@contextmanager
def acting(who: Callable[[], Actor]) -> Iterator[None]:
    """What is done within was done by `who`, which is asked only when something is."""
    before = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(before)


def record(
    enterprise: Enterprise | int,
    action: AuditAction,
    *subjects: str,
    changes: Changes | None = None,
    by: User | None = None,
) -> None:
    """Note what is being done, to each of the subjects alike. `by`: the person, where the request does not know them
    yet."""
    actor = _acting.get()()
    user = by or actor.user
    events = [
        AuditEvent(
            enterprise_id=enterprise if isinstance(enterprise, int) else enterprise.pk,
            action=action,
            subject=subject[:300],
            changes=changes or {},
            actor=user,
            through=actor.through,
            token=actor.token,
        )
        for subject in subjects or [""]
    ]
    AuditEvent.objects.bulk_create(events)


def differences(before: dict[str, Any], after: dict[str, Any]) -> Changes:
    """What is not as it was. The names are those of `after`."""
    return {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}


def events_of(enterprise: Enterprise) -> QuerySet[AuditEvent]:
    """Newest first."""
    return AuditEvent.objects.filter(enterprise=enterprise).select_related("actor").order_by("-pk")


def actors_of(enterprise: Enterprise) -> QuerySet[User]:
    """Everybody who has done something that is still told."""
    return User.objects.filter(pk__in=AuditEvent.objects.filter(enterprise=enterprise).values("actor")).order_by(
        "email"
    )


def forget_person(email: str) -> None:
    """The account is being deleted: what was done to it stays, without saying to whom."""
    AuditEvent.objects.filter(action__startswith="member.", subject=email).update(subject="")


def forget(*, before: datetime) -> None:
    AuditEvent.objects.filter(at__lt=before).delete()
