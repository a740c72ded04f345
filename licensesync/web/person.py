"""One person as their page tells it: what counts, what met what by which rule, and what has changed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from licensesync.enterprises.models import Deployment
from licensesync.licenses.doubles import Double
from licensesync.licenses.entries import NO_FACTS, CloudFacts
from licensesync.licenses.models import ConsumedLicense, LicenseChange
from licensesync.licenses.person import Person
from licensesync.matching import explain
from licensesync.matching.addresses import address_key
from licensesync.matching.records import Rule
from licensesync.usage.models import ServerUserAccount
from licensesync.web import words

ORDINALS = {Rule.SAML_OR_SCIM: "1.", Rule.VERIFIED_EMAIL: "2.", Rule.LINKED_BY_GITHUB: "3."}  # as GitHub's rule goes


@dataclass(frozen=True)
class Email:
    address: str
    note: str


@dataclass(frozen=True)
class AccountRow:
    deployment: Deployment
    login: str
    user_id: int | None  # the server's own number
    emails: list[Email]
    role: str
    organizations: list[str]
    last_active_at: datetime | None
    counts: bool
    state: str  # why it doesn't count, in a word


@dataclass(frozen=True)
class WhyRow:
    """A row of the picture: what the cloud knows, the rule, what the server says. Texts may be "" where nothing is."""

    left: str
    left_address: str
    rule: str
    met: bool
    right: str
    right_address: str
    reason: str


@dataclass(frozen=True)
class ChangeRow:
    at: datetime
    icon: str
    text: str


@dataclass(frozen=True)
class PersonPage:
    license: ConsumedLicense
    cloud_login: str
    has_cloud: bool
    summary: list[str]
    why: list[WhyRow]
    accounts: list[AccountRow]
    counted: int
    not_counted: int
    two_factor: bool | None
    changes: list[ChangeRow]
    rivals: list[ConsumedLicense]
    doubles: list[Double]


def person_page(person: Person) -> PersonPage:
    facts = msgspec.convert(person.cloud.facts, CloudFacts) if person.cloud else NO_FACTS
    rules = [Rule(entry["rule"]) for entry in person.license.accounts]
    sentences = explain.summary(rules, ambiguous=person.license.ambiguous, has_subscriber=person.has_subscriber)
    accounts = [*_cloud_account(person, facts), *_server_accounts(person)]
    known = [facts.two_factor, *(account.two_factor for account in person.servers)]
    return PersonPage(
        license=person.license,
        cloud_login=person.cloud.login if person.cloud else "",
        has_cloud=person.cloud is not None,
        summary=[words.explained(each) for each in sentences],
        why=[*_met(person, facts), *_not_met(person, facts)],
        accounts=accounts,
        counted=sum(1 for account in accounts if account.counts),
        not_counted=sum(1 for account in accounts if not account.counts),
        two_factor=False if False in known else True if True in known else None,
        changes=change_rows(person.changes),
        rivals=person.rivals,
        doubles=person.doubles,
    )


def place_of(deployment: Deployment | None) -> str:
    """Where an account is, in the middle of a sentence."""
    if deployment is None:
        return ""
    return deployment.host if deployment.is_server else _("the cloud")


# Accounts ----------------------------------------------------------------------------------------------------------


def _cloud_emails(person: Person, facts: CloudFacts) -> list[Email]:
    """The addresses of the cloud account, each once, with what they are. A SAML NameID need not be one."""
    said = [(person.cloud.saml_name_id if person.cloud else "", _("SAML NameID"))]
    said += [(address, _("verified e-mail")) for address in facts.verified_emails]
    said += [(address, _("linked identity")) for address in _identity_addresses(person)]
    said += [(facts.visual_studio_email, _("e-mail of the subscription"))]
    notes: dict[str, tuple[str, list[str]]] = {}
    for address, note in said:
        if address:
            notes.setdefault(address_key(address), (address, []))[1].append(note)
    return [Email(address, capfirst(", ".join(each))) for address, each in notes.values()]


def _identity_addresses(person: Person) -> list[str]:
    return person.cloud.identity_addresses.split() if person.cloud else []


def _cloud_account(person: Person, facts: CloudFacts) -> Iterator[AccountRow]:
    cloud = person.cloud
    if cloud is None:
        return
    yield AccountRow(
        deployment=person.deployments[cloud.deployment_id],
        login=cloud.login or cloud.name,
        user_id=None,
        emails=_cloud_emails(person, facts),
        role=", ".join(facts.enterprise_roles),
        organizations=[
            *(role.replace(":", ": ") for role in facts.member_roles),
            *(_("%(organization)s: invited") % {"organization": invite} for invite in facts.pending_invites),
        ],
        last_active_at=None,
        counts=True,
        state="",
    )


def _server_accounts(person: Person) -> Iterator[AccountRow]:
    for account in (*person.servers, *person.not_counted):
        emails = [Email(account.email, _("Primary"))] if account.email else []
        emails += [Email(email, _("Not compared")) for email in account.other_emails or ()]
        yield AccountRow(
            deployment=person.deployments[account.deployment_id],
            login=account.login,
            user_id=account.user_id,
            emails=emails,
            role=_("Site admin") if account.site_admin else _("User"),
            organizations=[],
            last_active_at=account.last_active_at,
            counts=account.consumes,
            state=why_not(account),
        )


def why_not(account: ServerUserAccount) -> str:
    """Why an account consumes no license, in a word; "" where it does."""
    if account.consumes:
        return ""
    return _("Suspended") if account.suspended else _("Set-up user")


# Why this is one license -------------------------------------------------------------------------------------------


def _met(person: Person, facts: CloudFacts) -> Iterator[WhyRow]:
    """Each server account that counts, with what brought it here."""
    listed_on = date_format(localtime(person.listed_at), _("M j, Y")) if person.listed_at else ""
    for account in person.servers:
        rule = Rule(person.rules[account.deployment_id, account.user_id])
        host = person.deployments[account.deployment_id]
        left, left_address = _cloud_side(rule, account, person, facts, listed_on)
        reason = explain.reason(rule, login=account.login, host=host.host, address=account.email, listed_on=listed_on)
        yield WhyRow(
            left=left,
            left_address=left_address,
            rule=" ".join(filter(None, (ORDINALS.get(rule), _(explain.RULE_LABELS[rule])))),
            met=rule not in (Rule.NO_MATCH, Rule.NO_EMAIL),
            right=_("%(login)s on %(host)s, primary e-mail") % {"login": account.login, "host": place_of(host)},
            right_address=account.email or "–",
            reason=words.explained(reason),
        )


def _cloud_side(
    rule: Rule, account: ServerUserAccount, person: Person, facts: CloudFacts, listed_on: str
) -> tuple[str, str]:
    """What on the side of the cloud (or of the other servers) met a server account: a label and an address."""
    match rule:
        case Rule.SAML_OR_SCIM:
            name_id = person.cloud.saml_name_id if person.cloud else ""
            met = (each for each in (name_id, *_identity_addresses(person)) if address_key(each) == account.address)
            address = next(met, account.email)
            return (_("SAML NameID") if address == name_id else _("Linked identity")), address
        case Rule.VERIFIED_EMAIL:
            met = (email for email in facts.verified_emails if address_key(email) == account.address)
            return _("Verified e-mail"), next(met, account.email)
        case Rule.LINKED_BY_GITHUB:
            host = person.deployments[account.deployment_id].host
            return _("GitHub’s list of %(date)s") % {"date": listed_on}, f"{host}:{account.user_id}"
        case Rule.SAME_PRIMARY_EMAIL:
            return _("Primary e-mail of another server account"), account.email
        case Rule.NO_EMAIL:
            return _("Nothing to compare"), ""
    return _("Known to no cloud account"), ""


def _not_met(person: Person, facts: CloudFacts) -> Iterator[WhyRow]:
    """What has no part in it: addresses of the cloud account that no server has, and accounts that don't count."""
    if not (person.servers or person.not_counted):
        return
    met = {account.address for account in person.servers}
    for email in _cloud_emails(person, facts):
        if address_key(email.address) not in met:
            label = _("%(kind)s, no server account’s primary e-mail") % {"kind": email.note}
            yield WhyRow(label, email.address, _("Not met"), False, "", "", "")
    for account in person.not_counted:
        named = {
            "login": account.login,
            "host": place_of(person.deployments[account.deployment_id]),
            "state": why_not(account).lower(),
        }
        right = _("%(login)s on %(host)s, %(state)s") % named
        yield WhyRow("", "", _("Not compared"), False, right, account.email or "–", "")


# Changes -----------------------------------------------------------------------------------------------------------


def change_rows(changes: Iterable[LicenseChange]) -> list[ChangeRow]:
    return [*map(_change, changes)]


def _change(change: LicenseChange) -> ChangeRow:
    named = {"login": change.login, "place": place_of(change.deployment)}
    kind = LicenseChange.Kind
    text, icon = {
        kind.CAME: (_("Counted for the first time."), "id-badge"),
        kind.WENT: (_("No longer counted."), "no-entry"),
        kind.MERGED: (_("Found to be one person with another license."), "git-merge"),
        kind.SPLIT: (_("Separated from another license."), "git-branch"),
        kind.ACCOUNT_ADDED: (_("Account %(login)s appeared on %(place)s. Still one license."), "plus-circle"),
        kind.ACCOUNT_GONE: (_("An account on %(place)s no longer belongs to this license."), "skip"),
    }[kind(change.kind)]
    return ChangeRow(change.at, icon, text % named)
