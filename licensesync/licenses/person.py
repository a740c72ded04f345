"""Whose license it is and why, with all that is known of its accounts; and what has become of one that is no more."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from django.db.models import Q, QuerySet

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.comparison import counted_again
from licensesync.licenses.doubles import Double, doubles, doubles_of
from licensesync.licenses.entries import SERVER_KIND
from licensesync.licenses.models import ConsumedLicense, LicenseChange, LicensedAccount, LicenseType
from licensesync.licenses.queries import licenses
from licensesync.matching import rules
from licensesync.matching.addresses import address_key
from licensesync.usage.models import CLAIMS, CloudAddress, CloudUser, ServerUserAccount, valid_at
from licensesync.usage.queries import accounts_by

MOST_ACCOUNTS = 500  # of one license that a page shows
MOST_CHANGES = 100
MOST_RIVALS = 10
MOST_DOUBLES = 3


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
    rivals: list[ConsumedLicense] = field(default_factory=list)  # whose cloud accounts claim something of this one
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


def person_of(enterprise: Enterprise, number: int) -> Person | None:
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
    found.changes = list(changes_of(enterprise, number))
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
    """The first few licenses whose cloud accounts have an address of a server account of this person, or of a
    subscription that went to them, or are linked to an account by GitHub's list."""
    cloud = [pk for pk, each in person.deployments.items() if not each.is_server]
    carried = {account.address for account in person.servers if account.address}
    if person.has_subscriber:
        subscriptions = CloudAddress.objects.filter(
            valid, kind=CloudAddress.Kind.SUBSCRIPTION, cloud_user__deployment__in=cloud, cloud_user__consumes=False
        )
        known = {address_key(email) for email in person.license.emails}
        carried |= set(subscriptions.filter(address__in=known).values_list("address", flat=True))
    claims = Q(kind__in=CLAIMS, address__in=carried)
    for deployment, accounts in groupby(person.servers, key=attrgetter("deployment_id")):
        host, user_ids = person.deployments[deployment].host.lower(), [account.user_id for account in accounts]
        claims |= Q(kind=CloudAddress.Kind.SERVER_ACCOUNT, address=host, user_id__in=user_ids)
    addresses = CloudAddress.objects.filter(valid & claims)
    claimants = CloudUser.objects.filter(
        valid, deployment__in=cloud, consumes=True, pk__in=addresses.values("cloud_user")
    )
    theirs = LicensedAccount.objects.filter(valid, deployment__in=cloud, user_id__in=claimants.values("user_id"))
    others = licenses(enterprise).exclude(number=person.license.number)
    return list(others.filter(number__in=theirs.values("number")).order_by("number")[:MOST_RIVALS])


def changes_of(enterprise: Enterprise, number: int) -> QuerySet[LicenseChange]:
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
