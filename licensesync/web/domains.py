"""Verified domains: entered by owners, since no list tells them, and who has no e-mail of one."""

from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from licensesync.enterprises import domains
from licensesync.enterprises.models import VerifiedDomain
from licensesync.enterprises.queries import domains_of
from licensesync.errors import ExpectedError
from licensesync.licenses.filters import Filter
from licensesync.licenses.finding import Selection
from licensesync.web import say, words
from licensesync.web.access import enterprise_for, is_owner

MOST_SUGGESTED = 5


class DomainsForm(forms.Form):
    names = forms.CharField(
        label=_("Domains"),
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "input", "spellcheck": "false", "autocapitalize": "off"}),
        help_text=_("One per line. A sub-domain is a domain of its own, as at GitHub."),
    )


@dataclass(frozen=True)
class Row:
    """`letters` is the name as people write it where the net has it otherwise, else ""."""

    domain: VerifiedDomain
    letters: str
    people: int


@dataclass(frozen=True)
class Suggestion:
    name: str
    people: int


def verified_domains(request: HttpRequest, slug: str) -> HttpResponse:
    """The list; owners also add here."""
    enterprise = enterprise_for(request, slug, owner=request.method == "POST")
    form = DomainsForm(request.POST or None) if request.method == "POST" else DomainsForm()
    if form.is_valid():
        try:
            new = domains.add_domains(enterprise=enterprise, text=form.cleaned_data["names"])
            say.done(request, _added(new))
            return redirect("domains", slug)
        except ExpectedError as error:
            form.add_error("names", words.problem_of(error))
    selection = Selection(enterprise, Filter())
    rows = [_row(domain, selection) for domain in domains_of(enterprise)]
    without = selection.counts("domain", ["none"])["none"] if rows else None
    context = {
        "enterprise": enterprise,
        "is_owner": is_owner(request, enterprise),
        "form": form,
        "rows": rows,
        "total": selection.index.total,
        "without": without,
        "suggestions": _suggestions(selection, {row.domain.name for row in rows}),
    }
    return render(request, "domains/page.html", context)


def _added(new: list[str]) -> str:
    if not new:
        return gettext("All of them were here already.")
    sentence = ngettext("%(names)s is added.", "%(names)s are added.", len(new))
    names = [domains.spellings(each)[-1] for each in new[:5]]
    return sentence % {"names": ", ".join(names) + ("…" if len(new) > 5 else "")}


def _row(domain: VerifiedDomain, selection: Selection) -> Row:
    """With the number of people who have the primary e-mail of a server account there."""
    spellings = domains.spellings(domain.name)
    people = sum(selection.index.count(f"mail:{spelling}") for spelling in spellings)
    return Row(domain, spellings[-1] if len(spellings) > 1 else "", people)


def _suggestions(selection: Selection, known: set[str]) -> list[Suggestion]:
    """The most frequent other domains of server accounts, and how many people have an address there."""
    found = []
    for value in selection.index.values("mail"):
        try:
            name = domains.normalised(value)
        except ExpectedError:
            continue
        if name not in known:
            found.append(Suggestion(name, selection.index.count(f"mail:{value}")))
    return sorted(found, key=lambda each: (-each.people, each.name))[:MOST_SUGGESTED]


@require_POST
def remove_domain(request: HttpRequest, slug: str, domain_id: int) -> HttpResponse:
    """Without asking: nothing is lost that could not be typed again."""
    enterprise = enterprise_for(request, slug, owner=True)
    domain = get_object_or_404(domains_of(enterprise), pk=domain_id)
    domains.remove_domain(domain=domain)
    say.done(request, gettext("%(domain)s is removed.") % {"domain": domain})
    return redirect("domains", slug)


_DOMAINS = "enterprises/<slug:slug>/settings/domains"
urlpatterns = [
    path(_DOMAINS, verified_domains, name="domains"),
    path(f"{_DOMAINS}/<int:domain_id>/remove", remove_domain, name="remove_domain"),
]
