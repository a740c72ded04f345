"""Setting up: the one-time link that the start prints while nobody can sign in yet."""

from django import forms
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from licensesync.users.models import User
from licensesync.users.services import create_first_owner, is_first_owner_secret
from licensesync.web.fields import EmailField
from licensesync.web.passwords import MODEL_BACKEND, PasswordTwice


class FirstOwnerForm(PasswordTwice):
    email = EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    field_order = ("email",)

    def clean_email(self) -> str:
        """Also tells the check of the password whose it is, which must not resemble the e-mail."""
        email = str(self.cleaned_data["email"])
        self.user.email = email
        return email


@login_not_required
@never_cache
@sensitive_post_parameters()
def first_owner(request: HttpRequest, secret: str) -> HttpResponse:
    if not is_first_owner_secret(secret):
        return render(request, "outside/first_owner_gone.html", status=410)
    form = FirstOwnerForm(User(), request.POST or None)
    if form.is_valid():
        user = create_first_owner(email=form.cleaned_data["email"], password=form.password)
        if user is None:
            return render(request, "outside/first_owner_gone.html", status=410)
        login(request, user, backend=MODEL_BACKEND)
        return redirect("new_enterprise")
    return render(request, "outside/first_owner.html", {"form": form})


urlpatterns = [path("setup/<str:secret>/", first_owner, name="first_owner")]
