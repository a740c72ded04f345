"""Writes what `server_export` reads: GHES "Export license usage", one JSON object with facts and users, in pieces.

The documented names in small letters with underscores. What GitHub's export does not have and we know (dormant,
two_factor_enabled, last_active_at) stands behind them where it is known, so that no list loses anything on its way
back; whoever reads the documented names only is not disturbed.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from licensesync.feeds.records import ServerFacts, ServerUserAccount

_encode = msgspec.json.encode


def license_usage(facts: ServerFacts, accounts: Iterable[list[ServerUserAccount]]) -> Iterator[str]:
    """The export as pieces of text, one for every list of accounts."""
    head = _encode(_facts(facts)).decode().removesuffix("}")
    yield f'{head}{"," if len(head) > 1 else ""}"users":['
    separator = "\n"
    for block in accounts:
        if block:
            yield separator + ",\n".join([_encode(_user(account)).decode() for account in block])
            separator = ",\n"
    yield "\n]}\n"


def _facts(facts: ServerFacts) -> dict[str, Any]:
    """What is said; "" and None are left out."""
    said = {
        "server_id": facts.server_id,
        "host_name": facts.host,
        "customer_name": facts.customer_name,
        "version": facts.version,
        "http_only": facts.http_only,
        "license": facts.license_hash,
        "public_key": facts.public_key,
        "features": facts.features,
        "dormancy_threshold": facts.dormancy_threshold_days,
        "exported_at": facts.exported_at,
    }
    return {name: value for name, value in said.items() if value is not None and value not in ("", {})}


def _user(account: ServerUserAccount) -> dict[str, Any]:
    user: dict[str, Any] = {
        "user_id": account.user_id,
        "login": account.login,
        "profile_name": account.name or None,
        "site_admin": account.site_admin,
        "suspended": account.suspended,
        "created_at": account.created_at,
        **_emails(account.email, account.other_emails),
    }
    more = {
        "dormant": account.dormant,
        "two_factor_enabled": account.two_factor,
        "last_active_at": account.last_active_at,
    }
    return user | {name: value for name, value in more.items() if value is not None}


def _emails(primary: str, others: tuple[str, ...] | None) -> dict[str, Any]:
    """A list where the secondary addresses are known, else the primary one alone: a reader must not take it that there
    are no others. So, too, where a list would say something else: its first address counts as the primary one.
    """
    if others is None or primary in others or (others and not primary):
        return {"email": primary or None}
    emails = [primary, *others] if primary else []
    return {"emails": [{"email": email, "primary": email == primary} for email in emails]}
