"""The audit log: who changed what in an enterprise, and who took lists of people away. For its owners."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from licensesync.enterprises.audit_log import actors_of, events_of
from licensesync.enterprises.models import AuditAction, AuditEvent, LicenseModel, Role, Schedule, Through
from licensesync.licenses.csv_report import csv_line, safe
from licensesync.syncing.models import Question
from licensesync.users.models import User
from licensesync.web import words
from licensesync.web.access import enterprise_for
from licensesync.web.asked import id_of
from licensesync.web.downloads import download_csv, name_of
from licensesync.web.paging import newest_first

AT_ONCE = 1_000  # rows of the report that are read together

SENTENCES = {
    AuditAction.ENTERPRISE_CREATE: gettext_lazy("Created the enterprise"),
    AuditAction.ENTERPRISE_UPDATE: gettext_lazy("Changed profile and seats"),
    AuditAction.MEMBER_INVITE: gettext_lazy("Invited %(subject)s"),
    AuditAction.MEMBER_RENEW_INVITATION: gettext_lazy("Made a new invitation link for %(subject)s"),
    AuditAction.MEMBER_REVOKE_INVITATION: gettext_lazy("Revoked the invitation of %(subject)s"),
    AuditAction.MEMBER_JOIN: gettext_lazy("Accepted the invitation"),
    AuditAction.MEMBER_ADD: gettext_lazy("Added %(subject)s"),
    AuditAction.MEMBER_CHANGE_ROLE: gettext_lazy("Changed the role of %(subject)s"),
    AuditAction.MEMBER_REMOVE: gettext_lazy("Removed %(subject)s"),
    AuditAction.MEMBER_PASSWORD_LINK: gettext_lazy("Made a link to a new password for %(subject)s"),
    AuditAction.DOMAIN_ADD: gettext_lazy("Added the verified domain %(subject)s"),
    AuditAction.DOMAIN_REMOVE: gettext_lazy("Removed the verified domain %(subject)s"),
    AuditAction.TOKEN_CREATE: gettext_lazy("Created the API token “%(subject)s”"),
    AuditAction.TOKEN_REVOKE: gettext_lazy("Revoked the API token “%(subject)s”"),
    AuditAction.INSTANCE_ADD: gettext_lazy("Added %(subject)s"),
    AuditAction.INSTANCE_DELETE: gettext_lazy("Deleted %(subject)s and what it reported"),
    AuditAction.CONNECTION_CREATE: gettext_lazy("Connected %(subject)s"),
    AuditAction.CONNECTION_UPDATE: gettext_lazy("Changed the connection of %(subject)s"),
    AuditAction.CONNECTION_DELETE: gettext_lazy("Disconnected %(subject)s"),
    AuditAction.CONNECTION_SCHEDULE: gettext_lazy("Changed when %(subject)s syncs by itself"),
    AuditAction.USAGE_ANSWER: gettext_lazy("Answered the question about %(subject)s"),
    AuditAction.REPORT_DOWNLOAD: gettext_lazy("Downloaded %(subject)s"),
}
GROUPS = {
    "enterprise": gettext_lazy("Profile and seats"),
    "member": gettext_lazy("Members"),
    "domain": gettext_lazy("Verified domains"),
    "token": gettext_lazy("API tokens"),
    "instance": gettext_lazy("Instances"),
    "connection": gettext_lazy("Connections"),
    "usage": gettext_lazy("Questions"),
    "report": gettext_lazy("Downloads"),
}
FIELDS = {
    "name": gettext_lazy("Name"),
    "license_model": gettext_lazy("Billing"),
    "enterprise_licenses": gettext_lazy("Enterprise licenses"),
    "visual_studio_licenses": gettext_lazy("Visual Studio subscription licenses"),
    "keeps_names": gettext_lazy("Profile names"),
    "keeps_secondary_emails": gettext_lazy("Secondary e-mails"),
    "role": gettext_lazy("Role"),
    "scopes": gettext_lazy("Scopes"),
    "expires_at": gettext_lazy("Expiration"),
    "deployment": gettext_lazy("Only for"),
    "url": gettext_lazy("Address"),
    "login": gettext_lazy("Login"),
    "cloud_slug": gettext_lazy("Slug"),
    "schedule": gettext_lazy("Syncs"),
    Question.WHICH_SERVER: gettext_lazy("Instance"),
    Question.SERVER_CONFLICT: gettext_lazy("Replaced, renamed, or a copy"),
    Question.OLDER: gettext_lazy("Older than the list before"),
    Question.SHRINKS: gettext_lazy("Many accounts would go"),
    Question.OTHER_PEOPLE: gettext_lazy("Many accounts are of other people"),
    Question.FEWER_IDENTITIES: gettext_lazy("Many linked identities would go"),
}
CHOICES = {"role": Role, "license_model": LicenseModel, "schedule": Schedule}


@dataclass(frozen=True)
class EventRow:
    event: AuditEvent

    @property
    def who(self) -> str:
        """An e-mail, or "" of whom nothing is known any more."""
        if self.event.actor:
            return self.event.actor.email
        return str(Through.COMMAND.label) if self.event.through == Through.COMMAND else ""

    @property
    def how(self) -> str:
        """Where that is not the browser."""
        if self.event.token:
            return _("by the API token “%(name)s”") % {"name": self.event.token}
        return _("by API") if self.event.through == Through.API else ""

    @property
    def what(self) -> str:
        subject = self.event.subject or _("somebody whose account is deleted")
        return str(SENTENCES[AuditAction(self.event.action)]) % {"subject": subject}

    @property
    def details(self) -> list[str]:
        """What was set, each as “Role: Billing manager → Owner”."""
        lines = (_detail(name, *change) for name, change in self.event.changes.items())
        return [line for line in lines if line]


def _detail(name: str, before: Any, after: Any) -> str:
    values = [text for text in (_text(name, before), _text(name, after)) if text]
    return _("%(name)s: %(value)s") % {"name": FIELDS[name], "value": " → ".join(values)} if values else ""


def _text(name: str, value: Any) -> str:
    """A value as the reader has it, "" where there is none."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, int):
        return words.number(value)
    if isinstance(value, list):
        return ", ".join(value)
    return _word(name, value) if value else ""


