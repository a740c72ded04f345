"""What a license is found by: its facets, each one text `parameter:value`, and the text that a search looks into.

A facet is written as the parameter of the list that asks for it (`licenses.filters`):
    where, type, two_factor, dormant, invitation, match, email, servers   one of a few values
    instance, only     the number of a deployment where an account is, where all of them are
    organization, role, subscription   GitHub's words: organizations, enterprise roles, Visual Studio license status
    mail, identity, verified   domains of the addresses of server accounts, and of those of the SAML NameID and the
                               linked identities; the cloud's list has a verified e-mail
"""

import sys
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import idna

from licensesync.licenses.entries import SERVER_KIND, AccountEntry, CloudFacts
from licensesync.licenses.models import Where

TWO_FACTOR_OFF, DORMANT, PENDING_INVITATION = "two_factor:off", "dormant:yes", "invitation:pending"
AMBIGUOUS, NO_EMAIL, SEVERAL_SERVERS = "match:ambiguous", "email:none", "servers:several"
VERIFIED_BY_CLOUD = "verified:cloud"
_CLOUD_AND_SERVER, _SERVER_ONLY = Where.BOTH.value, Where.SERVER.value

# Letters of names that have no accent to take away, as people type them who don't have them.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`"), "")  # O'Sullivan is osullivan in addresses


@cache
def _plain_letters() -> dict[int, str]:
    """With accents, once they are taken apart from their letters: looked up, a million names take a fifth of the time.

    To go through all of Unicode takes longer than most modules take to load, so not before there is such a name.
    """
    marks = (mark for mark in range(sys.maxunicode + 1) if unicodedata.combining(chr(mark)))
    return _LETTERS | _APOSTROPHES | dict.fromkeys(marks, "")


def plain(text: str) -> str:
    """Without case, accents and apostrophes, so that Ö is found beside O, and ø by o, in any database."""
    return _plain_ascii(text) if text.isascii() else _without_accents(text)


def _plain_ascii(text: str) -> str:
    return text.lower().replace("'", "").replace("`", "")


@lru_cache(maxsize=1_000)  # the name of a person comes with each of their accounts
def _without_accents(text: str) -> str:
    # Taken apart, some letters are capitals again, as ™ is TM.
    return unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_plain_letters())


def domain_of(email: str) -> str:
    """As `enterprises.domains.spellings` writes it."""
    domain = email.rpartition("@")[2].lower()
    return (domain if domain.isascii() else _mapped(domain)).removesuffix(".")


@lru_cache(maxsize=1_000)
def _mapped(domain: str) -> str:
    """Wide letters, other dots, accents apart from their letters: as the net reads them (UTS 46)."""
    try:
        return idna.uts46_remap(domain, std3_rules=False)
    except idna.IDNAError:
        return domain


class _Said(NamedTuple):
    """All that facets are made of."""

    where: str
    license_type: str
    flags: tuple[str, ...]
    has_emails: bool
    deployments: tuple[int, ...]
    domains: tuple[str, ...]
    organizations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    status: str = ""
    is_verified: bool = False
    identity: tuple[str, ...] = ()  # domains of the SAML NameID and of the linked identities


def facets_of(
    accounts: Sequence[AccountEntry],
    facts: CloudFacts,
    identity_addresses: Iterable[str] = (),
    *,
    where: str,
    license_type: str,
    emails: bool,
    flags: tuple[str, ...],
) -> str:
    """The facets of one license, a line each; `flags` are those of the constants above that hold."""
    deployments = tuple([account.deployment for account in accounts])
    on_servers = accounts if where == _SERVER_ONLY else accounts[1:]
    domains = tuple([domain_of(account.email) for account in on_servers if account.email])
    if where == _SERVER_ONLY:
        return _lines(_Said(where, license_type, flags, emails, deployments, domains))
    organizations = (*[role.partition(":")[0] for role in facts.member_roles], *facts.pending_invites)
    name_id = accounts[0].email
    identity = tuple([domain_of(said) for said in (name_id, *identity_addresses) if "@" in said])
    is_verified = bool(facts.verified_emails)
    cloud = (organizations, tuple(facts.enterprise_roles), facts.visual_studio_status, is_verified, identity)
    return _lines(_Said(where, license_type, flags, emails, deployments, domains, *cloud))


@lru_cache(maxsize=10_000)  # few of a million licenses have facets of their own
def _lines(said: _Said) -> str:
    facets = [f"where:{said.where}", f"type:{said.license_type}", *said.flags]
    if not said.has_emails:
        facets.append(NO_EMAIL)
    places = dict.fromkeys(said.deployments)
    facets += [f"instance:{deployment}" for deployment in places]
    if len(places) == 1:
        facets += [f"only:{deployment}" for deployment in places]
    if len(places) - (said.where == _CLOUD_AND_SERVER) > 1:
        facets.append(SEVERAL_SERVERS)
    facets += [f"mail:{domain}" for domain in said.domains]
    facets += [f"organization:{each}" for each in said.organizations]
    facets += [f"role:{role}" for role in said.roles]
    if said.status:
        facets.append(f"subscription:{said.status}")
    facets += [f"identity:{domain}" for domain in said.identity]
    if said.is_verified:
        facets.append(VERIFIED_BY_CLOUD)
    return "\n".join(dict.fromkeys(facet.replace("\n", " ") for facet in facets))


def words_of(name: str, accounts: Sequence[AccountEntry], emails: Iterable[str]) -> Collection[str]:
    """Of names, logins, addresses, SAML NameIDs and the user ids of servers: every word once."""
    parts = [name, *emails]
    for account in accounts:
        parts += (account.login, account.name)
        if account.kind == SERVER_KIND:
            parts.append(str(account.user_id))
        elif "@" not in account.email:
            parts.append(account.email)
    # Part by part: of most people only the name has letters that take time, and it comes with every account.
    text = " ".join(dict.fromkeys(parts))
    text = _plain_ascii(text) if text.isascii() else " ".join([plain(part) for part in dict.fromkeys(parts)])
    return dict.fromkeys(text.split())


def searchable(words: Collection[str]) -> str:
    """The text that a search looks into: each word after a space."""
    return f" {' '.join(words)}" if words else ""


def beginnings(words: Iterable[str]) -> str:
    """What words begin with, each once: two letters, one after the other. A word of one letter has a space behind
    it."""
    return "".join(dict.fromkeys([word[:2] if len(word) > 1 else f"{word} " for word in words]))
