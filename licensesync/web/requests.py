"""Every request gets an id and is measured. The id goes with it through log, queue and worker."""

import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from licensesync.enterprises import audit_log
from licensesync.enterprises.audit_log import Actor
from licensesync.enterprises.models import Through
from licensesync.users.models import User
from licensesync.web import metrics

log = structlog.get_logger()

GIVEN = re.compile(r"[\w-]{8,64}")
SAFE = ("GET", "HEAD", "OPTIONS")
PROBES = ("healthz", "readyz", "metrics")  # asked every few seconds; their lines would hide the others


class RequestMiddleware:
    """Names the request `X-Request-ID` (a proxy may have named it), logs a line for it, counts it and its time.

    The line has the pattern of the address, never the address: that may hold an invitation's secret. Of what may change
    something it also says who did it and where, by number.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "") if settings.BEHIND_PROXY else ""
        name = given if GIVEN.fullmatch(given) else uuid.uuid4().hex
        began = time.monotonic()
        acts = audit_log.acting(partial(_who_acts, request))
        with structlog.contextvars.bound_contextvars(request=name), acts:
            response = self.get_response(request)
            seconds = time.monotonic() - began
            page = request.resolver_match.view_name if request.resolver_match else "none"
            metrics.note_request(request.method or "", page, response.status_code, seconds)
            if page not in PROBES and page != "none":
                milliseconds, changes = round(seconds * 1000), _who_and_where(request)
                log.info(
                    "request", method=request.method, page=page, status=response.status_code, ms=milliseconds, **changes
                )
        response["X-Request-ID"] = name
        return response


def _who_acts(request: HttpRequest) -> Actor:
    """Whoever is signed in, or whose API token it is (the API notes both at the request), by the time it is asked."""
    user, token = getattr(request, "user", None), getattr(request, "auth", None)
    person = user if isinstance(user, User) else None
    return Actor(person, Through.API, token.name) if token else Actor(person, Through.BROWSER)


def _who_and_where(request: HttpRequest) -> dict[str, Any]:
    """The numbers of the account, of its API token and of what is changed, and the slug of the enterprise; nothing of a
    request that only reads. Other texts of an address may be secrets, or names of people."""
    if request.method in SAFE or request.resolver_match is None:
        return {}
    of = request.resolver_match.kwargs
    told = {key: value for key, value in of.items() if isinstance(value, int)}
    if slug := of.get("slug") or of.get("enterprise"):
        told["enterprise"] = slug
    if "instance" in of:
        told["instance"] = of["instance"]
    user = getattr(request, "user", None)  # the API says None of whoever has no token
    with suppress(DatabaseError):  # the session may not have been looked up yet
        if user is not None and user.is_authenticated:
            told["user"] = user.pk
    if token := getattr(request, "auth", None):
        told["token"] = token.pk
    return told
