"""Decides, address by address, which accounts are one person. The rule is told in `docs/matching.md`.

A group is decided by itself, so a million groups can be streamed, and a part of them gives what the whole would.
"""

from collections.abc import Iterable, Iterator, Sequence

from licensesync.matching.records import AddressGroup, Candidate, Claim, Match, Rule
from licensesync.matching.rules import PRECEDENCE


def match(groups: Iterable[AddressGroup]) -> Iterator[Match]:
    """Every server account of the groups exactly once, and every subscriber that met somebody."""
    for group in groups:
        yield from match_group(group)


def match_group(group: AddressGroup) -> list[Match]:
    """Where the server accounts and subscribers of one address belong. The order of what is in it decides nothing."""
    address, claims, candidates, subscribers = group
    if not address:  # nothing to compare, so a subscriber meets nobody
        return [_linked_or(candidate, "", None, Rule.NO_EMAIL, False) for candidate in candidates]
    if not candidates and not subscribers:
        return []

    cloud: int | None
    if claims:
        winner = claims[0] if len(claims) == 1 else min(claims, key=_claim_order)
        cloud, ambiguous = winner.cloud, len({claim.cloud for claim in claims}) > 1
        rule = winner.kind
        matches = [Match(candidate.server, False, cloud, address, rule, ambiguous) for candidate in candidates]
    elif links := [link for candidate in candidates for link in candidate.linked]:
        cloud, ambiguous = _first_link(links)
        rule = Rule.SAME_PRIMARY_EMAIL
        matches = [_linked_or(candidate, address, cloud, rule, ambiguous) for candidate in candidates]
    elif candidates:
        cloud, ambiguous = None, False
        rule = Rule.SAME_PRIMARY_EMAIL if len(candidates) > 1 else Rule.NO_MATCH
        matches = [Match(candidate.server, False, None, address, rule, False) for candidate in candidates]
    else:  # subscribers that met nobody don't count
        return []

    if subscribers:
        rule = Rule.SUBSCRIPTION_EMAIL
        matches += [Match(subscriber, True, cloud, address, rule, ambiguous) for subscriber in subscribers]
    return matches


def _linked_or(candidate: Candidate, address: str, cloud: int | None, rule: Rule, ambiguous: bool) -> Match:
    """Where GitHub's list says that the account belongs; if it says nothing, as given."""
    if candidate.linked:
        cloud, ambiguous = _first_link(candidate.linked)
        rule = Rule.LINKED_BY_GITHUB
    return Match(candidate.server, False, cloud, address, rule, ambiguous)


def _claim_order(claim: Claim) -> tuple[bool, int, str, int]:
    """An account goes before an invitation (no login), then the better kind, the lower login, the lower reference."""
    return not claim.login, PRECEDENCE.index(claim.kind), claim.login.casefold(), claim.cloud


def _first_link(links: Sequence[tuple[str, int]]) -> tuple[int, bool]:
    """The cloud account that goes first, ordered as claims of one kind, and whether there was another one."""
    if len(links) == 1:
        return links[0][1], False
    _, _, first = min((not login, login.casefold(), cloud) for login, cloud in links)
    return first, any(cloud != first for _, cloud in links)
