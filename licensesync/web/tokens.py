"""API tokens: make one for scripts, see which are in use, revoke."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.urls import get_script_prefix, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from licensesync.enterprises import tokens
from licensesync.enterprises.models import ApiToken, Enterprise, Role, Scope
from licensesync.enterprises.queries import role_of
from licensesync.users.links import absolute
from licensesync.web import once, say
from licensesync.web.access import enterprise_for, is_owner, user_of
from licensesync.web.asked import ask_first

FOREVER = ""
DAYS = (("30", _("30 days")), ("90", _("90 days")), ("365", _("One year")), (FOREVER, _("No expiration")))


class TokenForm(forms.Form):
    """A new token, with the scopes that its owner's role can give it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        error_messages={"required": _("Give the token a name.")},
        help_text=_("What it is for, for example: nightly report."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = forms.ChoiceField(label=_("Expiration"), choices=DAYS, initial="90", required=False)
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one scope.")},
    )

    def __init__(self, role: Role, data: Any = None) -> None:
        super().__init__(data, initial={"scopes": [Scope.READ]})
        scopes = [(scope.value, scope.label) for scope in Scope if scope in tokens.BY_ROLE[role]]
        self.fields["scopes"].choices = scopes  # type: ignore[attr-defined]  # of a choice field

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return None if days == FOREVER else timezone.now() + timedelta(days=int(days))


def api_tokens(request: HttpRequest, slug: str) -> HttpResponse:
    """The list, and a form for a new one, which is shown on the next answer and never again."""
    enterprise = enterprise_for(request, slug)
    user = user_of(request)
    role = role_of(user, enterprise) or Role.BILLING_MANAGER
    form = TokenForm(role, request.POST or None)
    if form.is_valid():
        _token, secret = tokens.create_api_token(
            enterprise=enterprise,
            owner=user,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at,
        )
        return once.lead_to_page(request, secret)
    context = {
        "enterprise": enterprise,
        "is_owner": is_owner(request, enterprise),
        "tokens": tokens.tokens_shown_to(user, enterprise),
        "form": form,
        "base": absolute(request, f"{get_script_prefix()}api/v3"),
    }
    return once.render_with_secret(request, "tokens/page.html", context)


def revoke_token(request: HttpRequest, slug: str, token_id: int) -> HttpResponse:
    enterprise = enterprise_for(request, slug)
    token = get_object_or_404(tokens.tokens_shown_to(user_of(request), enterprise), pk=token_id)
    return revoke(request, enterprise, token, back=resolve_url("tokens", slug), page=gettext("API tokens"))


def revoke(request: HttpRequest, enterprise: Enterprise, token: ApiToken, *, back: str, page: str) -> HttpResponse:
    """Asks first; then leads `back` to the page of that name."""
    if request.method == "POST":
        tokens.revoke(token)
        say.done(request, gettext("The token “%(name)s” no longer works.") % {"name": token.name})
        return redirect(back)
    context = {"enterprise": enterprise, "token": token, "back": back, "page": page}
    return ask_first(request, "tokens/revoke.html", context)


_TOKENS = "enterprises/<slug:slug>/settings/tokens"
urlpatterns = [
    path(_TOKENS, api_tokens, name="tokens"),
    path(f"{_TOKENS}/<int:token_id>/revoke", revoke_token, name="revoke_token"),
]
