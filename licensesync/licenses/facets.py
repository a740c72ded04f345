"""What a license is found by: its facets, each one text `parameter:value`, and the text that a search looks into.

A facet is written as the parameter of the list that asks for it (`licenses.filters`):
    where, type, two_factor, dormant, invitation, match, email, servers   one of a few values
    instance, only     the number of a deployment where an account is, where all of them are
    organization, role, subscription   GitHub's words: organizations, enterprise roles, Visual Studio license status
    mail, verified     domains of the addresses of server accounts; the cloud's list has a verified e-mail
"""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol

from licensesync.licenses.models import Where

TWO_FACTOR_OFF, DORMANT, PENDING_INVITATION = "two_factor:off", "dormant:yes", "invitation:pending"
AMBIGUOUS, NO_EMAIL, SEVERAL_SERVERS = "match:ambiguous", "email:none", "servers:several"
VERIFIED_BY_CLOUD = "verified:cloud"

# Letters of names that have no accent to take away, as people type them who don't have them.
PLAIN_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
# Accents, once they are taken apart from their letters. Looked up here, a million names take a fifth of the time.
PLAIN_LETTERS |= {mark: "" for mark in range(sys.maxunicode + 1) if unicodedata.combining(chr(mark))}


class _Account(Protocol):
    deployment: int
    user_id: int
    login: str
    name: str
    email: str

    @property
    def is_server(self) -> bool: ...


class _Facts(Protocol):
    verified_emails: list[str]
    member_roles: list[str]
    enterprise_roles: list[str]
    pending_invites: list[str]
    visual_studio_status: str


def plain(text: str) -> str:
    """Without case and accents, so that Ö is found beside O, and ø by o, in any database."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", text.casefold()).translate(PLAIN_LETTERS)


def domain_of(email: str) -> str:
    return email.rpartition("@")[2].lower()


def facets_of(
    accounts: Sequence[_Account], facts: _Facts, *, where: Where, license_type: str, emails: bool, flags: Iterable[str]
) -> str:
    """The facets of one license, a line each; `flags` are those of the constants above that hold."""
    facets = [f"where:{where.value}", f"type:{license_type}", *flags]
    if not emails:
        facets.append(NO_EMAIL)
    deployments = dict.fromkeys([account.deployment for account in accounts])
    facets += [f"instance:{deployment}" for deployment in deployments]
    if len(deployments) == 1:
        facets += [f"only:{deployment}" for deployment in deployments]
    if len(deployments) - (where == Where.BOTH) > 1:
        facets.append(SEVERAL_SERVERS)
    if where != Where.CLOUD:
        facets += [f"mail:{domain_of(account.email)}" for account in accounts if account.is_server and account.email]
    if where != Where.SERVER:
        organizations = (role.partition(":")[0] for role in facts.member_roles)
        facets += [f"organization:{each}" for each in (*organizations, *facts.pending_invites)]
        facets += [f"role:{role}" for role in facts.enterprise_roles]
        if facts.visual_studio_status:
            facets.append(f"subscription:{facts.visual_studio_status}")
        if facts.verified_emails:
            facets.append(VERIFIED_BY_CLOUD)
    unique = dict.fromkeys(facets)
    text = "\n".join(unique)
    if text.count("\n") >= len(unique):  # one of them has a line break itself
        return "\n".join(dict.fromkeys(facet.replace("\n", " ") for facet in unique))
    return text


def searchable(name: str, accounts: Sequence[_Account], emails: Iterable[str]) -> str:
    """Names, logins, addresses and the user ids of servers: every word once, each after a space."""
    parts = [name, *emails]
    for account in accounts:
        parts += (account.login, account.name)
        if account.is_server:
            parts.append(str(account.user_id))
    # Part by part: of most people only the name has letters that take time, and it comes with every account.
    text = " ".join(parts)
    text = text.lower() if text.isascii() else " ".join([plain(part) for part in dict.fromkeys(parts)])
    words = dict.fromkeys(text.split())
    return f" {' '.join(words)}" if words else ""
