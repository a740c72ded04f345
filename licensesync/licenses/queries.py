"""Reads of licenses, counts and reports, of the generation that everybody sees; of one license: `person`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from licensesync.enterprises.models import Deployment, Enterprise, LicenseModel
from licensesync.licenses.csv_report import csv_report
from licensesync.licenses.models import ConsumedLicense, Count
from licensesync.licenses.report import LicenseRow, in_blocks, json_report, license_row
from licensesync.usage.models import valid_at


def current_count(enterprise: Enterprise) -> Count | None:
    """The count that everybody sees, None before the first list."""
    return Count.objects.filter(
        enterprise=enterprise, generation=enterprise.generation, finished_at__isnull=False
    ).first()


def licenses(enterprise: Enterprise) -> QuerySet[ConsumedLicense]:
    """The consumed licenses of the count that everybody sees."""
    return ConsumedLicense.objects.filter(valid_at(enterprise.generation), enterprise=enterprise)


def license_rows(enterprise: Enterprise, numbers: Sequence[int] | None = None) -> Iterator[LicenseRow]:
    """Licenses as GitHub lists them, streamed: all in the order of their numbers, or those with `numbers` in theirs."""
    hosts = hosts_of(enterprise)
    for block in in_blocks(licenses(enterprise), attrgetter("number"), numbers):
        for license in block:
            yield license_row(license, hosts)


class CountGoneError(Exception):
    """Reading took longer than an earlier count stays stored. It breaks off: half a list must not look whole."""


def all_of_one_count(pieces: Iterable[str], enterprise: Enterprise) -> Iterator[str]:
    """The pieces of a report. CountGoneError at their end, when rows of the count may have been missing."""
    yield from pieces
    if not is_stored(enterprise):
        raise CountGoneError


def csv_of(enterprise: Enterprise, *, marked: bool = False, numbers: Sequence[int] | None = None) -> Iterator[str]:
    """The CSV report of everybody, or of the licenses with these numbers in their order; of one count from the first
    row to the last. `marked`: for Excel."""
    report = csv_report(licenses(enterprise), hosts_of(enterprise), marked=marked, numbers=numbers)
    return all_of_one_count(report, enterprise)


def json_of(enterprise: Enterprise, *, numbers: Sequence[int] | None = None) -> Iterator[str]:
    """The same as the answer of GitHub's REST list."""
    report = json_report(*totals(enterprise), license_rows(enterprise, numbers))
    return all_of_one_count(report, enterprise)


def hosts_of(enterprise: Enterprise) -> dict[int, str]:
    """The host names by deployment; "" for the cloud."""
    return dict(Deployment.objects.filter(enterprise=enterprise).values_list("pk", "host"))


def generation_superseded_before(enterprise: Enterprise, moment: datetime) -> int:
    """The highest generation that began before `moment`: rows that ended with it are on nobody's page any more."""
    earlier = Count.objects.filter(enterprise=enterprise, finished_at__lt=moment).order_by("-generation")
    return earlier.values_list("generation", flat=True).first() or 0


def is_stored(enterprise: Enterprise) -> bool:
    """Whether all rows of the generation that `enterprise` was read with are still there.

    Those of an earlier count stay for `settings.SUPERSEDED_SECONDS`, or until a deployment is deleted; who reads longer
    than that has missed some.
    """
    gone_before = timezone.now() - timedelta(seconds=settings.SUPERSEDED_SECONDS)
    readable_from = Enterprise.objects.values_list("readable_from", flat=True).get(pk=enterprise.pk)
    return enterprise.generation >= max(readable_from, generation_superseded_before(enterprise, gone_before))


def totals(enterprise: Enterprise) -> tuple[int, int]:
    """Consumed and purchased licenses, as `total_seats_consumed` and `total_seats_purchased` have them."""
    count = current_count(enterprise)
    return count.consumed if count else 0, enterprise.purchased


def consumed_by_enterprise() -> dict[int, int]:
    """The consumed licenses of every enterprise that has a count, by its id."""
    shown = Count.objects.filter(generation=F("enterprise__generation"), finished_at__isnull=False)
    return dict(shown.values_list("enterprise_id", "consumed"))


@dataclass(frozen=True, slots=True)
class Seats:
    """Consumed, purchased and available of one license type, or of all. Where use is metered, nothing is purchased."""

    consumed: int
    purchased: int | None

    @property
    def available(self) -> int | None:
        return None if self.purchased is None else self.purchased - self.consumed

    @property
    def is_over(self) -> bool:
        return self.available is not None and self.available < 0


@dataclass(frozen=True, slots=True)
class SeatTable:
    """In total, and of each license type."""

    total: Seats
    enterprise: Seats
    visual_studio: Seats

    @property
    def is_entered(self) -> bool:
        """Whether anybody has said what is purchased, or nothing can be: nobody owns an enterprise of no licenses."""
        return self.total.purchased != 0

    @property
    def hides_limit(self) -> bool:
        """Whether Enterprise licenses are beyond their limit, though all together are not: what is left is for Visual
        Studio subscribers."""
        return self.enterprise.is_over and not self.total.is_over


def seats(enterprise: Enterprise, count: Count | None) -> SeatTable:
    """What a count consumes beside what is purchased now."""
    consumed = (count.consumed, count.visual_studio) if count else (0, 0)
    if enterprise.license_model == LicenseModel.METERED:
        return SeatTable(*(Seats(each, None) for each in (consumed[0], consumed[0] - consumed[1], consumed[1])))
    purchased = enterprise.enterprise_licenses, enterprise.visual_studio_licenses
    return SeatTable(
        Seats(consumed[0], sum(purchased)),
        Seats(consumed[0] - consumed[1], purchased[0]),
        Seats(consumed[1], purchased[1]),
    )
