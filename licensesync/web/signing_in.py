"""The front door: signing in, signing out, and where somebody arrives."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from licensesync.enterprises.queries import may_create_enterprise, memberships_of
from licensesync.users.queries import is_set_up
from licensesync.web import single_sign_on
from licensesync.web.access import user_of
from licensesync.web.navigation import start_of


class SignInForm(AuthenticationForm):
    """E-mail and password. Says the same, whether or not the e-mail is known."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = _("E-mail")
        self.fields["username"].widget.input_type = "email"
        if self.data.get("username"):  # typed already: it is the password that is to be typed again
            self.fields["username"].widget.attrs.pop("autofocus", None)
            self.fields["password"].widget.attrs["autofocus"] = True

    def clean_username(self) -> str:
        """One spelling, so that another one gives no further tries."""
        return str(self.cleaned_data["username"]).strip().lower()

    def get_invalid_login_error(self) -> ValidationError:
        failures = getattr(self.request, "axes_failures_since_start", None) or 0
        left = max(settings.AXES_FAILURE_LIMIT - failures, 0)
        tries = ngettext("%(n)s try left.", "%(n)s tries left.", left) % {"n": left}
        return ValidationError(gettext("This e-mail and password don’t belong together.") + " " + tries)


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = next_page(request)
    single_sign_on.arrive(request)
    if request.user.is_authenticated:
        return redirect(onward)
    form = SignInForm(request, data=request.POST or None)
    if form.is_valid():
        login(request, form.get_user())
        return redirect(onward)
    context = {
        "form": form,
        "next": request.POST.get("next", request.GET.get("next", "")),
        "is_set_up": is_set_up(),
        "unknown": single_sign_on.named_by_proxy(request),
    }
    return render(request, "outside/sign_in.html", context)


@require_POST
@login_not_required  # in a second window it has happened already
def sign_out(request: HttpRequest) -> HttpResponse:
    """Back to the door; with `next`, through it again as somebody else."""
    list(get_messages(request))  # not for the next one: a link may be among it that lets somebody in
    is_signed_on = single_sign_on.is_signed_on(request)
    logout(request)
    if is_signed_on and settings.SSO_SIGN_OUT_URL:
        return redirect(settings.SSO_SIGN_OUT_URL)
    return redirect(next_page(request) if request.POST.get("next") else "sign_in")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where to go without being told: the only enterprise, else the list, else a new one."""
    memberships = list(memberships_of(user_of(request))[:2])
    if len(memberships) == 1:
        return redirect(start_of(memberships[0].enterprise))
    if not memberships and may_create_enterprise(user_of(request)):
        return redirect("new_enterprise")
    return redirect("enterprises")


def next_page(request: HttpRequest) -> str:
    """Where the reader was going, if that is a page of ours."""
    target = request.POST.get("next", request.GET.get("next", ""))
    ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if ours and target.startswith("/") else "home"  # `redirect` would look for a page of another name


urlpatterns = [
    path("", home, name="home"),
    path("sign-in", sign_in, name="sign_in"),
    path("sign-out", sign_out, name="sign_out"),
]
