"""A page of accounts, with links to the one before and the one behind it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

from licensesync.usage.models import Account
from licensesync.web.asked import id_of

PAGE_SIZE = 25

Row = TypeVar("Row", bound=Account)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`before` and `after` are user ids for the pages before and behind it, 0 where there is nobody."""

    rows: list[Row]
    before: int
    after: int


def page_asked_for(request: HttpRequest, accounts: QuerySet[Row]) -> Page[Row]:
    """Of one deployment, by user id. `?after=` and `?before=` say between which; costs the same on every page. Where
    nobody stands there any more, it is the first one."""
    after, before = id_of(request.GET.get("after", "")), id_of(request.GET.get("before", ""))
    page = _page(accounts, after, before)
    return page if page.rows or not (after or before) else _page(accounts, 0, 0)


def _page(accounts: QuerySet[Row], after: int, before: int) -> Page[Row]:
    if before:
        found = list(accounts.filter(user_id__lt=before).order_by("-user_id")[: PAGE_SIZE + 1])
        rows = found[:PAGE_SIZE][::-1]
        is_first, is_last = len(found) <= PAGE_SIZE, False
    else:
        found = list(accounts.filter(user_id__gt=after).order_by("user_id")[: PAGE_SIZE + 1])
        rows = found[:PAGE_SIZE]
        is_first, is_last = not after, len(found) <= PAGE_SIZE
    if not rows:
        return Page([], 0, 0)
    return Page(rows, 0 if is_first else rows[0].user_id, 0 if is_last else rows[-1].user_id)
