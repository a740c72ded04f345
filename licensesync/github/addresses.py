"""Addresses as owners type them, brought into one form."""

import re

import httpx

from licensesync import errors
from licensesync.errors import ExpectedError


def parsed(text: str) -> httpx.URL:
    """An http(s) address with a host; https where none is said. ExpectedError(ADDRESS_UNREADABLE)."""
    plain = text.strip()
    try:
        url = httpx.URL(plain if "://" in plain else f"https://{plain}")
        readable = url.scheme in ("http", "https") and bool(url.host) and not url.userinfo and " " not in plain
        readable = readable and has_possible_port(url)
    except (httpx.InvalidURL, ValueError):
        readable = False
    if not readable:
        without_password = re.sub(r"^(\w+:/*)?.*@", r"\1", plain, flags=re.DOTALL)
        raise ExpectedError(errors.ADDRESS_UNREADABLE, text=without_password[:200])
    return url


def has_possible_port(url: httpx.URL) -> bool:
    return url.port is None or 0 < url.port < 65_536


def origin(url: httpx.URL) -> str:
    """Scheme, host in lower case and a port that is not the usual one, without a slash at the end."""
    return str(url.copy_with(raw_path=b"/", fragment=None, userinfo=b"")).rstrip("/")
