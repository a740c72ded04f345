"""What the engine takes and gives. References (`ref`) are opaque integers of the caller, unique per kind."""

from enum import StrEnum
from typing import NamedTuple


class Rule(StrEnum):
    """Why an account is in its license. The value is stored in the database and shown by `explain`."""

    CLOUD_ACCOUNT = "cloud_account"  # it is the cloud account of the license
    SAML_OR_SCIM = "saml_or_scim"
    VERIFIED_EMAIL = "verified_email"
    LINKED_BY_GITHUB = "linked_by_github"  # GitHub's own list names host:user_id at the cloud account
    SAME_PRIMARY_EMAIL = "same_primary_email"  # as another server account; no cloud account claims the address
    SUBSCRIPTION_EMAIL = "subscription_email"  # an unlinked Visual Studio subscriber whose UPN or e-mail was met
    NO_MATCH = "no_match"  # nobody else has the address: a person of its own
    NO_EMAIL = "no_email"  # nothing to compare: a person of its own


class Claim(NamedTuple):
    """A consuming row of the cloud (`cloud`) says that the address of its group belongs to it."""

    kind: Rule  # SAML_OR_SCIM or VERIFIED_EMAIL
    cloud: int
    login: str  # decides between two claims of one kind: the lower login wins, "" (an invitation) always loses


class Candidate(NamedTuple):
    """A consuming server account whose primary e-mail is the address of its group (or that has none)."""

    server: int
    linked: tuple[tuple[str, int], ...] = ()  # (login, cloud) of the cloud rows that name this account, any order


class AddressGroup(NamedTuple):
    """Everything that knows one address. `address` is a key made by `address_key`, or "" for no address at all:
    the accounts of the "" group have nothing in common, so the caller may cut it into several."""

    address: str
    claims: tuple[Claim, ...]
    candidates: tuple[Candidate, ...]
    subscribers: tuple[int, ...] = ()  # refs of cloud rows that don't consume: unlinked subscribers with this e-mail


class Match(NamedTuple):
    """Where a server account (or a subscriber) belongs.

    `cloud` is a cloud account, or None: then everybody of the same `address` without a cloud is one person
    (with address "" each is a person of its own).
    """

    ref: int
    is_subscriber: bool
    cloud: int | None
    address: str
    rule: Rule
    ambiguous: bool  # two cloud accounts claimed the address, or listed the account
