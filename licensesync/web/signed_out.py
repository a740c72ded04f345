"""Who asks without being signed in goes to the door; whose session ended while a page was open is told so there."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from licensesync.web import say
from licensesync.web.asked import is_htmx

SAFE = ("GET", "HEAD", "OPTIONS")


class SignedOutMiddleware(LoginRequiredMiddleware):
    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> Any:
        """The page itself leads to the door and back. A script of the page has it loaded anew: by htmx's header, and
        `upload.js`, which asks for plain text, at a 401."""
        to_the_door = super().process_view(request, view_func, view_args, view_kwargs)
        if to_the_door is None:
            return None
        is_script = is_htmx(request) or not request.accepts("text/html")
        if request.method not in SAFE:
            say.refused(request, _("You were signed out, so what you just sent did not arrive. Sign in and try again."))
        elif is_script:
            say.refused(request, _("You were signed out. Sign in to go on."))
        if is_htmx(request):
            return HttpResponseClientRefresh()
        if is_script:
            return HttpResponse(status=401)
        return to_the_door if request.method in SAFE else _door_of_form(request)


def _door_of_form(request: HttpRequest) -> HttpResponse:
    """With the way back to the page of a form, since nobody can go where it was sent to."""
    page = urlsplit(request.headers.get("Referer", ""))
    if not page.path or page.netloc != request.get_host():
        return redirect("sign_in")
    return redirect_to_login(urlunsplit(("", "", page.path, page.query, "")))
