"""A secret that a page shows once: to whoever made it, on the page that they are led to.

An answer to a form that shows the secret itself would make another one when it is loaded again. So the form leads to
its page, and the secret travels in a cookie for a minute: sealed, because browsers keep cookies, and stored nowhere.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from licensesync.enterprises.secrets import seal, unseal
from licensesync.errors import ExpectedError
from licensesync.web.access import user_of

COOKIE_NAME = f"{settings.SESSION_COOKIE_NAME}-once"
SECONDS = 60


def lead_to_page(request: HttpRequest, secret: str) -> HttpResponse:
    """Lead from the form of a page to the page, which shows the secret (`render_with_secret`)."""
    response = HttpResponseRedirect(request.path)
    response.set_cookie(
        COOKIE_NAME,
        seal(_for_whom(request) + secret),
        max_age=SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Strict",
    )
    return response


def render_with_secret(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page, with `secret` in its context: the one that was made just now, else ""."""
    secret = _secret_for(request)
    response = render(request, template, {**context, "secret": secret})
    if secret:
        response["Cache-Control"] = "no-store"
        response.delete_cookie(COOKIE_NAME, path=settings.SESSION_COOKIE_PATH, samesite="Strict")
    return response


def _secret_for(request: HttpRequest) -> str:
    sealed, start = request.COOKIES.get(COOKIE_NAME, ""), _for_whom(request)
    try:
        said = unseal(sealed) if sealed.isascii() else ""
    except ExpectedError:  # not of ours, or its key was replaced meanwhile: then there is nothing to show
        return ""
    return said.removeprefix(start) if said.startswith(start) else ""


def _for_whom(request: HttpRequest) -> str:
    """Only who made it sees it, and only on this page: the cookie goes to all of them."""
    return f"{user_of(request).pk} {request.path}\n"
