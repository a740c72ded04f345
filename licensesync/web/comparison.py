"""Is GitHub's own number right? Its count beside ours, and the people of the difference by cause."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.flows import queue
from licensesync.licenses import comparison, queries
from licensesync.licenses.causes import Cause, Kind
from licensesync.licenses.comparison import Comparison
from licensesync.licenses.differences import csv_of_differences, differences
from licensesync.licenses.doubles import doubles_of
from licensesync.licenses.finding import rows_of
from licensesync.web import words
from licensesync.web.access import enterprise_for
from licensesync.web.asked import id_of
from licensesync.web.downloads import download_csv, name_of

ROWS = 25

CAUSES: dict[str, tuple[str | Promise, str | Promise]] = {
    Cause.SERVER: (
        _("Server not synced there"),
        _("Only one side has the list of this server: GitHub or LicenseSync."),
    ),
    Cause.SUSPENDED: (
        _("Suspended since"),
        _("GitHub still counts accounts that are suspended now. Its next sync corrects that."),
    ),
    Cause.AMBIGUOUS: (
        _("Ambiguous"),
        _("Two cloud accounts claim one address. GitHub chose differently than LicenseSync."),
    ),
    Cause.SECONDARY: (
        _("Secondary e-mail only"),
        _("GitHub knows the account by an address that is only a secondary one by now."),
    ),
    Cause.LONG_AGO: (
        _("Changed since GitHub’s sync"),
        _("The account is new, gone, or has another primary e-mail than at GitHub’s last sync of its server."),
    ),
    Cause.JOINED: (
        _("Joined here"),
        _("LicenseSync found these accounts to be one person, GitHub’s list has them apart. The license says why."),
    ),
    Cause.UNEXPLAINED: (
        _("Not explained"),
        _("Nothing in the lists says why. GitHub may know more than its list tells."),
    ),
}
KINDS = {
    Kind.UNIT_TOO_MANY: _("GitHub counts this person once more"),
    Kind.UNIT_ALONE: _("GitHub counts somebody who consumes no license here"),
    Kind.LICENSE_ALONE: _("GitHub does not count this person"),
}


@dataclass(frozen=True)
class Group:
    key: str
    label: str | Promise
    sentence: str | Promise
    more: int  # that GitHub counts
    fewer: int
    is_current: bool

    @property
    def people(self) -> int:
        return self.more + self.fewer


def _groups(found: Comparison, current: str) -> list[Group]:
    return [
        Group(cause.value, *CAUSES[cause], more, fewer, cause == current)
        for cause, (more, fewer) in found.by_cause().items()
    ]


@require_GET
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """`cause` chooses a group, `page` a page of its people."""
    enterprise = enterprise_for(request, slug)
    cloud = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.CLOUD).first()
    try:
        found = comparison.comparison_of(enterprise)
    except comparison.NotComparedYet:
        queue.compare(enterprise.pk, somebody_waits=True)
        return render(request, "comparison/page.html", {"enterprise": enterprise, "is_comparing": True})
    if found is None or cloud is None:
        return render(request, "comparison/page.html", {"enterprise": enterprise})
    groups = _groups(found, request.GET.get("cause", ""))
    current = next((group for group in groups if group.is_current), None)
    entries = [entry for entry in found.entries if current is None or entry.cause == current.key]
    page = _page_of(request, len(entries))
    twice_page = rows_of(enterprise, found.doubled[:ROWS])
    doubles = doubles_of(enterprise, twice_page)
    context = {
        "enterprise": enterprise,
        "cloud": cloud,
        "found": found,
        "difference": words.signed(found.difference),
        "groups": groups,
        "current": current,
        "number": len(entries),
        "rows": [
            (each, KINDS[each.entry.kind], CAUSES[each.entry.cause][0])
            for each in differences(enterprise, entries[(page - 1) * ROWS : page * ROWS])
        ],
        "first": (page - 1) * ROWS + 1,
        "last": min(page * ROWS, len(entries)),
        "previous": page - 1,
        "next": page + 1 if page * ROWS < len(entries) else 0,
        "twice": [(license, doubles.get(license.number, ())) for license in twice_page],
    }
    return render(request, "comparison/page.html", context)


def _page_of(request: HttpRequest, entries: int) -> int:
    return max(1, min(id_of(request.GET.get("page", "")), -(-entries // ROWS)))


@require_GET
def csv_of_comparison(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Everybody of the difference, and who is counted twice by both; with `cause`, one group. Before they are known:
    the page that says so."""
    enterprise = enterprise_for(request, slug)
    try:
        found = comparison.comparison_of(enterprise)
    except comparison.NotComparedYet:
        return redirect("comparison", enterprise.slug)
    cause = request.GET.get("cause", "")
    lines = queries.all_of_one_count(
        csv_of_differences(enterprise, found, cause if cause in CAUSES else ""), enterprise
    )
    return download_csv(request, enterprise, lines, name_of(enterprise, "github-count", "csv"))


_COMPARISON = "enterprises/<slug:slug>/settings/license/github"
urlpatterns = [
    path(_COMPARISON, compare, name="comparison"),
    path(f"{_COMPARISON}/people.csv", csv_of_comparison, name="csv_of_comparison"),
]
