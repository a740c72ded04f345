"""The steps of "Test connection" in the reader's words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from licensesync.errors import NOTHING_STORED
from licensesync.github.checks import Check
from licensesync.syncing.models import JobState
from licensesync.web import words

LOOKS = {  # data-state, tone, icon
    "ok": (JobState.SUCCESS, "", "check-circle-fill"),
    "failed": (JobState.FAILURE, "", "x-circle-fill"),
    "hint": ("", "attention", "alert-fill"),
    "skipped": ("", "", "circle-slash"),
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    name: str
    outcome: str
    state: str
    tone: str
    icon: str


def check_rows(checks: Iterable[Check]) -> list[CheckRow]:
    return [CheckRow(_name(check), _outcome(check), *LOOKS[check.state]) for check in checks]


def _name(check: Check) -> str:
    return {
        "name": _("Name"),
        "connection": _("Connection and TLS"),
        "credentials": _("Credentials"),
        "scope": _("Scope of the token"),
        "version": _("Version"),
        "license": _("License"),
        "report": _("Report of all users"),
        "list": _("List of licenses"),
        "identities": _("Linked identities"),
    }[check.step]


def _outcome(check: Check) -> str:
    """What was found, or what is wrong and what to do."""
    if check.problem is not None:
        return words.problem_of(check.problem, stays=NOTHING_STORED)
    if check.state == "skipped":
        return _("Not tried, because of the step above")
    if check.step == "version" and check.state == "hint":
        sentence = _(
            "GitHub Enterprise Server %(value)s; GitHub’s own “Sync now” needs a version newer than 3.4, "
            "LicenseSync does not"
        )
        return sentence % {"value": check.facts["version"]}
    if check.step == "scope" and check.state == "hint":
        return _("not told; the next steps show whether it has %(value)s") % {"value": check.facts["needed"]}
    return ", ".join(_found(check.facts)) or _("fine")


def _found(facts: Mapping[str, str]) -> Iterator[str]:
    """What a step says, fact by fact."""
    texts = {
        "addresses": "%(value)s",
        "proxy": _("through the proxy %(value)s"),
        "subject": _("certificate of %(value)s"),
        "issuer": _("by %(value)s"),
        "held": _("it has %(value)s"),
        "version": _("GitHub Enterprise Server %(value)s"),
    }
    yield from (template % {"value": facts[code]} for code, template in texts.items() if code in facts)
    if expires := facts.get("expires"):
        yield _("valid until %(day)s") % {"day": date_format(date.fromisoformat(expires), _("M j, Y"))}
    numbers = {code: int(value) for code, value in facts.items() if value.isdecimal()}
    shown = {code: words.number(value) for code, value in numbers.items()}
    if "used" in numbers and "seats" in numbers:
        yield ngettext("%(used)s of %(seats)s seat used", "%(used)s of %(seats)s seats used", numbers["seats"]) % shown
    elif "used" in numbers:
        yield (
            ngettext("%(used)s seat used, without a limit", "%(used)s seats used, without a limit", numbers["used"])
            % shown
        )
    if "bytes" in numbers:
        yield _("it is there, %(size)s") % {"size": filesizeformat(numbers["bytes"])}
    if "total" in numbers:
        yield ngettext("%(total)s consumed license", "%(total)s consumed licenses", numbers["total"]) % shown
    if "identities" in numbers:
        yield ngettext("%(identities)s identity", "%(identities)s identities", numbers["identities"]) % shown
    if "pages" in numbers:
        yield ngettext("on %(pages)s page", "on %(pages)s pages", numbers["pages"]) % shown
