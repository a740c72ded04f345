"""The pages of requests that can't be answered.

Django's own look for the token of a form, so a body that can't be read breaks them as well.
"""

import sys

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.template.loader import render_to_string

from licensesync.flows.mishaps import may_pass


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponseBadRequest(render_to_string("400.html"))  # nothing of such a request is looked at again


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Called while the exception is being handled. A database that is away is back soon, and free again one that others
    hold, so whoever asks may wait."""
    passes = may_pass(sys.exception())
    headers = {"Retry-After": "10"} if passes else {}
    name = structlog.contextvars.get_contextvars().get("request", "")  # `requests.RequestMiddleware`
    page = render_to_string("500.html", {"request_name": name})
    return HttpResponse(page, status=503 if passes else 500, headers=headers)
