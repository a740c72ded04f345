"""GitHub Enterprise Cloud: the list of consumed licenses, page by page, whether the pages make a whole list, and when
GitHub last synced each server by itself.

Source: docs.github.com/enterprise-cloud@latest, REST "Licensing" (scope `read:enterprise`, `Link` headers); data
residency hosts are `https://api.SUBDOMAIN.ghe.com`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

import httpx
import msgspec

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import addresses, answers, rest
from licensesync.github.moments import sayable
from licensesync.github.numbers import whole
from licensesync.github.transport import Answer, Route, Rules

SCOPE = "read:enterprise"
PER_PAGE = 100
PUBLIC_API = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class CloudConnection:
    """`api_url`: as from `api_url_of`; `slug`: of the enterprise; `proxy` may carry a password."""

    api_url: str
    slug: str
    token: str = field(repr=False)
    ca_pem: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came, to be kept. `keys`: who each row is, "" where a row names nobody (an invitation by e-mail).

    `total_seats_consumed`: of the whole list. `next_page`, `last_page`: numbers, None where GitHub names none.
    """

    body: bytes
    rows: int
    keys: tuple[str, ...]
    total_seats_consumed: int | None
    next_page: int | None
    last_page: int | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a stored page says."""

    keys: tuple[str, ...]
    total_seats_consumed: int | None


@dataclass(frozen=True, slots=True)
class ServerSync:
    """GitHub's last own sync of a server. `at` is None where there was none; `problem` is GitHub's word for what went
    wrong, "" where nothing did."""

    server_id: str
    host: str
    at: datetime | None
    problem: str


class HasContents(Protocol):
    """A `Page`, or the `Contents` of a stored one."""

    @property
    def keys(self) -> tuple[str, ...]: ...
    @property
    def total_seats_consumed(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Assembly:
    """What all pages together are. `people`: how many different ones; `total`: how many GitHub says there are.

    `changed`: somebody stands on it twice, or was added or removed between two pages, so that somebody may be missing
    even where the number is right; fetch the list again from page 1.
    `whole`: nobody twice, nobody missing.
    """

    people: int
    total: int | None
    changed: bool
    whole: bool

    @property
    def missing(self) -> int:
        return max(0, (self.total or 0) - self.people)


class _Row(msgspec.Struct):
    github_com_login: str | None = None
    enterprise_server_user_ids: list[str] | None = None


class _Sync(msgspec.Struct):
    date: str | None = None
    status: str | None = None
    error: str | None = None


class _Instance(msgspec.Struct):
    server_id: str | None = None
    hostname: str | None = None
    last_sync: _Sync | None = None


class _SyncStatus(msgspec.Struct):
    server_instances: list[_Instance] = []


class _List(msgspec.Struct):
    users: list[_Row]
    total_seats_consumed: int | None = None


def api_url_of(text: str) -> str:
    """The address of the API from what owners know: github.com, SUBDOMAIN.ghe.com, a page's or the API's own address.

    ExpectedError(ADDRESS_UNREADABLE).
    """
    url = addresses.parsed(text)
    if url.host in ("github.com", "www.github.com", "api.github.com"):
        return PUBLIC_API
    residency = re.fullmatch(r"(?:api\.)?([a-z0-9-]+\.ghe\.com)", url.host)
    if residency:
        return f"https://api.{residency[1]}"
    return addresses.origin(url) + url.path.rstrip("/")


def fetch_page(connection: CloudConnection, rules: Rules, page: int) -> Page:
    """One page of consumed licenses, the first is 1. Raises as `transport.get` and `answers.require_data` do.

    Of the `Link` header only page numbers are used, so it leads nowhere else.
    """
    with rest.get(page_url(connection, page), connection.token, route(connection, rules), SCOPE) as answer:
        return page_in(answer, connection, page)


def fetch_server_syncs(connection: CloudConnection, rules: Rules) -> list[ServerSync]:
    """REST "Get a license sync status". Raises as `transport.get` and `answers.require_data` do."""
    url = _enterprise_url(connection) + "/license-sync-status"
    with rest.get(url, connection.token, route(connection, rules), SCOPE) as answer:
        require_data(answer, connection)
        said = rest.decoded(answer, _SyncStatus, SCOPE)
    return [_server_sync(each) for each in said.server_instances]


def _server_sync(instance: _Instance) -> ServerSync:
    sync = instance.last_sync or _Sync()
    is_well = (sync.status or "").lower() in ("", "success")
    said = sync.error or ("" if is_well else sync.status or "")
    problem = "".join(filter(str.isprintable, " ".join(said.split())))  # anything may stand there
    return ServerSync(instance.server_id or "", (instance.hostname or "").lower(), _moment(sync.date), problem)


def _moment(said: str | None) -> datetime | None:
    """As in 2020-01-01T00:00:00Z."""
    try:
        moment = datetime.fromisoformat((said or "")[:40])
    except ValueError:
        return None
    return sayable(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def page_url(connection: CloudConnection, page: int) -> str:
    return f"{_enterprise_url(connection)}/consumed-licenses?per_page={PER_PAGE}&page={page}"


def _enterprise_url(connection: CloudConnection) -> str:
    return f"{connection.api_url}/enterprises/{quote(connection.slug, safe='')}"


def require_data(answer: Answer, connection: CloudConnection) -> None:
    answers.require_data(answer, scope=SCOPE, absent=errors.ENTERPRISE_NOT_FOUND, slug=connection.slug)


def page_in(answer: Answer, connection: CloudConnection, page: int) -> Page:
    """The page in the answer to the question for it."""
    require_data(answer, connection)
    body = b"".join(answers.data(answer, SCOPE))
    found = contents(body, answer.host)
    next_page = _linked_page(answer, "next")
    if next_page is None and "next" in answer.links:  # there is more, and a list without it would take people away
        detail = errors._("the address of its next page has no number")
        raise ExpectedError(errors.ANSWER_NOT_UNDERSTOOD, host=answer.host, detail=detail)
    if next_page is not None and next_page <= page:
        detail = errors._("after page %(page)s it names page %(next)s")
        raise ExpectedError(
            errors.ANSWER_NOT_UNDERSTOOD, host=answer.host, detail=detail, page=str(page), next=str(next_page)
        )
    return Page(body, len(found.keys), found.keys, found.total_seats_consumed, next_page, _linked_page(answer, "last"))


def contents(body: bytes, host: str = "GitHub") -> Contents:
    """Who is on a page, from its bytes. ExpectedError(ANSWER_NOT_UNDERSTOOD)."""
    page = rest.decoded_body(body, _List, host)
    return Contents(tuple(map(_key, page.users)), page.total_seats_consumed)


def assemble(pages: Iterable[HasContents]) -> Assembly:
    """Whether these pages, all there are and in their order, make a whole list."""
    times: Counter[str] = Counter()
    totals: list[int] = []
    for page in pages:
        times.update(page.keys)
        if page.total_seats_consumed is not None:
            totals.append(page.total_seats_consumed)
    nameless = times.pop("", 0)
    people = len(times) + nameless
    total = totals[-1] if totals else None
    changed = any(count > 1 for count in times.values()) or len(set(totals)) > 1
    return Assembly(people, total, changed, whole=not changed and people >= (total or 0))


def route(connection: CloudConnection, rules: Rules) -> Route:
    return Route(rules, connection.ca_pem, connection.proxy)


def _key(row: _Row) -> str:
    if row.github_com_login:
        return f"login {row.github_com_login.casefold()}"
    if row.enterprise_server_user_ids:
        return "server " + " ".join(sorted(map(str.casefold, row.enterprise_server_user_ids)))
    return ""


def _linked_page(answer: Answer, relation: str) -> int | None:
    address = answer.links.get(relation, {}).get("url", "")
    try:
        number = httpx.URL(address).params.get("page", "")
    except httpx.InvalidURL:
        return None
    return whole(number)
