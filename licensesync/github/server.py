"""A GitHub Enterprise Server: its version, its license, and the report of all its users.

Sources: docs.github.com/enterprise-server, "Accessing reports for your instance" (basic authentication with a site
admin's login and a token of scope `site_admin`; 202 while the report is built), REST "Meta" and "Licensing".
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Annotated, Literal

import msgspec

from licensesync import errors
from licensesync.github import addresses, answers, rest, transport
from licensesync.github.failures import NotReady
from licensesync.github.moments import sayable
from licensesync.github.numbers import whole
from licensesync.github.transport import Answer, Limits, Route, Rules

SCOPE = "site_admin"
META = "/api/v3/meta"
LICENSE = "/api/v3/enterprise/settings/license"
REPORT = "/stafftools/reports/all_users.csv"
REPORT_LIMITS = Limits(read=120, total=1800, size=1024 * 1024 * 1024)  # about 150 bytes a person

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class ServerConnection:
    """`url`: as from `server_url_of`; `login`: of the site admin whose token it is; `proxy` may carry a password."""

    url: str
    login: str
    token: str = field(repr=False)
    ca_pem: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ServerLicense:
    """`seats`: None is unlimited. `kind`: GitHub's word, "standard" for instance."""

    seats: int | None
    seats_used: int
    kind: str
    expires_at: datetime | None


class _Meta(msgspec.Struct):
    installed_version: str


# As many as a list may name (`feeds.values.count`): what a database can't hold is no number of seats.
_Seats = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class _License(msgspec.Struct):
    seats: _Seats | Literal["unlimited"]
    seats_used: _Seats
    kind: str = ""
    expire_at: str | None = None


def server_url_of(text: str) -> str:
    """The address of a server as its owner types or pastes it: `https://HOST` or `https://HOST:PORT`.

    A path is dropped: a server is always at the root of its host, and a pasted page's address says which.
    ExpectedError(ADDRESS_UNREADABLE).
    """
    return addresses.origin(addresses.parsed(text))


def read_version(connection: ServerConnection, rules: Rules) -> str:
    """The installed version, as in "3.19.1". Raises as `transport.get` and `answers.require_data` do."""
    with rest.get(connection.url + META, connection.token, route(connection, rules), SCOPE) as answer:
        return version_in(answer)


def version_in(answer: Answer) -> str:
    """The version in the answer to `META`."""
    require_data(answer, META)
    return rest.decoded(answer, _Meta, SCOPE).installed_version


def read_license(connection: ServerConnection, rules: Rules, limits: Limits | None = None) -> ServerLicense:
    """What the server says about its license. Raises as `transport.get` and `answers.require_data` do."""
    with rest.get(connection.url + LICENSE, connection.token, route(connection, rules), SCOPE, limits) as answer:
        require_data(answer, LICENSE)
        said = rest.decoded(answer, _License, SCOPE)
    return ServerLicense(
        seats=whole(said.seats),
        seats_used=said.seats_used,
        kind=said.kind,
        expires_at=_moment(said.expire_at),
    )


def fetch_report(
    connection: ServerConnection, rules: Rules, to: IO[bytes], *, progress: Progress, limits: Limits = REPORT_LIMITS
) -> None:
    """Write all_users.csv to `to`, from where it stands; `progress` hears the bytes so far and the total if known.

    Raises NotReady while the server builds the report, else as `transport.get`, `answers.require_data` and
    `Answer.pieces` do. After a failure `to` may hold a part: empty it before trying again.
    """
    with report(connection, rules, limits) as answer:
        done = 0
        for piece in answers.data(answer, SCOPE):
            to.write(piece)
            done += len(piece)
            progress(done, answer.length)


@contextmanager
def report(connection: ServerConnection, rules: Rules, limits: Limits = REPORT_LIMITS) -> Iterator[Answer]:
    """The report, ready to be read; raises as `fetch_report` does."""
    identity = b64encode(f"{connection.login}:{connection.token}".encode()).decode("ascii")
    headers = {"Authorization": f"Basic {identity}", "Accept": "text/csv"}
    with transport.get(
        connection.url + REPORT, route(connection, rules), headers=headers, sign_in_scope=SCOPE, limits=limits
    ) as answer:
        if answer.status == 202:
            raise NotReady(errors.REPORT_NOT_READY, retry_after=answers.seconds_asked_for(answer), host=answer.host)
        require_data(answer, REPORT)
        yield answer


def route(connection: ServerConnection, rules: Rules) -> Route:
    return Route(rules, connection.ca_pem, connection.proxy)


def require_data(answer: Answer, path: str) -> None:
    answers.require_data(answer, scope=SCOPE, absent=errors.SERVER_HAS_NOT, path=path)


def _moment(said: str | None) -> datetime | None:
    """As in 2016/02/06 12:41:52 -0600."""
    try:
        return sayable(datetime.strptime(said or "", "%Y/%m/%d %H:%M:%S %z"))
    except ValueError:
        return None
