"""Why GitHub's own count and ours differ by a person: one ordered list of rules, the first that holds is the cause.

A unit is what GitHub counts as one: a consuming row of the cloud, or a person whom its list has on servers only. Each
unit stands for the license of the accounts that it names. Where they differ there is
    a unit too many   another unit stands for the same license (GitHub counts one more)
    a unit alone      no license holds any of its accounts (GitHub counts one more)
    a license alone   no unit stands for it (we count one more)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    UNIT_TOO_MANY = "unit_too_many"
    UNIT_ALONE = "unit_alone"
    LICENSE_ALONE = "license_alone"

    @property
    def by_github(self) -> bool:
        """Whether GitHub counts one more; else we do."""
        return self is not Kind.LICENSE_ALONE


class Cause(StrEnum):
    """In the order of the rules."""

    SERVER = "server"  # only one side has this server
    SUSPENDED = "suspended"  # suspended since
    AMBIGUOUS = "ambiguous"  # two cloud accounts claim the address
    SECONDARY = "secondary"  # GitHub has it under an address that is only a secondary one
    LONG_AGO = "long_ago"  # GitHub's sync was before a change
    JOINED = "joined"  # one license holds what GitHub has apart
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Account:
    """A server account of ours, as its last list has it. Addresses are keys (`matching.address_key`)."""

    consumes: bool
    address: str
    other_addresses: frozenset[str] = frozenset()
    is_newer: bool = False  # than every account of its server that GitHub's list names


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is about one person of the difference."""

    kind: Kind
    on_shared_server: bool  # one of its servers is known to both sides
    accounts: tuple[Account, ...] = ()  # that the unit names, or that the license holds
    github_addresses: frozenset[str] = field(default_factory=frozenset)  # that GitHub has for them
    ambiguous: bool = False  # the license is


def _suspended_since(seen: Evidence) -> bool:
    return (
        seen.kind is Kind.UNIT_ALONE and bool(seen.accounts) and not any(account.consumes for account in seen.accounts)
    )


def _is_secondary(seen: Evidence) -> bool:
    return any(account.other_addresses & seen.github_addresses for account in seen.accounts)


def _changed_since(seen: Evidence) -> bool:
    """An account is gone, is new, or has another primary e-mail than GitHub knows."""
    if seen.kind is Kind.UNIT_ALONE and not seen.accounts:
        return True
    if seen.kind is Kind.LICENSE_ALONE and any(account.is_newer for account in seen.accounts):
        return True
    return bool(seen.github_addresses) and any(
        account.address not in seen.github_addresses for account in seen.accounts
    )


RULES: tuple[tuple[Cause, Callable[[Evidence], bool]], ...] = (
    (Cause.SERVER, lambda seen: not seen.on_shared_server),
    (Cause.SUSPENDED, _suspended_since),
    (Cause.AMBIGUOUS, lambda seen: seen.ambiguous),
    (Cause.SECONDARY, _is_secondary),
    (Cause.LONG_AGO, _changed_since),
    (Cause.JOINED, lambda seen: seen.kind is Kind.UNIT_TOO_MANY),
    (Cause.UNEXPLAINED, lambda _seen: True),
)


def cause_of(seen: Evidence) -> Cause:
    return next(cause for cause, holds in RULES if holds(seen))