def _word(name: str, value: str) -> str:
    if name == "expires_at":
        return words.moment(datetime.fromisoformat(value))
    if name in CHOICES:
        return str(CHOICES[name](value).label)
    return _("accepted") if value == "accepted" and name in Question.values else value


@dataclass(frozen=True)
class LogFilter:
    """The events that the query asks for; "" and None: of every kind, of everybody."""

    actors: list[User]  # to choose from
    group: str
    actor: User | None

    @property
    def narrows(self) -> bool:
        return bool(self.group or self.actor)

    @property
    def groups(self) -> list[tuple[str, str]]:
        return [(group, str(label)) for group, label in GROUPS.items()]

    @property
    def query(self) -> str:
        """As it stands in the address, with & at its end, or ""."""
        chosen = {"what": self.group, "who": self.actor.pk if self.actor else ""}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"{query}&" if query else ""

    def of(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        if self.group:
            events = events.filter(action__startswith=f"{self.group}.")
        return events.filter(actor=self.actor) if self.actor else events


def log_filter(request: HttpRequest, actors: list[User]) -> LogFilter:
    """What can't be asked for is left out, as if it had not been said."""
    who, what = id_of(request.GET.get("who", "")), request.GET.get("what", "")
    actor = next((each for each in actors if each.pk == who), None)
    return LogFilter(actors, what if what in GROUPS else "", actor)


@require_GET
def audit_log(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug, owner=True)
    chosen = log_filter(request, list(actors_of(enterprise)))
    page = newest_first(request, chosen.of(events_of(enterprise)))
    rows = [EventRow(event) for event in page.rows]
    return render(
        request, "audit_log/page.html", {"enterprise": enterprise, "filter": chosen, "page": page, "rows": rows}
    )


@require_GET
def csv_of_audit_log(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """What the page shows, all of it."""
    enterprise = enterprise_for(request, slug, owner=True)
    events = log_filter(request, list(actors_of(enterprise))).of(events_of(enterprise))
    return download_csv(request, enterprise, _csv_of(events), name_of(enterprise, "audit-log", "csv"))


def _csv_of(events: QuerySet[AuditEvent]) -> Iterator[str]:
    """A block at a time: a slow reader holds nothing open."""
    yield csv_line(("At", "Action", "Actor", "Through", "API token", "Subject", "Changes"))
    rows = events
    while block := list(rows[:AT_ONCE]):
        yield "".join([csv_line(_cells(event)) for event in block])
        rows = events.filter(pk__lt=block[-1].pk)


def _cells(event: AuditEvent) -> tuple[str, ...]:
    return (
        event.at.isoformat(sep=" ", timespec="seconds"),
        event.action,
        safe(event.actor.email if event.actor else ""),
        event.through,
        safe(event.token),
        safe(event.subject),
        safe("; ".join(EventRow(event).details)),
    )


_LOG = "enterprises/<slug:slug>/settings/audit-log"
urlpatterns = [
    path(_LOG, audit_log, name="audit_log"),
    path(f"{_LOG}/report.csv", csv_of_audit_log, name="csv_of_audit_log"),
]
