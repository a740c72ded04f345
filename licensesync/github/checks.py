"""Test connection: every step of the way to the data by itself, so that an owner sees which one fails.

Steps of a server: name, connection, credentials, scope, version, license, report. Of the cloud: name, connection,
credentials, scope, list, identities. The first failure skips the steps behind it. Nothing is changed on the other side;
asking for the report makes a server build one, which takes it a while the first time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import httpx

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import answers, cloud, identities, network, rest, server, transport
from licensesync.github import rules as rulebook
from licensesync.github.cloud import CloudConnection
from licensesync.github.failures import NotReady
from licensesync.github.numbers import whole
from licensesync.github.server import ServerConnection
from licensesync.github.transport import Answer, Limits, Route, Rules

State = Literal["ok", "failed", "skipped", "hint"]

SERVER_STEPS = ("name", "connection", "credentials", "scope", "version", "license", "report")
CLOUD_STEPS = ("name", "connection", "credentials", "scope", "list", "identities")
REFUSALS = (errors.SIGN_IN_PAGE, errors.WRONG_CREDENTIALS, errors.SCOPE_MISSING)
# `total` is of all steps together: somebody is waiting before the page, which gives up after 60 seconds.
LIMITS = Limits(connect=5, read=30, total=45)


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one step. `facts`: what was found, by code; the page has words for those that it shows.

    name: host, addresses (or proxy); connection: subject, issuer, expires (2026-12-31);
    scope: needed, held (absent where GitHub does not say); version: version; license: seats, used, available (below 0
    beyond the limit), kind, expires; report: bytes; list: total, pages; identities: identities. A hint carries no
    problem unless there is one to do something about.
    """

    step: str
    state: State
    facts: dict[str, str] = field(default_factory=dict)
    problem: ExpectedError | None = None


def check_server(connection: ServerConnection, rules: Rules) -> list[Check]:
    """Every step to a server's report, in the order of `SERVER_STEPS`."""
    steps = _Steps(SERVER_STEPS)
    route = server.route(connection, rules)
    with steps:
        steps.ok(**_name(connection.url, route))
        with rest.get(connection.url + server.META, connection.token, route, server.SCOPE, steps.limits) as answer:
            steps.ok(**_certificate(answer))
            _credentials(steps, answer, lambda: server.require_data(answer, server.META))
            has_scope = _scope(steps, answer, server.SCOPE, lambda: server.require_data(answer, server.META))
            version = server.version_in(answer)
            steps.add("hint" if older_than_sync_now(version) else "ok", version=version)
        _license(steps, connection, rules)
        try:
            with server.report(connection, rules, steps.limits) as answer:
                next(answers.data(answer, server.SCOPE), b"")
                steps.ok(**_length(answer))
        except NotReady as not_ready:
            steps.add("hint", not_ready)
        except ExpectedError as error:
            if has_scope and error.problem in REFUSALS:  # only here the login is told, beside the token
                host = httpx.URL(connection.url).host
                raise ExpectedError(
                    errors.LOGIN_REFUSED, host=host, login=connection.login, scope=server.SCOPE
                ) from error
            raise
    return steps.checks


def check_cloud(connection: CloudConnection, rules: Rules) -> list[Check]:
    """Every step to the list of consumed licenses and the identities of its accounts, in the order of `CLOUD_STEPS`."""
    steps = _Steps(CLOUD_STEPS)
    route = cloud.route(connection, rules)
    with steps:
        steps.ok(**_name(connection.api_url, route))
        with rest.get(cloud.page_url(connection, 1), connection.token, route, cloud.SCOPE, steps.limits) as answer:
            steps.ok(**_certificate(answer))
            if answer.status != 404:  # says nothing about the token, but about the list
                _credentials(steps, answer, lambda: cloud.require_data(answer, connection))
            else:
                steps.ok()
            _scope(steps, answer, cloud.SCOPE, lambda: cloud.require_data(answer, connection))
            page = cloud.page_in(answer, connection, 1)
            total = page.rows if page.total_seats_consumed is None else page.total_seats_consumed
            steps.ok(total=str(total), pages=str(page.last_page or 1))
        _identities(steps, connection, rules)
    return steps.checks


