"""The domains that an enterprise has verified at GitHub, as its owners enter them here. The only writer of them.

No feed lists them, and whoever has no e-mail of one is the usual suspect of being counted twice.
"""

import contextlib
import re
from collections.abc import Iterable, Sequence

import idna
from django.db import transaction

from licensesync.enterprises import audit_log
from licensesync.enterprises.models import AuditAction, Enterprise, VerifiedDomain
from licensesync.errors import NO_DOMAIN, NO_DOMAINS, TOO_MANY_DOMAINS, ExpectedError

MOST_DOMAINS = 1_000  # of an enterprise
MOST_NAMED = 10  # of what is no domain
LONGEST = 253

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_SEPARATORS = re.compile(r"[\s,;]+")


def normalised(name: str) -> str:
    """A domain in small letters and as the net has it (IDNA): `@Bücher.example.` is xn--bcher-kva.example.

    ExpectedError(NO_DOMAIN) for everything else: an address, a web page, a wildcard.
    """
    encoded = _encoded(name.strip().removeprefix("@").removesuffix(".").lower())
    if len(encoded) > LONGEST or not _DOMAIN.fullmatch(encoded):
        raise ExpectedError(NO_DOMAIN, name=name[:LONGEST])
    return encoded


def spellings(domain: str) -> tuple[str, ...]:
    """How a stored domain may be written in addresses: as the net has it, and in letters where that differs."""
    with contextlib.suppress(UnicodeError):
        return tuple(dict.fromkeys((domain, idna.decode(domain))))
    with contextlib.suppress(UnicodeError):
        return tuple(dict.fromkeys((domain, domain.encode().decode("idna"))))
    return (domain,)


def _encoded(domain: str) -> str:
    """As the net has it, "" where it can't. Symbols are of the IDNA of 2003, and there are such domains."""
    if domain.isascii():
        return domain
    with contextlib.suppress(UnicodeError):
        return idna.encode(domain, uts46=True).decode()
    with contextlib.suppress(UnicodeError):
        return domain.encode("idna").decode()
    return ""


def add_domains(*, enterprise: Enterprise, text: str) -> list[str]:
    """Add the domains of a text, between which are spaces, commas or new lines; returns the new ones.

    All or none: ExpectedError(NO_DOMAIN, NO_DOMAINS, TOO_MANY_DOMAINS). Who is there already stays.
    """
    names = _all_normalised(dict.fromkeys(filter(None, _SEPARATORS.split(text))))
    known = set(VerifiedDomain.objects.filter(enterprise=enterprise).values_list("name", flat=True))
    new = [name for name in names if name not in known]
    if len(known) + len(new) > MOST_DOMAINS:
        raise ExpectedError(TOO_MANY_DOMAINS, most=MOST_DOMAINS)
    _store(enterprise, new)
    return new


def _all_normalised(written: Iterable[str]) -> list[str]:
    names: dict[str, None] = {}
    wrong: list[ExpectedError] = []
    for each in written:
        try:
            names[normalised(each)] = None
        except ExpectedError as error:
            wrong.append(error)
    if len(wrong) > 1:
        named = [f"“{error.params['name']}”" for error in wrong[:MOST_NAMED]]
        raise ExpectedError(NO_DOMAINS, names=", ".join(named) + ("…" if len(wrong) > MOST_NAMED else ""))
    if wrong:
        raise wrong[0]
    return list(names)


@transaction.atomic
def _store(enterprise: Enterprise, names: Sequence[str]) -> None:
    rows = [VerifiedDomain(enterprise=enterprise, name=name) for name in names]
    VerifiedDomain.objects.bulk_create(rows, ignore_conflicts=True)  # somebody else added one a moment ago
    if rows:
        audit_log.record(enterprise, AuditAction.DOMAIN_ADD, *names)


@transaction.atomic
def remove_domain(*, domain: VerifiedDomain) -> None:
    removed, _rows = VerifiedDomain.objects.filter(pk=domain.pk).delete()
    if removed:
        audit_log.record(domain.enterprise, AuditAction.DOMAIN_REMOVE, domain.name)
