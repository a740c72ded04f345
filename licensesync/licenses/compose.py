"""From the accounts of one person to the row of their license. Nothing here reads or writes the database."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from licensesync.licenses import facets as found_by
from licensesync.licenses.entries import CLOUD_KIND, NO_FACTS, SERVER_KIND, AccountEntry, decode_facts
from licensesync.licenses.models import LicenseType, Where
from licensesync.matching import rules
from licensesync.matching.addresses import address_key

# Whoever changes what `compose` makes of the same accounts raises it: the next count then composes everybody anew.
VERSION = 4

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
    old_number: int | None
    old_digest: int | None
    old_since: datetime | None
    old_or_before: bool | None
    old_generation: int | None


_encode = msgspec.json.Encoder().encode
# For the digest alone: it escapes nothing. Whoever changes what is packed, or how, has every license written once more.
_packed = msgspec.msgpack.Encoder().encode


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


COLUMNS = (*('"where"' if name == "where" else name for name in Row._fields), "digest", "beginnings")


class Composed(NamedTuple):
    """A license: `values` in the order of COLUMNS, and what is needed to decide whether and how to write it."""

    number: int
    values: tuple[Any, ...]
    unchanged: bool
    since: tuple[datetime, bool, int] | None  # since, or before, generation; None: a new license


def sort_key(name: str) -> str:
    """Where a name stands among others."""
    return found_by.plain(name)[:255]


def compose(members: Sequence[Member]) -> Composed:
    """The license of one person from their accounts, in the order of `Member.kind`, deployment and user id."""
    first = members[0]
    number = first.number
    facts_text = first.facts if first.kind == CLOUD else None
    facts = decode_facts(facts_text) if facts_text is not None else NO_FACTS
    accounts: list[AccountEntry] = []
    emails: dict[str, str] = {}
    name = login = ""
    has_subscriber = ambiguous = False
    two_factor_off = facts.two_factor is False
    dormancy: set[bool] = set()  # of the servers that say it
    for member in members:
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
        ambiguous = ambiguous or member.ambiguous
        two_factor_off = two_factor_off or (member.two_factor is not None and not member.two_factor)
        if member.dormant is not None:
            dormancy.add(bool(member.dormant))
        if "@" in member.email:
            emails.setdefault(address_key(member.email), member.email)
        if member.kind == CLOUD:
            for email in (*facts.verified_emails, *filter(None, (facts.visual_studio_email,))):
                emails.setdefault(address_key(email), email)
    dormant = first.kind == SERVER and dormancy == {True}
    servers = len(accounts) - (first.kind == CLOUD)
    where = Where.SERVER if first.kind != CLOUD else Where.BOTH if servers else Where.CLOUD
    is_visual_studio = rules.is_visual_studio(facts.license_type, has_subscriber)
    name = name or login or next(iter(emails.values()), "")
    pending = bool(facts.pending_invites) or any("pending" in role.lower() for role in facts.enterprise_roles)
    license_type = LicenseType.VISUAL_STUDIO if is_visual_studio else LicenseType.ENTERPRISE
    flags = (
        (ambiguous, found_by.AMBIGUOUS),
        (dormant, found_by.DORMANT),
        (two_factor_off, found_by.TWO_FACTOR_OFF),
        (pending, found_by.PENDING_INVITATION),
    )
    facets = found_by.facets_of(
        accounts,
        facts,
        where=where,
        license_type=license_type.value,
        emails=bool(emails),
        flags=tuple([facet for holds, facet in flags if holds]),
    )
    search = found_by.searchable(name, accounts, emails)
    row = Row(
        number=number,
        name=name,
        sort_name=sort_key(name),
        login=login,
        where=where.value,
        license_type=license_type.value,
        emails=_encode(list(emails.values())).decode(),
        accounts=_encode(accounts).decode(),
        cloud=facts_text,
        account_count=len(accounts),
        ambiguous=ambiguous,
        dormant=dormant,
        two_factor_off=two_factor_off,
        pending_invitation=pending,
        sort_email=next(iter(emails), "")[:255],
        facets=facets,
        search=search,
    )
    digest = int.from_bytes(blake2b(_packed(row), digest_size=8).digest(), signed=True)
    values = (*row, digest, found_by.beginnings(search))
    old = [member for member in members if member.old_number is not None and member.old_since is not None]
    if not old:
        return Composed(number, values, unchanged=False, since=None)
    unchanged = any(member.old_number == number and member.old_digest == digest for member in old)
    since = min((m.old_since, m.old_or_before, m.old_generation) for m in old)
    return Composed(number, values, unchanged, since)  # type: ignore[arg-type]
