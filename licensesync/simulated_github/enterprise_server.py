"""A GitHub Enterprise Server as a client sees it.

Sources, on docs.github.com/enterprise-server@3.19: "Accessing reports for your instance" (202 while no cached report
exists), "REST API endpoints for meta data", "REST API endpoints for licensing", "Enabling private mode". Rate limits
are off there by default. How a report refuses credentials is not documented; all three ways that are met can be played.
"""

import csv
import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from licensesync.demo.files import REPORT_HEADING
from licensesync.simulated_github.exchange import (
    Deployment,
    Reply,
    Request,
    error_reply,
    html_reply,
    json_reply,
    redirect,
    sign_in_page,
    version_refusal,
)
from licensesync.simulated_github.trouble import Trouble

API_VERSIONS = ("2022-11-28",)
REPORT = re.compile(r"/stafftools/reports/(\w+)\.csv")


class ReportedUser(NamedTuple):
    """A line of the user reports, in the order of its columns."""

    created_at: str
    id: str
    login: str
    email: str
    role: str
    suspended: str
    last_logged_ip: str
    repos: str
    ssh_keys: str
    org_memberships: str
    dormant: str
    last_active: str
    raw_login: str
    two_factor: str


REPORTS: dict[str, Callable[[ReportedUser], bool]] = {
    "all_users": lambda user: True,
    "active_users": lambda user: user.suspended != "true" and user.dormant != "true",
    "dormant_users": lambda user: user.suspended != "true" and user.dormant == "true",
    "suspended_users": lambda user: user.suspended == "true",
}


class Refusal(StrEnum):
    """How a report answers credentials that it doesn't accept."""

    REDIRECT = "302 to the sign-in page, which answers 200"
    SIGN_IN_PAGE = "200 with the sign-in page"
    UNAUTHORIZED = "401"


@dataclass
class CachedReport:
    accounts: Sequence[ReportedUser]
    started_at: float  # by time.monotonic()
    asked: int = 0


