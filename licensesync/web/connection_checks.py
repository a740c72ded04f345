"""The steps of "Test connection" in the reader's words."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

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
    }[check.step]


def _outcome(check: Check) -> str:
    """What was found, or what is wrong and what to do."""
    if check.problem is not None:
        return words.problem_of(check.problem, stays=NOTHING_STORED)
    if check.state == "skipped":
        return _("not tried, because of the step above")
    known = {
        "addresses": "%(value)s",
        "proxy": _("through the proxy %(value)s"),
        "subject": _("certificate of %(value)s"),
        "issuer": _("by %(value)s"),
        "expires": _("valid until %(value)s"),
        "held": _("it has %(value)s"),
        "version": _("GitHub Enterprise Server %(value)s"),
        "used": _("%(value)s seats used"),
        "seats": _("of %(value)s"),
        "bytes": _("it is there, %(value)s bytes"),
        "total": _("%(value)s consumed licenses"),
        "pages": _("on %(value)s pages"),
    }
    if check.step == "version" and check.state == "hint":
        sentence = _(
            "GitHub Enterprise Server %(value)s; GitHub’s own “Sync now” needs a version newer than 3.4, "
            "LicenseSync does not"
        )
        return sentence % {"value": check.facts["version"]}
    if check.step == "scope" and check.state == "hint":
        return _("not told; the next steps show whether it has %(value)s") % {"value": check.facts["needed"]}
    found = [template % {"value": check.facts[code]} for code, template in known.items() if code in check.facts]
    return ", ".join(found) or _("fine")