class _Steps:
    """The checks so far. The step that an ExpectedError falls into has failed, and those behind it are skipped."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._ends = time.monotonic() + LIMITS.total
        self.checks: list[Check] = []

    @property
    def limits(self) -> Limits:
        """Of the next call: what those before it have left."""
        return replace(LIMITS, total=max(self._ends - time.monotonic(), 1))

    @property
    def current(self) -> str:
        return self._names[len(self.checks)]

    def ok(self, **facts: str) -> None:
        self.add("ok", None, **facts)

    def add(self, state: State, problem: ExpectedError | None = None, **facts: str) -> None:
        self.checks.append(Check(self.current, state, facts, problem))

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, ExpectedError):
            return False
        if self.current == "connection" and error.problem in (errors.SIGN_IN_PAGE, errors.WRONG_CREDENTIALS):
            self.ok()  # somebody answered, only not to us
        self.add("failed", error)
        self.checks += [Check(name, "skipped") for name in self._names[len(self.checks) :]]
        return True


def _name(address: str, route: Route) -> dict[str, str]:
    url = httpx.URL(address)
    if route.proxy:
        if rulebook.permits_name(route.rules, url.host) is False:
            raise ExpectedError(errors.HOST_REFUSED, host=url.host)
        return {"host": url.host, "proxy": transport.proxy_host(route.proxy)}
    found = network.addresses(url.host, transport.port_of(url), route.rules, route.resolve)
    return {"host": url.host, "addresses": ", ".join(map(str, found))}


def _length(answer: Answer) -> dict[str, str]:
    return {} if answer.length is None else {"bytes": str(answer.length)}


def _certificate(answer: Answer) -> dict[str, str]:
    seen = answer.certificate
    if not seen:
        return {}
    return {"subject": seen.subject, "issuer": seen.issuer, "expires": f"{seen.expires_at:%Y-%m-%d}"}


def _credentials(steps: _Steps, answer: Answer, require_data: Callable[[], None]) -> None:
    if answer.status != 403:  # a 403 knows the token, and is about what it may do
        require_data()
    steps.ok()


def _scope(steps: _Steps, answer: Answer, scope: str, require_data: Callable[[], None]) -> bool:
    """Whether the token is seen to have it."""
    if answer.status == 403:
        require_data()
    held = answers.scopes(answer)
    if held is None:
        steps.add("hint", needed=scope)
    elif answers.covers(held, scope):
        steps.ok(needed=scope, held=", ".join(held))
    else:
        raise ExpectedError(errors.SCOPE_MISSING, host=answer.host, scope=scope)
    return held is not None


def _license(steps: _Steps, connection: ServerConnection, rules: Rules) -> None:
    """A sync works without it, so nothing here is a failure."""
    try:
        found = server.read_license(connection, rules, steps.limits)
    except ExpectedError as error:
        steps.add("hint", error)
        return
    facts = {
        "seats": "unlimited" if found.seats is None else str(found.seats),
        "used": str(found.seats_used),
        "available": "unlimited" if found.seats is None else str(found.seats - found.seats_used),
        "kind": found.kind,
    }
    if found.expires_at:
        facts["expires"] = f"{found.expires_at:%Y-%m-%d}"
    steps.ok(**facts)


def _identities(steps: _Steps, connection: CloudConnection, rules: Rules) -> None:
    """A sync works without them, so nothing here is a failure."""
    try:
        found = identities.fetch_page(connection, rules, None, first=1, limits=steps.limits)
    except ExpectedError as error:
        steps.add("skipped" if error.problem is errors.NO_IDENTITY_PROVIDER else "hint", error)
    else:
        steps.ok(identities=str(found.total))


def older_than_sync_now(version: str) -> bool:
    """GitHub's own button needs a server newer than 3.4; ours only needs the report."""
    parts = [whole(part) for part in version.split(".")[:2]]
    return None not in parts and parts <= [3, 4]