@dataclass(kw_only=True)
class SimulatedServer(Deployment):
    host: str
    accounts: Sequence[ReportedUser]
    server_id: str = "00000000-0000-4000-8000-000000000000"
    scopes: tuple[str, ...] = ("site_admin",)
    version: str = "3.19.2"
    seats: int | None = 2_000  # None: unlimited
    expire_at: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(days=365))
    private_mode: bool = False
    refusal: Refusal = Refusal.REDIRECT
    build_seconds: float = 0.0  # a report is there when so long has passed since it was first asked for
    build_asks: int = 1  # and when so many requests were answered with 202
    cached_seconds: float = 600.0  # then it is built anew
    _reports: dict[str, CachedReport] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        return self.host

    def change(self, accounts: Sequence[ReportedUser]) -> None:
        """Other accounts. Reports that are built or begun are forgotten, so that the next one shows them."""
        with self.lock:
            self.accounts = accounts
            self._reports.clear()

    def forget_reports(self) -> None:
        with self.lock:
            self._reports.clear()

    def turnover(self, *, come: int = 0, go: int = 0) -> None:
        with self.lock:
            next_id = max((int(each.id) for each in self.accounts), default=0) + 1
            leaving = {each.id for each in islice((each for each in self.accounts if each.role == "user"), go)}
            staying = [each for each in self.accounts if each.id not in leaving]
            self.change([*staying, *(newcomer(next_id + each) for each in range(come))])

    def failure(self, trouble: Trouble) -> Reply:
        status = trouble.status or 500
        headers = {} if trouble.retry_after is None else {"Retry-After": str(trouble.retry_after)}
        if status in (500, 502, 503, 504):
            reply = html_reply(status, "Unicorn! · GitHub", "<p>This page is taking too long to load.</p>")
            reply.headers |= headers
            return reply
        return error_reply(status, MESSAGES.get(status, "Error"), self._docs(""), headers)

    def answer(self, request: Request) -> Reply:
        if request.path == "/login":
            return sign_in_page()
        if match := REPORT.fullmatch(request.path):
            return self._report(match[1], request)
        if request.path == "/api/v3" or request.path.startswith("/api/v3/"):
            reply = self._rest(request.path.removeprefix("/api/v3"), request)
            reply.headers["X-GitHub-Enterprise-Version"] = self.version
            return reply
        return self._refuse(request) if self.private_mode else html_reply(404, "Page not found · GitHub", "<p>404</p>")

    def _report(self, name: str, request: Request) -> Reply:
        """HTTP basic auth with a site admin's login and a token of scope site_admin."""
        credentials = request.credentials
        if not credentials or not credentials[0] or not self.knows(credentials) or "site_admin" not in self.scopes:
            return self._refuse(request)
        if name not in REPORTS:
            return html_reply(404, "Page not found · GitHub", "<p>404</p>")
        with self.lock:
            now = time.monotonic()
            report = self._reports.get(name)
            if report and now > report.started_at + self.build_seconds + self.cached_seconds:
                report = None
            if not report:
                report = self._reports[name] = CachedReport(self.accounts, now)
            if now < report.started_at + self.build_seconds or report.asked < self.build_asks:
                report.asked += 1
                return Reply(202, {"Content-Type": "text/csv; charset=utf-8"})
            accounts = report.accounts
        lines = io.StringIO()
        lines.write(REPORT_HEADING)
        csv.writer(lines, lineterminator="\n").writerows(each for each in accounts if REPORTS[name](each))
        headers = {
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f"attachment; filename={name}.csv",
            "Cache-Control": "private, no-store",
        }
        return Reply(200, headers, lines.getvalue().encode())

    def _refuse(self, request: Request) -> Reply:
        match self.refusal:
            case Refusal.REDIRECT:
                return redirect(f"{request.address}/login?return_to={request.path}")
            case Refusal.SIGN_IN_PAGE:
                return sign_in_page()
            case Refusal.UNAUTHORIZED:
                reply = Reply(401, {"Content-Type": "text/plain; charset=utf-8"}, b"HTTP Basic: Access denied.\n")
                reply.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
                return reply

    def _rest(self, path: str, request: Request) -> Reply:
        if refused := version_refusal(request, API_VERSIONS, self._docs("/about-the-rest-api/api-versions")):
            return refused
        credentials = request.credentials
        if credentials and not self.knows(credentials):
            return error_reply(401, "Bad credentials", self._docs(""))
        if not credentials and self.private_mode:
            return error_reply(401, "Must authenticate to access this API.", self._docs(""))
        headers = {"X-OAuth-Scopes": ", ".join(self.scopes), "X-Accepted-OAuth-Scopes": ""} if credentials else {}
        if path in ("", "/"):
            return json_reply(200, {"current_user_url": f"{request.address}/api/v3/user"}, headers)
        if path == "/meta":
            meta = {"verifiable_password_authentication": True, "installed_version": self.version}
            return json_reply(200, meta, headers)
        return self._private(path, headers)

    def _private(self, path: str, headers: dict[str, str]) -> Reply:
        """What only somebody may ask; `headers` are empty for nobody."""
        if not headers and path in ("/user", "/enterprise/settings/license"):
            return error_reply(401, "Requires authentication", self._docs(""))
        site_admin = "site_admin" in self.scopes
        if path == "/user":
            return json_reply(200, {"login": self.login, "id": 3, "type": "User", "site_admin": site_admin}, headers)
        if path == "/enterprise/settings/license":
            headers["X-Accepted-OAuth-Scopes"] = "site_admin"
            if site_admin:  # docs: who is no site administrator gets 404 from the administration's endpoints
                return json_reply(200, self._license(), headers)
        return error_reply(404, "Not Found", self._docs(""), headers)

    def _license(self) -> dict[str, str | int]:
        used = sum(each.suspended != "true" for each in self.accounts)
        return {
            "seats": "unlimited" if self.seats is None else self.seats,
            "seats_used": used,
            "seats_available": "unlimited" if self.seats is None else self.seats - used,
            "kind": "standard",
            "days_until_expiration": (self.expire_at - datetime.now(UTC)).days,
            "expire_at": self.expire_at.strftime("%Y/%m/%d %H:%M:%S %z"),
        }

    def _docs(self, page: str) -> str:
        return f"https://docs.github.com/enterprise-server@{'.'.join(self.version.split('.')[:2])}/rest{page}"


MESSAGES = {
    401: "Bad credentials",
    403: "Forbidden",
    404: "Not Found",
    429: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
}


def newcomer(user_id: int) -> ReportedUser:
    """Somebody who started today."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    login = f"newcomer-{user_id}"
    address = f"{login}@octo.example"
    return ReportedUser(
        now, str(user_id), login, address, "user", "false", "192.0.2.1", "0", "1", "1", "false", now, login, "true"
    )
