"""Every request gets an id and is measured. The id goes with it through log, queue and worker."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from licensesync.web import metrics

log = structlog.get_logger()

GIVEN = re.compile(r"[\w-]{8,64}")
PROBES = ("healthz", "readyz", "metrics")  # asked every few seconds; their lines would hide the others


class RequestMiddleware:
    """Names the request `X-Request-ID` (a proxy may have named it), logs a line for it, counts it and its time.

    The line has the pattern of the address, never the address: that may hold an invitation's secret.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "") if settings.BEHIND_PROXY else ""
        name = given if GIVEN.fullmatch(given) else uuid.uuid4().hex
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(request=name):
            response = self.get_response(request)
            seconds = time.monotonic() - began
            page = request.resolver_match.view_name if request.resolver_match else "none"
            metrics.note_request(request.method or "", page, response.status_code, seconds)
            if page not in PROBES and page != "none":
                log.info(
                    "request", method=request.method, page=page, status=response.status_code, ms=round(seconds * 1000)
                )
        response["X-Request-ID"] = name
        return response
