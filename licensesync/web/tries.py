"""What is kept of wrong passwords, so that nobody tries for ever: whose, how many, and a pseudonym of where from.

django-axes counts them. It would also keep the address, the browser and the form; nothing needs those.
"""

from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any

import structlog
from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

log = structlog.get_logger()


class Tries(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Axes' own counting in the database, without the browser."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **more: Any
    ) -> None:
        if request is not None:
            vars(request).update(axes_user_agent="", axes_http_accept="")
            log.info("sign_in_failed")  # whose and from where, nobody needs to read: the request has a name
        super().user_login_failed(sender, credentials, request, **more)


def locked_out(request: HttpRequest, _response: HttpResponse | None, _credentials: object) -> HttpResponse:
    """Called by django-axes after too many tries, for known and unknown e-mails alike."""
    log.warning("sign_in_locked_out")
    seconds = settings.AXES_COOLOFF_TIME.total_seconds()
    minutes = ceil(seconds / 60)
    response = render(request, "outside/locked_out.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = str(ceil(seconds))
    return response


def pseudonym_of_client(request: HttpRequest) -> str:
    """A stand-in for the address of whoever asks: the same for the same address, and nobody without our key can tell
    which. It looks like an address (IPv6, of a range that is nobody's), because axes has a column for one."""
    digest = salted_hmac("licensesync.client", _whose(address_of_client(request)), algorithm="sha256").digest()
    return str(IPv6Address(b"\xfd" + digest[:15]))


def _whose(address: str) -> str:
    """Of an IPv6 address its network of 64 bits: whoever has one address of it has all, and would try with each.

    Some proxies note the port as well (192.0.2.1:4711, [2001:db8::1]:4711), which is another one each time.
    """
    host = address.rpartition(":")[0] if address.count(":") == 1 or "]:" in address else address
    try:
        parsed = ip_address(host.strip("[]"))
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else f"{int(parsed) >> 64:x}"
    return str(parsed)


def address_of_client(request: HttpRequest) -> str:
    """Behind a proxy it is what the proxy, and nobody before it, has noted last."""
    if settings.BEHIND_PROXY and (hops := request.headers.get("X-Forwarded-For")):
        return hops.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
