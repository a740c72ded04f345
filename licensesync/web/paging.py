"""A page of a list, with links to the one before and the one behind it. All pages cost the same."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from licensesync.usage.models import Account
from licensesync.web.asked import id_of

PAGE_SIZE = 25

Row = TypeVar("Row", bound=Account)
Entry = TypeVar("Entry", bound=Model)


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


@dataclass(frozen=True, slots=True)
class Newest(Generic[Entry]):
    """Some entries, newest first; `newer` and `older` are queries for their neighbours, `here` the one for this page;
    or ""."""

    rows: list[Entry]
    newer: str = ""
    older: str = ""
    here: str = ""


def newest_first(request: HttpRequest, entries: QuerySet[Entry]) -> Newest[Entry]:
    """Those before or after the id that the query says, else the newest; those also where the others are gone."""
    after, before = id_of(request.GET.get("after", "")), id_of(request.GET.get("before", ""))
    page = _newest(entries, after, before)
    return page if page.rows or not page.here else _newest(entries, 0, 0)


def _newest(entries: QuerySet[Entry], after: int, before: int) -> Newest[Entry]:
    if after:
        found = list(entries.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        rows = found[:PAGE_SIZE][::-1]
        has_newer, has_older = len(found) > PAGE_SIZE, True
    else:
        found = list((entries.filter(pk__lt=before) if before else entries)[: PAGE_SIZE + 1])
        rows = found[:PAGE_SIZE]
        has_newer, has_older = before > 0, len(found) > PAGE_SIZE
    here = f"after={after}" if after else f"before={before}" if before else ""
    if not rows:
        return Newest([], here=here)
    return Newest(
        rows,
        newer=f"after={rows[0].pk}" if has_newer else "",
        older=f"before={rows[-1].pk}" if has_older else "",
        here=here,
    )
