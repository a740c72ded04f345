"""From the accounts of one person to the row of their license. Nothing here reads or writes the database."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from licensesync.licenses import facets as found_by
from licensesync.licenses.entries import CLOUD_KIND, NO_FACTS, SERVER_KIND, AccountEntry, decode_facts
from licensesync.licenses.models import LicenseType, Where
from licensesync.matching import rules
from licensesync.matching.addresses import address_key

# Whoever changes what `compose` makes of the same accounts raises it: the next count then composes everybody anew.
VERSION = 7

CLOUD, SERVER, SUBSCRIBER = 0, 1, 2  # Member.kind, in the order in which they are shown


class Member(NamedTuple):
    """One account of a person, as the count selects it, and the license that it had before.

    A SUBSCRIBER is an unlinked Visual Studio subscription that met the person; it is no account. SQLite says 0 and 1
    for what is false and true.
    """

    number: int  # of the license
    kind: int
    rule: str
    ambiguous: bool
    deployment_id: int
    user_id: int
    login: str
    name: str
    email: str  # server: primary e-mail; cloud: SAML NameID
    dormant: bool | None
    two_factor: bool | None
    facts: str | None  # cloud: JSON of CloudUser.facts
    identity_addresses: str | None  # cloud: CloudUser.identity_addresses
    old_number: int | None
    old_digest: int | None
    old_since: datetime | None
    old_or_before: bool | None
    old_generation: int | None


# What a license is composed of: the number is its own, and what was before is no part of it.
_SAID = slice(Member._fields.index("kind"), Member._fields.index("identity_addresses") + 1)
_encode = msgspec.json.Encoder().encode
_packed = msgspec.msgpack.Encoder().encode  # for the digest alone: it escapes nothing
_CLOUD_ONLY, _CLOUD_AND_SERVER, _SERVER_ONLY = Where.CLOUD.value, Where.BOTH.value, Where.SERVER.value
_ENTERPRISE, _VISUAL_STUDIO = LicenseType.ENTERPRISE.value, LicenseType.VISUAL_STUDIO.value


class Row(NamedTuple):
    """What the accounts of a person say of their license, by the columns of `ConsumedLicense`."""

    number: int
    name: str
    sort_name: str
    login: str
    where: str
    license_type: str
    emails: str  # JSON
    accounts: str  # JSON of AccountEntry
    cloud: str | None  # JSON of CloudFacts
    account_count: int
    ambiguous: bool
    dormant: bool
    two_factor_off: bool
    pending_invitation: bool
    sort_email: str
    facets: str  # a line each
    search: str
    beginnings: str
    digest: int


COLUMNS = tuple('"where"' if name == "where" else name for name in Row._fields)


class Composed(NamedTuple):
    """A license that is new or not as it was."""

    row: Row
    since: tuple[datetime, bool, int] | None  # since, or before, generation; None: a new license


def sort_key(name: str) -> str:
    """Where a name stands among others."""
    return found_by.plain(name)[:255]


def digest_of(members: Sequence[Member]) -> int:
    """Of all that a license is composed of, and how."""
    said = [member[_SAID] for member in members]
    return int.from_bytes(blake2b(_packed((VERSION, said)), digest_size=8).digest(), signed=True)


def compose(members: Sequence[Member]) -> Composed | None:
    """The license of one person from their accounts, in the order of `Member.kind`, deployment and user id; None where
    it is as it was."""
    first = members[0]
    number, digest = first.number, digest_of(members)
    old = [member for member in members if member.old_since is not None]
    if (number, digest) in [(member.old_number, member.old_digest) for member in old]:
        return None
    facts_text = first.facts if first.kind == CLOUD else None
    facts = decode_facts(facts_text) if facts_text is not None else NO_FACTS
    accounts: list[AccountEntry] = []
    emails: dict[str, str] = {}
    name = login = ""
    has_subscriber = ambiguous = False
    identity_addresses: list[str] = []
    two_factor_off = facts.two_factor is False
    dormancy: set[bool] = set()  # of the servers that say it
    for member in members:
        ambiguous = ambiguous or member.ambiguous
        if member.kind == SUBSCRIBER:
            has_subscriber = True
            continue
        kind = SERVER_KIND if member.kind == SERVER else CLOUD_KIND
        accounts.append(
            AccountEntry(
                kind, member.deployment_id, member.user_id, member.login, member.name, member.email, member.rule
            )
        )
        name = name or member.name
        login = login or member.login
        two_factor_off = two_factor_off or (member.two_factor is not None and not member.two_factor)
        if member.dormant is not None:
            dormancy.add(bool(member.dormant))
        if "@" in member.email:
            emails.setdefault(address_key(member.email), member.email)
        if member.kind == CLOUD:
            identity_addresses = (member.identity_addresses or "").split()
            for email in (*facts.verified_emails, *identity_addresses, *filter(None, (facts.visual_studio_email,))):
                emails.setdefault(address_key(email), email)
    dormant = first.kind == SERVER and dormancy == {True}
    servers = len(accounts) - (first.kind == CLOUD)
    where = _SERVER_ONLY if first.kind != CLOUD else _CLOUD_AND_SERVER if servers else _CLOUD_ONLY
    is_visual_studio = rules.is_visual_studio(facts.license_type, has_subscriber)
    license_type = _VISUAL_STUDIO if is_visual_studio else _ENTERPRISE
    name = name or login or next(iter(emails.values()), "")
    pending = bool(facts.pending_invites) or any("pending" in role.lower() for role in facts.enterprise_roles)
    flags = (
        (ambiguous, found_by.AMBIGUOUS),
        (dormant, found_by.DORMANT),
        (two_factor_off, found_by.TWO_FACTOR_OFF),
        (pending, found_by.PENDING_INVITATION),
    )
    words = found_by.words_of(name, accounts, emails)
    row = Row(
        number=number,
        name=name,
        sort_name=sort_key(name),
        login=login,
        where=where,
        license_type=license_type,
        emails=_encode(list(emails.values())).decode(),
        accounts=_encode(accounts).decode(),
        cloud=facts_text,
        account_count=len(accounts),
        ambiguous=ambiguous,
        dormant=dormant,
        two_factor_off=two_factor_off,
        pending_invitation=pending,
        sort_email=next(iter(emails), "")[:255],
        facets=found_by.facets_of(
            accounts,
            facts,
            identity_addresses,
            where=where,
            license_type=license_type,
            emails=bool(emails),
            flags=tuple([facet for holds, facet in flags if holds]),
        ),
        search=found_by.searchable(words),
        beginnings=found_by.beginnings(words),
        digest=digest,
    )
    since = min([(member.old_since, member.old_or_before, member.old_generation) for member in old], default=None)
    return Composed(row, since)  # type: ignore[arg-type]
