"""Choosing a password: the form that several pages share, one's own account, and links for who forgot it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from licensesync.enterprises.tokens import has_tokens
from licensesync.flows.mail_password_link import ask_for_password_link
from licensesync.users import services as users
from licensesync.users.links import absolute
from licensesync.users.models import User
from licensesync.users.queries import by_password_link
from licensesync.web import say
from licensesync.web.access import user_of
from licensesync.web.fields import EmailField
from licensesync.web.tries import pseudonym_of_client

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class _SaidOfThePassword:
    """What is wrong with a password is said of it, not of its repetition."""

    def validate_password_for_user(self, user: Any, _field: str = "") -> None:
        super().validate_password_for_user(user, "new_password1")  # type: ignore[misc]


_MISMATCH = {"password_mismatch": _("The two passwords are not the same.")}


class PasswordTwice(_SaidOfThePassword, SetPasswordForm):  # type: ignore[type-arg]
    """A new password, twice. Only checks it; `users.services` sets it."""

    error_messages = {**SetPasswordForm.error_messages, **_MISMATCH}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_password_fields(self)
        self.fields["new_password1"].label = _("Password")

    @property
    def password(self) -> str:
        return str(self.cleaned_data["new_password1"])


class ChangePasswordForm(_SaidOfThePassword, PasswordChangeForm):
    """Whoever finds somebody's browser open may guess the old password no more often than when signing in."""

    error_messages = {**PasswordChangeForm.error_messages, **_MISMATCH}

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(user_of(request), *args, **kwargs)
        self.request = request
        name_password_fields(self)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # the page is about more than the password

    def clean_old_password(self) -> str:
        old_password = str(self.cleaned_data["old_password"])
        if authenticate(self.request, username=user_of(self.request).email, password=old_password) is None:
            raise ValidationError(gettext("This is not your old password."))
        return old_password


class ForgotPasswordForm(forms.Form):
    email = EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"}))


def name_password_fields(form: forms.BaseForm) -> None:
    form.fields["new_password1"].label = _("New password")
    form.fields["new_password1"].help_text = _("At least 12 characters, and none of the usual ones.")
    form.fields["new_password2"].label = _("Confirm password")
    form.fields["new_password2"].help_text = ""


@sensitive_post_parameters()
def account(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = ChangePasswordForm(request, request.POST or None)
    if form.is_valid():
        users.set_password(user=user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, user)
        say.done(request, _changed(user))
        return redirect("account")
    return render(request, "account/page.html", {"form": form})


@login_not_required
def forgot_password(request: HttpRequest) -> HttpResponse:
    """With mail: a form, and the same answer for every e-mail, after the same time. Without: who can help."""
    if not settings.EMAIL_HOST:
        return render(request, "outside/ask_for_link.html")
    form = ForgotPasswordForm(request.POST or None)
    if not form.is_valid():
        return render(request, "outside/forgot_password.html", {"form": form})
    email = form.cleaned_data["email"]
    if not ask_for_password_link(email=email, client=pseudonym_of_client(request), origin=absolute(request, "/")):
        return render(request, "outside/asked_too_often.html", status=429)
    return render(request, "outside/link_sent.html", {"email": email})


@login_not_required
@never_cache
@sensitive_post_parameters()
def new_password(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Behind a link: choose a password, and be signed in with it."""
    user = by_password_link(uid, token)
    if user is None:
        return render(request, "outside/password_link_gone.html", status=410)
    form = PasswordTwice(user, request.POST or None)
    if form.is_valid():
        users.set_password(user=user, password=form.password)
        login(request, user, backend=MODEL_BACKEND)
        say.done(request, _changed(user))
        return redirect("home")
    return render(request, "outside/new_password.html", {"form": form, "email": user.email})


def _changed(user: User) -> str:
    said = gettext("The password is changed. You are signed out everywhere else.")
    if has_tokens(user):
        said += " " + gettext("Your API tokens still work: revoke those that somebody else may have.")
    return said


urlpatterns = [
    path("account", account, name="account"),
    path("password/forgot", forgot_password, name="forgot_password"),
    path("password/new/<str:uid>/<str:token>", new_password, name="new_password"),
]
