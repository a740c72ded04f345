"""The accounts of one server, whether they consume a license or not, each with its license: as rows, as CSV.

The list of licenses is of people, so it can't show who is suspended, nor who is dormant on this server and active on
another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import QuerySet

from licensesync.enterprises.models import Deployment
from licensesync.licenses.csv_report import csv_line, safe
from licensesync.licenses.models import LicensedAccount
from licensesync.usage.models import ServerUserAccount, valid_at

COLUMNS = (
    "User id", "Login", "Name", "E-mail", "Site admin", "Suspended", "Dormant", "Created", "Last active",
    "License number",
)  # fmt: skip
AT_ONCE = 1_000


class State(StrEnum):
    """Which accounts, by the figures of a server."""

    ALL = ""
    SUSPENDED = "suspended"
    DORMANT = "dormant"  # and not suspended, so it counts


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """`license` is its number, None where the account consumes none."""

    account: ServerUserAccount
    license: int | None


def accounts_of(server: Deployment, state: State) -> QuerySet[ServerUserAccount]:
    """As they were counted last, by user id."""
    rows = ServerUserAccount.objects.filter(valid_at(server.enterprise.generation), deployment=server)
    match state:
        case State.SUSPENDED:
            rows = rows.filter(suspended=True)
        case State.DORMANT:
            rows = rows.filter(dormant=True, suspended=False)
    return rows.order_by("user_id")


def with_licenses(server: Deployment, accounts: Sequence[ServerUserAccount]) -> list[ServerAccount]:
    """The accounts with their licenses, all looked up at once."""
    ours = LicensedAccount.objects.filter(valid_at(server.enterprise.generation), deployment=server)
    user_ids = [account.user_id for account in accounts]
    numbers = dict(ours.filter(user_id__in=user_ids).values_list("user_id", "number"))
    return [ServerAccount(account, numbers.get(account.user_id)) for account in accounts]


def csv_of_accounts(server: Deployment, state: State) -> Iterator[str]:
    """A block at a time: a slow reader holds nothing open."""
    yield csv_line(COLUMNS)
    rows, last = accounts_of(server, state), 0
    while block := list(rows.filter(user_id__gt=last)[:AT_ONCE]):
        yield "".join([csv_line(_cells(each)) for each in with_licenses(server, block)])
        last = block[-1].user_id


def _cells(row: ServerAccount) -> tuple[str, ...]:
    account = row.account
    return (
        str(account.user_id),
        safe(account.login),
        safe(account.name),
        safe(account.email),
        _word(account.site_admin),
        _word(account.suspended),
        _word(account.dormant),
        _time(account.created_at),
        _time(account.last_active_at),
        "" if row.license is None else str(row.license),
    )


def _word(flag: bool | None) -> str:
    return "" if flag is None else str(flag).lower()


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(sep=" ", timespec="seconds")
