"""A GitHub Enterprise Cloud as a client of its REST API sees it, and of GraphQL where `linked_identities` answers.

Sources, on docs.github.com/enterprise-cloud@latest: "REST API endpoints for enterprise licensing", "Using pagination in
the REST API", "Rate limits for the REST API", "Troubleshooting the REST API" (404 for a token without the scope), and
the REST API description's schema of consumed-licenses. Keys of a license as in recorded traffic.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from licensesync.simulated_github import linked_identities
from licensesync.simulated_github.exchange import (
    DOCS,
    Deployment,
    Reply,
    Request,
    error_reply,
    json_reply,
    version_refusal,
    whole,
)
from licensesync.simulated_github.linked_identities import Identity
from licensesync.simulated_github.trouble import Trouble

REST_DOCS = f"{DOCS}/enterprise-cloud@latest/rest"
LICENSING_DOCS = f"{REST_DOCS}/enterprise-admin/licensing"
GRAPHQL, GRAPHQL_DOCS = "/graphql", f"{DOCS}/enterprise-cloud@latest/graphql"
RATE_LIMIT_DOCS = f"{REST_DOCS}/using-the-rest-api/rate-limits-for-the-rest-api"
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
API_VERSIONS = ("2022-11-28", "2026-03-10")
WINDOW_SECONDS = 3_600

License = Mapping[str, Any]  # a user of the consumed-licenses list


@dataclass
class PrimaryLimit:
    """Requests of an hour. The hour begins with its first request."""

    limit: int = 5_000
    used: int = 0
    resets_at: float = 0.0  # by time.time()
    status: int = 403  # or 429: the documentation allows both
    resource: str = "core"

    def take(self) -> bool:
        """Whether one more request is within it."""
        if time.time() >= self.resets_at:
            self.used, self.resets_at = 0, time.time() + WINDOW_SECONDS
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(int(self.resets_at) + 1),
            "X-RateLimit-Resource": self.resource,
        }


@dataclass
class SecondaryLimit:
    """A pause that GitHub insists on. It begins with the first request that is refused."""

    after: int
    seconds: float
    status: int
    announced: bool
    ends_at: float | None = None  # by time.monotonic()


@dataclass(kw_only=True)
class SimulatedCloud(Deployment):
    slug: str
    licenses: Sequence[License]
    purchased: int
    consumed: int | None = None  # total_seats_consumed; None: counted from the licenses
    scopes: tuple[str, ...] = ("read:enterprise",)
    without_scope: int = 404  # as documented; 403 is met as well
    sync_status: list[dict[str, Any]] = field(default_factory=list)  # the server_instances of license-sync-status
    identities: Sequence[Identity] | None = None  # that are linked; None: the enterprise has no identity provider
    is_owners: bool = True  # the token: only an owner's is shown identities
    primary: PrimaryLimit = field(default_factory=PrimaryLimit)
    graphql: PrimaryLimit = field(default_factory=lambda: PrimaryLimit(resource="graphql"))
    secondary: SecondaryLimit | None = None
    refused: int = field(default=0, init=False)  # requests that a rate limit turned away; one per pause is polite
    _newcomers: int = field(default=0, init=False, repr=False)
    _changes: dict[int, Callable[[], None]] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        return self.slug

    def change(self, licenses: Sequence[License]) -> None:
        with self.lock:
            self.licenses = licenses

    def turnover(self, *, come: int = 0, go: int = 0) -> None:
        """Who goes is at the head of the list, so that everybody behind moves up, as it happens while one pages."""
        with self.lock:
            before = len(self.licenses)
            newcomers = [newcomer(self._newcomers + number) for number in range(1, come + 1)]
            self._newcomers += come
            self.change([*self.licenses[go:], *newcomers])
            if self.consumed is not None:
                self.consumed += len(self.licenses) - before

    def after_page(self, page: int, change: Callable[[], None]) -> None:
        """Do this once, as soon as that page has been served."""
        with self.lock:
            self._changes[page] = change

    def limit_after(self, requests: int, *, seconds: float, status: int = 403) -> None:
        """The primary limit is used up after so many more requests, and resets after so many seconds from now."""
        with self.lock:
            limit = self.primary.limit
            self.primary = PrimaryLimit(limit, max(0, limit - requests), time.time() + seconds, status)

    def slow_down(self, seconds: float, *, after: int = 0, status: int = 429, announced: bool = True) -> None:
        """A secondary limit, with `Retry-After` or without. Begins after so many more requests."""
        with self.lock:
            self.secondary = SecondaryLimit(after, seconds, status, announced)

    def pages_asked(self) -> Counter[int]:
        """How often each page of the consumed licenses was asked for."""
        pages: Counter[int] = Counter()
        with self.lock:
            for line, times in self.seen.items():
                address = urlsplit(line.partition(" ")[2])
                if address.path.endswith("/consumed-licenses"):
                    pages[whole(parse_qs(address.query).get("page", ["1"])[0], 1)] += times
        return pages

    def answer(self, request: Request) -> Reply:
        with self.lock:
            is_graphql = request.path == GRAPHQL
            reply = self._graphql(request) if is_graphql else self._answer(request)
            limit = self.graphql if is_graphql else self.primary
            for name, value in limit.headers().items():
                reply.headers.setdefault(name, value)
        return reply

    def failure(self, trouble: Trouble) -> Reply:
        status = trouble.status or 500
        headers = {} if trouble.retry_after is None else {"Retry-After": str(trouble.retry_after)}
        if status == 429 or (status == 403 and trouble.retry_after is not None):
            return error_reply(status, SECONDARY, f"{RATE_LIMIT_DOCS}#about-secondary-rate-limits", headers)
        messages = {401: "Bad credentials", 403: "Forbidden", 404: "Not Found", 502: "Server Error"}
        return error_reply(status, messages.get(status, "Server Error"), REST_DOCS, headers)

    def _answer(self, request: Request) -> Reply:
        credentials = request.credentials
        if refused := self._misaddressed(request):
            return refused
        headers = {"X-OAuth-Scopes": ", ".join(self.scopes), "X-Accepted-OAuth-Scopes": ""} if credentials else {}
        if request.path == "/rate_limit":
            return json_reply(200, self._rate_limit(), headers)
        if refused := self._limited():
            return refused
        if request.path in self._public(request):
            return json_reply(200, self._public(request)[request.path], headers)
        if not credentials:
            return error_reply(401, "Requires authentication", REST_DOCS)
        return self._private(request, headers)

    def _graphql(self, request: Request) -> Reply:
        if refused := self._misaddressed(request):
            return refused
        if not request.credentials:
            return error_reply(401, "This endpoint requires you to be authenticated.", GRAPHQL_DOCS)
        if self.secondary and (refused := self._paused(self.secondary)):
            self.refused += 1
            return refused
        if not self.graphql.take():
            self.refused += 1
            return linked_identities.used_up()
        is_owner = self.is_owners and bool({"read:enterprise", "admin:enterprise"} & set(self.scopes))
        return linked_identities.answer(request.body, self.slug, self.identities, is_owner=is_owner)

    def _misaddressed(self, request: Request) -> Reply | None:
        if refused := version_refusal(request, API_VERSIONS, f"{REST_DOCS}/about-the-rest-api/api-versions"):
            return refused
        if request.credentials and not self.knows(("", request.credentials[1])):
            return error_reply(401, "Bad credentials", REST_DOCS)
        if request.method != ("POST" if request.path == GRAPHQL else "GET"):
            return error_reply(404, "Not Found", REST_DOCS)
        return None

    def _public(self, request: Request) -> dict[str, Any]:
        return {
            "/": {"current_user_url": f"{request.address}/user", "rate_limit_url": f"{request.address}/rate_limit"},
            "/meta": {"verifiable_password_authentication": False},
        }

    def _rate_limit(self) -> dict[str, Any]:
        """Asking for it doesn't count."""
        core = {"limit": self.primary.limit, "used": self.primary.used, "reset": int(self.primary.resets_at) + 1}
        core["remaining"] = max(0, core["limit"] - core["used"])
        return {"resources": {"core": core}, "rate": core}

    def _private(self, request: Request, headers: dict[str, str]) -> Reply:
        if request.path == "/user":
            return json_reply(200, {"login": self.login, "id": 1, "type": "User", "site_admin": False}, headers)
        prefix = f"/enterprises/{self.slug}/"
        resource = request.path.removeprefix(prefix) if request.path.lower().startswith(prefix) else ""
        if resource not in ("consumed-licenses", "license-sync-status"):
            return error_reply(404, "Not Found", REST_DOCS, headers)
        headers["X-Accepted-OAuth-Scopes"] = "admin:enterprise, manage_billing:enterprise, read:enterprise"
        if not {"read:enterprise", "admin:enterprise"} & set(self.scopes):
            message = "Not Found" if self.without_scope == 404 else "Must have the read:enterprise scope."
            return error_reply(self.without_scope, message, LICENSING_DOCS, headers)
        if resource == "license-sync-status":
            return json_reply(200, {"server_instances": self.sync_status}, headers)
        return self._consumed_licenses(request, headers)

    def _consumed_licenses(self, request: Request, headers: dict[str, str]) -> Reply:
        per_page = min(100, whole(request.query.get("per_page", ""), 30))
        page = whole(request.query.get("page", ""), 1)
        last = max(1, -(-len(self.licenses) // per_page))
        start = (page - 1) * per_page
        reply = json_reply(
            200,
            {
                "total_seats_consumed": consumed(self.licenses) if self.consumed is None else self.consumed,
                "total_seats_purchased": self.purchased,
                "users": list(self.licenses[start : start + per_page]),
            },
            headers,
        )
        links = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page == 1:
            del links["prev"], links["first"]
        if page >= last:
            del links["next"], links["last"]
        if links:  # omitted where all fits on one page
            address = f"{request.address}{request.path}?per_page={per_page}&page="
            reply.headers["Link"] = ", ".join(f'<{address}{number}>; rel="{rel}"' for rel, number in links.items())
        if change := self._changes.pop(page, None):
            change()
        return reply

    def _limited(self) -> Reply | None:
        """Count the request against the limits; a reply where one of them is used up."""
        if self.secondary and (refused := self._paused(self.secondary)):
            self.refused += 1
            return refused
        if self.primary.take():
            return None
        self.refused += 1
        return error_reply(
            self.primary.status,
            "API rate limit exceeded for user ID 1.",
            f"{RATE_LIMIT_DOCS}#about-primary-rate-limits",
        )

    def _paused(self, limit: SecondaryLimit) -> Reply | None:
        if limit.after > 0:
            limit.after -= 1
            return None
        now = time.monotonic()
        limit.ends_at = now + limit.seconds if limit.ends_at is None else limit.ends_at
        left = limit.ends_at - now
        if left <= 0:
            self.secondary = None
            return None
        headers = {"Retry-After": str(int(left) + 1)} if limit.announced else {}
        return error_reply(limit.status, SECONDARY, f"{RATE_LIMIT_DOCS}#about-secondary-rate-limits", headers)


def consumed(licenses: Sequence[License]) -> int:
    """Subscribers without any account are listed, but consume nothing."""
    return sum(
        bool(each["github_com_user"] or each["enterprise_server_user"] or not each["visual_studio_subscription_user"])
        for each in licenses
    )


def newcomer(number: int) -> dict[str, Any]:
    """A member who has just joined."""
    return member(f"newcomer-{number}", f"newcomer-{number}@octo.example")


def member(login: str, email: str) -> dict[str, Any]:
    return {
        "github_com_login": login,
        "github_com_name": None,
        "enterprise_server_user_ids": [],
        "github_com_user": True,
        "enterprise_server_user": False,
        "visual_studio_subscription_user": False,
        "license_type": "Enterprise",
        "github_com_profile": f"https://github.com/{login}",
        "github_com_member_roles": ["octo-platform:Member"],
        "github_com_enterprise_roles": ["Member"],
        "github_com_verified_domain_emails": [email],
        "github_com_saml_name_id": email,
        "github_com_orgs_with_pending_invites": [],
        "github_com_two_factor_auth": True,
        "enterprise_server_primary_emails": [],
        "visual_studio_license_status": None,
        "visual_studio_subscription_email": None,
        "total_user_accounts": 1,
    }
