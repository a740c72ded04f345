"""Who asks without being signed in goes to the door; whose session ended while a page was open is told so there."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from licensesync.web import say
from licensesync.web.asked import is_htmx

SAFE = ("GET", "HEAD", "OPTIONS")
DOWNLOADS = (".csv", ".json")  # endings of addresses


class SignedOutMiddleware(LoginRequiredMiddleware):
    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> Any:
        """A page leads to the door and back. Scripts have their page loaded anew, so that it does: htmx by its header,
        `upload.js`, which asks for plain text, at a 401."""
        to_the_door = super().process_view(request, view_func, view_args, view_kwargs)
        if to_the_door is None:
            request.is_let_in = getattr(view_func, "login_required", True)  # type: ignore[attr-defined]
            return None
        is_sent, is_piece = request.method not in SAFE, is_htmx(request)
        is_of_a_page = is_sent or is_piece or request.path.endswith(DOWNLOADS)
        if is_sent:
            say.refused(request, _("You were signed out, so what you just sent did not arrive. Sign in and try again."))
        elif is_of_a_page:
            say.refused(request, _("You were signed out. Sign in to go on."))
        if is_piece:
            return HttpResponseClientRefresh()
        if is_sent and not request.accepts("text/html"):
            return HttpResponse(status=401)
        return _door_of_page(request) if is_of_a_page else to_the_door

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """What only who is signed in may see is kept by no browser: Back, after signing out, leads to the door."""
        if getattr(request, "is_let_in", False) and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response


def _door_of_page(request: HttpRequest) -> HttpResponse:
    """With the way back to the page of a form or a link: nobody can stay where that one leads."""
    try:
        page = urlsplit(request.headers.get("Referer", ""))
    except ValueError:  # whoever asks may write anything there
        return redirect("sign_in")
    if page.netloc != request.get_host() or not page.path:
        return redirect("sign_in")
    return redirect_to_login(urlunsplit(("", "", page.path, page.query, "")))
