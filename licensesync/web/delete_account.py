"""Whoever no longer needs an account deletes it, with their password; without one, by typing whose it is."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate, logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from licensesync.enterprises import services
from licensesync.enterprises.queries import memberships_of
from licensesync.errors import ExpectedError
from licensesync.web import say, words
from licensesync.web.access import user_of


class PasswordForm(forms.Form):
    """Guessed no more often than when signing in."""

    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, request: HttpRequest, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.request = request

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if authenticate(self.request, username=user_of(self.request).email, password=password) is None:
            raise ValidationError(gettext("This is not your password."))
        return password


class EmailTypedForm(forms.Form):
    typed = forms.CharField(
        label=_("Type your e-mail to confirm"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, request: HttpRequest, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.request = request

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"])
        if typed.strip().lower() != user_of(self.request).email:
            raise ValidationError(gettext("This is not your e-mail."))
        return typed


@sensitive_post_parameters()
def delete_account(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form_class = PasswordForm if user.has_usable_password() else EmailTypedForm
    form = form_class(request, request.POST or None)
    if form.is_valid():
        try:
            services.delete_account(user)
        except ExpectedError as error:
            form.add_error(None, words.problem_of(error))
        else:
            logout(request)
            say.done(request, gettext("Your account is deleted."))
            return redirect("sign_in")
    names = [membership.enterprise.name for membership in memberships_of(user)]
    return render(request, "account/delete.html", {"form": form, "enterprises": names})


urlpatterns = [path("account/delete", delete_account, name="delete_account")]
