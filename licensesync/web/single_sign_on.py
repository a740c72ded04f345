"""Whoever the proxy has signed in is signed in here: the company's single sign-on, with its second factor.

The proxy asks the identity provider, names the person by e-mail in a header (`LICENSESYNC_SSO_HEADER`), and proves by a
secret in another one that it is the proxy. Only who has an account here comes in; an invitation makes one, as ever.
"""

import hmac
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse

from licensesync.users.models import User
from licensesync.users.queries import by_email
from licensesync.web.passwords import MODEL_BACKEND

PROOF_HEADER = "X-SSO-Secret"
_NAMED = "single_sign_on"  # in a session that the proxy began: the e-mail by which it named the person


class SingleSignOnMiddleware:
    """Before `SignedOutMiddleware`, for every page of somebody who is signed in. Scripts come with a token of ours, and
    pages that anybody may open ask themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view_func: Any, _args: Any, _kwargs: Any) -> None:
        if getattr(view_func, "login_required", True):
            arrive(request)


def arrive(request: HttpRequest) -> None:
    """Sign in whom the proxy names. A session that it began ends when it names nobody, or somebody else."""
    named, before = named_by_proxy(request), request.session.get(_NAMED, "")
    if named == before and (request.user.is_authenticated or not named):
        return
    if before:
        logout(request)
    if named and (user := by_email(named)):
        sign_in(request, user)


def sign_in(request: HttpRequest, user: User) -> None:
    if request.user != user:
        login(request, user, backend=MODEL_BACKEND)
    request.session[_NAMED] = user.email


def named_by_proxy(request: HttpRequest) -> str:
    """The e-mail of whoever is signed in at the proxy, in small letters; "" for nobody."""
    secret = request.headers.get(PROOF_HEADER, "")
    if not settings.SSO_HEADER or not hmac.compare_digest(secret.encode(), settings.SSO_SECRET.encode()):
        return ""
    return request.headers.get(settings.SSO_HEADER, "").strip().lower()


def is_signed_on(request: HttpRequest) -> bool:
    """Whether it is the proxy that says who is here: its session, or somebody whom nobody else has signed in."""
    return _NAMED in request.session or (not request.user.is_authenticated and bool(named_by_proxy(request)))


def may_sign_out(request: HttpRequest) -> bool:
    """Whoever signs out here alone is signed in again by their next click."""
    return bool(settings.SSO_SIGN_OUT_URL) or not is_signed_on(request)
