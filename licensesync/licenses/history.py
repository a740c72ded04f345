"""Usage over time: the points, one a count, and who came and who went between two of them."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from django.db.models import Count as CountOf
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from licensesync.enterprises.models import Enterprise
from licensesync.licenses.csv_report import csv_line, safe
from licensesync.licenses.models import Count, LicenseChange
from licensesync.usage import bulk

Kind = LicenseChange.Kind
BEGAN, ENDED = (Kind.CAME, Kind.SPLIT), (Kind.WENT, Kind.MERGED)
AT_ONCE = 1_000


def points(enterprise: Enterprise) -> list[Count]:
    """The counts in the order in which they were made, of each day of the reader the last one.

    There may be twenty counts a day, so of most only the time is read. Which day that is, Python says: a database may
    not know the reader's zone by its name.
    """
    in_order = counts(enterprise).order_by("generation")
    zone = timezone.get_current_timezone()
    times = in_order.values_list("generation", "finished_at")
    last_of_day = {at.astimezone(zone).date(): generation for generation, at in times if at}
    return list(in_order.filter(generation__in=last_of_day.values()))


def counts(enterprise: Enterprise) -> QuerySet[Count]:
    """All that are finished."""
    return Count.objects.filter(enterprise=enterprise, finished_at__isnull=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """The people by whom two counts differ. `first_listed` came with the first list of a deployment: they were there
    before, so no change says so."""

    came: int
    split: int
    went: int
    merged: int
    first_listed: int

    @property
    def total(self) -> int:
        return self.came + self.split - self.went - self.merged + self.first_listed

    def number(self, kind: str) -> int:
        return {Kind.CAME: self.came, Kind.SPLIT: self.split, Kind.WENT: self.went, Kind.MERGED: self.merged}[
            Kind(kind)
        ]


def difference(earlier: Count, later: Count) -> Difference:
    """The net effect of all counts after `earlier` up to `later`, in numbers."""
    by_kind = dict(changes(earlier, later).order_by().values_list("kind").annotate(CountOf("pk")))
    came, split, went, merged = (by_kind.get(kind, 0) for kind in (Kind.CAME, Kind.SPLIT, Kind.WENT, Kind.MERGED))
    explained = came + split - went - merged
    return Difference(came, split, went, merged, later.consumed - earlier.consumed - explained)


def changes(earlier: Count, later: Count) -> QuerySet[LicenseChange]:
    """The net effect by name: whose license began or ended after `earlier` and is still so at `later`.

    A license that began and ended in between is left out, also one of a first list, and so is a person who went and
    came back: the license is a new one then, but the same login on the same deployment.
    """
    inside = LicenseChange.objects.filter(
        enterprise=earlier.enterprise_id, generation__gt=earlier.generation, generation__lte=later.generation
    )
    ends = inside.filter(kind__in=ENDED)
    began = Q(~Exists(ends.filter(number=OuterRef("number"))), kind__in=BEGAN)
    ended = Q(kind__in=ENDED, number__lt=earlier.next_number)  # who was there: no change says so of a first list
    # EXISTS, not IN: a list that is too long to be hashed PostgreSQL goes through once for every row.
    net = inside.filter(began | ended)
    come = inside.filter(began, kind=Kind.CAME).exclude(login="")
    gone = inside.filter(ended, kind=Kind.WENT).exclude(login="")
    return net.exclude(_who_came_back(net, come, gone)).order_by("-generation", "-pk")


def _who_came_back(net: QuerySet[LicenseChange], come: QuerySet[LicenseChange], gone: QuerySet[LicenseChange]) -> Q:
    """One for one: a login may be given to somebody else, so more may have come under it than went."""
    if bulk.is_sqlite():  # for each of `come` and `gone` it would go through all of the others
        namesakes = net.exclude(login="").exclude(deployment=None).order_by().values("login", "deployment")
        came, went = (Min("pk", filter=Q(kind=kind)) for kind in (Kind.CAME, Kind.WENT))
        first = namesakes.annotate(came=came, went=went).filter(came__isnull=False, went__isnull=False)
        return Q(pk__in=first.values("came")) | Q(pk__in=first.values("went"))
    is_namesake = {"login": OuterRef("login"), "deployment": OuterRef("deployment")}
    come, gone = come.filter(**is_namesake), gone.filter(**is_namesake)
    came_back = Q(kind=Kind.CAME) & Exists(gone) & ~Exists(come.filter(pk__lt=OuterRef("pk")))
    returned = Q(kind=Kind.WENT) & Exists(come) & ~Exists(gone.filter(pk__lt=OuterRef("pk")))
    return came_back | returned


def csv_of_changes(rows: QuerySet[LicenseChange]) -> Iterator[str]:
    """Changes as CSV; the times are the reader's, whose zone is not active any more while the answer is read."""
    return _lines_of_changes(rows, timezone.get_current_timezone())


def _lines_of_changes(rows: QuerySet[LicenseChange], zone: tzinfo) -> Iterator[str]:
    """Found once, then read a block at a time: a slow reader holds nothing open."""
    yield csv_line(("Change", "On", "License number", "Person", "Login", "Other license number", "Deployment"))
    found = array("q", rows.values_list("pk", flat=True).iterator())
    for start in range(0, len(found), AT_ONCE):
        block = LicenseChange.objects.select_related("deployment").in_bulk(found[start : start + AT_ONCE])
        yield "".join([csv_line(_cells(block[pk], zone)) for pk in found[start : start + AT_ONCE] if pk in block])


def _cells(change: LicenseChange, zone: tzinfo) -> tuple[str, ...]:
    return (
        change.kind,
        change.at.astimezone(zone).isoformat(timespec="seconds"),
        str(change.number),
        safe(change.name),
        safe(change.login),
        str(change.other_number or ""),
        str(change.deployment or ""),
    )
