"""Reads of licenses and counts, of the generation that everybody sees."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from licensesync.enterprises.models import Deployment, Enterprise, LicenseModel
from licensesync.licenses.comparison import counted_again
from licensesync.licenses.csv_report import csv_report
from licensesync.licenses.doubles import Double, doubles, doubles_of
from licensesync.licenses.entries import SERVER_KIND
from licensesync.licenses.models import ConsumedLicense, Count, LicenseChange, LicensedAccount, LicenseType
from licensesync.licenses.report import LicenseRow, in_blocks, json_report, license_row
from licensesync.matching import rules
from licensesync.matching.addresses import address_key
from licensesync.usage.models import CloudAddress, CloudUser, ServerUserAccount, valid_at
from licensesync.usage.queries import accounts_by


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
    generations = Count.objects.filter(enterprise=enterprise, finished_at__lt=moment).values_list(
        "generation", flat=True
    )
    return max(generations, default=0)


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


@dataclass(slots=True)
class Person:
    """A license with all that is known of its accounts, and the accounts that share an address but don't count."""

    license: ConsumedLicense
    cloud: CloudUser | None = None
    servers: list[ServerUserAccount] = field(default_factory=list)
    not_counted: list[ServerUserAccount] = field(default_factory=list)
    rules: dict[tuple[int, int], str] = field(default_factory=dict)  # by deployment and user id
    deployments: dict[int, Deployment] = field(default_factory=dict)
    changes: list[LicenseChange] = field(default_factory=list)
    rivals: list[ConsumedLicense] = field(default_factory=list)  # whose cloud accounts claim an account of this one
    doubles: list[Double] = field(default_factory=list)  # by whom this person seems to be counted once more

    @property
    def has_subscriber(self) -> bool:
        """Whether the license is of its type by a subscription that no cloud account uses."""
        reported = self.cloud.facts.get("license_type", "") if self.cloud else ""
        is_of_cloud = rules.is_visual_studio(reported, has_subscriber=False)
        return self.license.license_type == LicenseType.VISUAL_STUDIO and not is_of_cloud

    @property
    def listed_at(self) -> datetime | None:
        """The date of the cloud's list, which names server accounts."""
        return next((each.list_date for each in self.deployments.values() if not each.is_server), None)


MOST_ACCOUNTS = 500  # of one license that a page shows
MOST_CHANGES = 100
MOST_RIVALS = 10
MOST_DOUBLES = 3


def person(enterprise: Enterprise, number: int) -> Person | None:
    """Whose license this is and why, None when there is no such license."""
    license = licenses(enterprise).filter(number=number).first()
    if license is None:
        return None
    found = Person(license)
    found.deployments = {deployment.pk: deployment for deployment in Deployment.objects.filter(enterprise=enterprise)}
    entries: list[dict[str, Any]] = license.accounts
    found.rules = {(entry["deployment"], entry["user_id"]): entry["rule"] for entry in entries}
    valid = valid_at(enterprise.generation)
    ours = valid & Q(deployment__in=found.deployments)
    on_servers = []
    for entry in entries[:MOST_ACCOUNTS]:
        if entry["kind"] == SERVER_KIND:
            on_servers.append((entry["deployment"], entry["user_id"]))
        else:
            found.cloud = CloudUser.objects.filter(
                valid, deployment=entry["deployment"], user_id=entry["user_id"]
            ).first()
    in_order = ("deployment", "user_id")
    found.servers = list(accounts_by(on_servers).filter(valid).order_by(*in_order).select_related("deployment"))
    addresses = {account.address for account in found.servers if account.address}
    addresses |= {address_key(address) for address in license.emails}
    not_counted = ServerUserAccount.objects.filter(ours, address__in=addresses, consumes=False)
    found.not_counted = list(not_counted.order_by(*in_order)[:100])
    found.changes = list(changes(enterprise, number))
    if license.ambiguous:
        found.rivals = _rivals(enterprise, found, valid)
    found.doubles = _doubles(enterprise, found)[:MOST_DOUBLES]
    return found


def _doubles(enterprise: Enterprise, person: Person) -> list[Double]:
    number = person.license.number
    if person.cloud is None:
        return doubles(enterprise, {number: person.servers}).get(number, [])
    # Who has one of many addresses as a secondary one is looked for once, for everybody.
    others = licenses(enterprise).filter(number__in=counted_again(enterprise, number)[:MOST_DOUBLES])
    found = chain.from_iterable(doubles_of(enterprise, others.order_by("number")).values())
    return [double for double in found if double.cloud_number == number]


def _rivals(enterprise: Enterprise, person: Person, valid: Q) -> list[ConsumedLicense]:
    """The first few licenses whose cloud accounts have an address of a server account of this person, or are linked to
    one by GitHub's list."""
    carry = Q(kind__in=(CloudAddress.Kind.SAML_OR_SCIM, CloudAddress.Kind.VERIFIED_EMAIL))
    claims = carry & Q(address__in={account.address for account in person.servers if account.address})
    for deployment, accounts in groupby(person.servers, key=attrgetter("deployment_id")):
        host, user_ids = person.deployments[deployment].host.lower(), [account.user_id for account in accounts]
        claims |= Q(kind=CloudAddress.Kind.SERVER_ACCOUNT, address=host, user_id__in=user_ids)
    cloud = [pk for pk, each in person.deployments.items() if not each.is_server]
    addresses = CloudAddress.objects.filter(valid & claims)
    claimants = CloudUser.objects.filter(
        valid, deployment__in=cloud, consumes=True, pk__in=addresses.values("cloud_user")
    )
    theirs = LicensedAccount.objects.filter(valid, deployment__in=cloud, user_id__in=claimants.values("user_id"))
    others = licenses(enterprise).exclude(number=person.license.number)
    return list(others.filter(number__in=theirs.values("number")).order_by("number")[:MOST_RIVALS])


def changes(enterprise: Enterprise, number: int) -> QuerySet[LicenseChange]:
    """What has become of a license, newest first."""
    shown = LicenseChange.objects.filter(enterprise=enterprise, number=number, generation__lte=enterprise.generation)
    return shown.select_related("deployment").order_by("-generation", "-pk")[:MOST_CHANGES]


def end_of(enterprise: Enterprise, number: int) -> LicenseChange | None:
    """How a license ended that is no longer consumed; None when it never was, or its history is forgotten.

    MERGED: `other_number` is the license that its accounts are in now, however often they moved on. WENT: nowhere.
    """
    kind = LicenseChange.Kind
    shown = LicenseChange.objects.filter(enterprise=enterprise, generation__lte=enterprise.generation)
    end: LicenseChange | None = None
    following: int | None = number
    while following is not None:  # from one merge to the next, each in a later count
        change = shown.filter(number=following, kind__in=(kind.MERGED, kind.WENT)).order_by("generation").last()
        end, following = change or end, change.other_number if change else None
    return end


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
