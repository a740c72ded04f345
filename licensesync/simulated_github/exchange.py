"""Requests and replies, and what GitHub puts into every one of them.

Sources: docs.github.com, "Getting started with the REST API", "Authenticating to the REST API", "Troubleshooting the
REST API". Where the documentation is silent about the wording of a message, it is the one that GitHub is seen to send.
"""

import base64
import binascii
import hmac
import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from licensesync.simulated_github.trouble import Trouble

DOCS = "https://docs.github.com"
API_VERSION = "2022-11-28"  # where a request names none


@dataclass(frozen=True)
class Request:
    """A GET, or a POST with what was sent."""

    address: str  # scheme and host as the client wrote them; links in replies begin with it
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in any case
    method: str = "GET"
    body: bytes = b""

    @property
    def credentials(self) -> tuple[str, str] | None:
        """Login and token of the Authorization header; the login is "" where only a token is sent."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() in ("token", "bearer") and value:
            return "", value.strip()
        if scheme.lower() == "basic":
            try:
                login, _, token = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return login, token
        return None


@dataclass
class Reply:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_reply(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body)


def error_reply(status: int, message: str, documentation_url: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(
        status, {"message": message, "documentation_url": documentation_url, "status": str(status)}, headers
    )


def html_reply(status: int, title: str, body: str) -> Reply:
    page = f'<!DOCTYPE html>\n<html lang="en">\n<head><title>{title}</title></head>\n<body>\n{body}\n</body>\n</html>\n'
    return Reply(status, {"Content-Type": "text/html; charset=utf-8"}, page.encode())


def sign_in_page() -> Reply:
    """What a browser would see: a page for people, with status 200."""
    form = '<form action="/session" method="post"><input name="login"><input name="password" type="password"></form>'
    return html_reply(200, "Sign in to your account · GitHub", f"<h1>Sign in to GitHub</h1>\n{form}")


def redirect(location: str) -> Reply:
    reply = html_reply(302, "Redirecting", f'You are being <a href="{location}">redirected</a>.')
    reply.headers["Location"] = location
    return reply


@dataclass(kw_only=True)
class Deployment(ABC):
    """A server or the cloud: who may ask it, what goes wrong next, and what it was asked so far.

    Of a request only the address is kept, as a count. `lock` protects everything, since requests come in threads.
    """

    login: str = "octo-admin"
    token: str = field(default_factory=lambda: f"ghp_{secrets.token_hex(18)}", repr=False)
    scopes: tuple[str, ...] = ()
    troubles: list[Trouble] = field(default_factory=list, init=False)
    seen: Counter[str] = field(default_factory=Counter, init=False)  # "GET /path?query" and how often
    lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)

    @property
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def answer(self, request: Request) -> Reply: ...

    @abstractmethod
    def failure(self, trouble: Trouble) -> Reply:
        """The reply for a trouble that has a status."""

    @abstractmethod
    def turnover(self, *, come: int = 0, go: int = 0) -> None:
        """So many new people come, and of those who were there so many go."""

    def expect(self, trouble: Trouble) -> None:
        """From now on, this happens."""
        with self.lock:
            self.troubles.append(trouble)

    def recover(self) -> None:
        """No trouble any more."""
        with self.lock:
            self.troubles.clear()

    def next_trouble(self, address: str) -> Trouble | None:
        """The first trouble that is due for this request; it is used up by it."""
        with self.lock:
            for trouble in [each for each in self.troubles if each.path in address]:
                if trouble.after > 0:
                    trouble.after -= 1
                    continue
                trouble.times -= 1
                if trouble.times <= 0:
                    self.troubles.remove(trouble)
                return trouble
        return None

    def knows(self, credentials: tuple[str, str]) -> bool:
        """With a bare token the login is "" and doesn't matter."""
        login, token = credentials
        right_login = not login or login.lower() == self.login.lower()
        return right_login and hmac.compare_digest(token.encode(), self.token.encode())


def version_refusal(request: Request, served: Container[str], documentation_url: str) -> Reply | None:
    """Docs: a request without User-Agent is rejected, and an API version that doesn't exist is a 400."""
    if not request.headers.get("User-Agent"):
        message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
        return Reply(403, {"Content-Type": "text/html; charset=utf-8"}, message.encode())
    version = request.headers.get("X-GitHub-Api-Version", API_VERSION)
    if version not in served:
        return error_reply(400, f'"{version}" is not a supported version.', documentation_url)
    return None


def whole(text: str, default: int) -> int:
    """A positive number, or the default for anything else."""
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default
