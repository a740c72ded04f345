"""Usage over time: the chart with its table, and who came and who went between any two counts."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Deployment, Enterprise, LicenseModel
from licensesync.licenses import history
from licensesync.licenses import queries as licenses
from licensesync.licenses.completeness import sources_of
from licensesync.licenses.models import Count, LicenseChange
from licensesync.web import words
from licensesync.web.access import enterprise_for
from licensesync.web.downloads import download_csv, name_of
from licensesync.web.usage_chart import Chart, ChartPoint, usage_chart

ROWS = 25
KINDS = (LicenseChange.Kind.CAME, LicenseChange.Kind.WENT, LicenseChange.Kind.MERGED, LicenseChange.Kind.SPLIT)


@dataclass(frozen=True)
class Period:
    key: str
    label: str | Promise
    days: int | None  # None: all that is kept


PERIODS = (
    Period("30d", gettext_lazy("30 days"), 30),
    Period("1y", gettext_lazy("1 year"), 365),
    Period("all", gettext_lazy("All"), None),
)


@dataclass(frozen=True)
class UsageOverTime:
    """`chart` is None before the count of a second day. `points` are newest first; where nothing was counted in the
    period (`is_quiet`), the only one is the last count before it."""

    period: Period
    points: list[Count]
    chart: Chart | None
    sentence: str
    is_quiet: bool
    periods: Sequence[Period] = PERIODS


def usage_over_time(enterprise: Enterprise, key: str = "") -> UsageOverTime:
    period = next((each for each in PERIODS if each.key == key), PERIODS[1])
    now = timezone.now()
    since = now - timedelta(days=period.days) if period.days else None
    known = history.points(enterprise)
    points = _from(known, since) if since else known
    drawn = [ChartPoint(each.finished_at or now, each.consumed, each.purchased) for each in points]
    is_quiet = since is not None and all(point.at <= since for point in drawn)
    chart = None
    if len(known) > 1:
        # Until now nothing has changed since the last count but, maybe, what is purchased.
        purchased = None if enterprise.license_model == LicenseModel.METERED else enterprise.purchased
        drawn.append(ChartPoint(now, drawn[-1].consumed, purchased))
        chart = usage_chart(drawn, max(since, drawn[0].at) if since else drawn[0].at, now)
    return UsageOverTime(period, points[::-1], chart, _sentence(enterprise, known, now), is_quiet)


def _from(points: list[Count], since: datetime) -> list[Count]:
    """The points from the last one before this moment on, so that a chart knows where it begins."""
    before = sum(1 for point in points if point.finished_at and point.finished_at <= since)
    return points[max(before - 1, 0) :]


def _sentence(enterprise: Enterprise, points: list[Count], now: datetime) -> str:
    """How much it grew, and since when it is over the limit."""
    if len(points) < 2:
        return ""
    said = []
    month, year = (_consumed_at(points, now - timedelta(days=days)) for days in (28, 365))
    consumed = points[-1].consumed
    if month is not None:
        said.append(_("%(change)s in 4 weeks") % {"change": words.signed(consumed - month)})
    if year is not None:
        said.append(_("%(change)s in a year") % {"change": words.signed(consumed - year)})
    if year is None:
        since = date_format(localtime(points[0].finished_at), _("M j, Y"))
        change = words.signed(consumed - points[0].consumed)
        said.append(_("%(change)s since %(day)s") % {"change": change, "day": since})
    sentence = ", ".join(said) + "."
    over = _over_since(enterprise, points)
    if over is not None:
        day = date_format(localtime(over), _("M j, Y"))
        sentence += " " + _("Over the limit since %(day)s.") % {"day": day}
    return sentence


def _over_since(enterprise: Enterprise, points: Sequence[Count]) -> datetime | None:
    """Since when every count was beyond what was purchased then; None when the last one is within what is purchased
    today, which the License page says beside it."""
    seats = licenses.seats(enterprise, points[-1])
    if not seats.total.is_over or not seats.is_entered:
        return None
    beyond = takewhile(lambda point: point.purchased and point.consumed > point.purchased, reversed(points))
    return min((point.finished_at for point in beyond if point.finished_at), default=None)


def _consumed_at(points: Sequence[Count], moment: datetime) -> int | None:
    before = [point for point in points if point.finished_at and point.finished_at <= moment]
    return before[-1].consumed if before else None


@require_GET
def usage_history(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug)
    usage = usage_over_time(enterprise, request.GET.get("period", ""))
    context: dict[str, Any] = {"enterprise": enterprise, "usage": usage, "table": list(_table(usage.points))}
    context["sources"] = sources_of(list(Deployment.objects.filter(enterprise=enterprise)))
    context["kept_days"] = settings.HISTORY_RETENTION.days
    if len(usage.points) > 1:
        context["between"] = _between(request, enterprise, usage)
    return render(request, "history/page.html", context)


@dataclass(frozen=True)
class TableRow:
    """A count, and the one before it, between which people came and went."""

    count: Count
    before: Count | None

    @property
    def change(self) -> str:
        return words.signed(self.count.consumed - self.before.consumed) if self.before else ""


def _table(points: Sequence[Count]) -> Iterator[TableRow]:
    for index, point in enumerate(points):
        yield TableRow(point, points[index + 1] if index + 1 < len(points) else None)


@dataclass(frozen=True)
class Tab:
    kind: str
    label: str
    number: int
    query: str
    is_current: bool


@dataclass(frozen=True)
class Between:
    """Who came and who went between two counts."""

    earlier: Count
    later: Count
    choices: list[tuple[int, str]]
    found: history.Difference
    total: str
    licenses: int  # as many as `total` says, more or less
    tabs: list[Tab]
    rows: list["ChangeRow"]
    nameless: int  # further changes, of deployments that are deleted: their names are not kept
    kind: str
    csv: str
    older: str


@dataclass(frozen=True)
class ChangeRow:
    change: LicenseChange
    place: str


def _between(request: HttpRequest, enterprise: Enterprise, usage: UsageOverTime) -> Between:
    earlier, later = _chosen(request, enterprise, usage.points)
    found = history.difference(earlier, later)
    chosen: dict[str, str | int] = {"period": usage.period.key, "from": earlier.generation, "to": later.generation}
    kinds = [kind for kind in KINDS if kind in KINDS[:2] or found.number(kind)]
    wanted = request.GET.get("kind", "")
    kind = wanted if wanted in kinds else max(kinds[:2], key=found.number)
    of_kind = history.changes(earlier, later).filter(kind=kind)
    is_named = ~Q(name="", login="", deployment=None)
    rows, older = _page(of_kind.filter(is_named), request.GET.get("before", ""))
    return Between(
        earlier=earlier,
        later=later,
        choices=_choices({*usage.points, earlier, later}),
        found=found,
        total=words.signed(found.total),
        licenses=abs(found.total),
        tabs=[
            Tab(each, str(each.label), found.number(each), urlencode({**chosen, "kind": each}), each == kind)
            for each in kinds
        ],
        rows=[ChangeRow(change, str(change.deployment) if change.deployment else "") for change in rows],
        nameless=of_kind.exclude(is_named).count(),
        kind=kind,
        csv=urlencode({"from": earlier.generation, "to": later.generation}),
        older=urlencode({**chosen, "kind": kind, "before": older}) if older else "",
    )


def _choices(counts: Collection[Count]) -> list[tuple[int, str]]:
    """Counts to choose from, newest first: the generation and when it was, with the time where a day has several."""
    times = {count.generation: localtime(count.finished_at) for count in counts}
    days = Counter(at.date() for at in times.values())
    return [
        (generation, date_format(at, _("M j, Y") if days[at.date()] == 1 else _("M j, Y, H:i")))
        for generation, at in sorted(times.items(), reverse=True)
    ]


def _chosen(request: HttpRequest, enterprise: Enterprise, points: Sequence[Count]) -> tuple[Count, Count]:
    """The two counts of the address, in the order of time; the first and the last of the period unless told.

    They may be no points of this reader: which count was the last of its day depends on where somebody is.
    """
    known = {str(point.generation): point for point in points}
    asked = {request.GET.get(name, "") for name in ("from", "to")} - known.keys()
    if generations := [int(each) for each in asked if each.isascii() and each.isdigit() and len(each) < 10]:
        found = history.counts(enterprise).filter(generation__in=generations)
        known |= {str(count.generation): count for count in found}
    earlier = known.get(request.GET.get("from", ""), points[-1])
    later = known.get(request.GET.get("to", ""), points[0])
    return (earlier, later) if earlier.generation <= later.generation else (later, earlier)


def _page(rows: QuerySet[LicenseChange], before: str) -> tuple[list[LicenseChange], str]:
    """Some changes, the newest first, and the mark of the last one where there are more."""
    generation, _mark, pk = before.partition("-")
    if generation.isascii() and generation.isdigit() and pk.isascii() and pk.isdigit() and len(before) < 30:
        rows = rows.filter(generation__lte=int(generation)).exclude(generation=int(generation), pk__gte=int(pk))
    page = list(rows.select_related("deployment")[: ROWS + 1])
    more, page = len(page) > ROWS, page[:ROWS]
    return page, f"{page[-1].generation}-{page[-1].pk}" if more else ""


@require_GET
def csv_of_changes(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """Who came, went, merged and split between the counts `from` and `to`."""
    enterprise = enterprise_for(request, slug)
    points = history.points(enterprise)[::-1]
    changes = history.changes(*_chosen(request, enterprise, points)) if points else LicenseChange.objects.none()
    return download_csv(
        request, enterprise, history.csv_of_changes(changes), name_of(enterprise, "came-and-went", "csv")
    )


_HISTORY = "enterprises/<slug:slug>/settings/license/history"
urlpatterns = [
    path(_HISTORY, usage_history, name="usage_history"),
    path(f"{_HISTORY}/changes.csv", csv_of_changes, name="csv_of_changes"),
]
