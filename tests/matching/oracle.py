"""The rule once more, account by account and slowly, as GitHub's documentation and our decisions tell it.

Written from the text, not from the engine: it sees the whole world at once, knows no address keys and no groups.
"""

from collections.abc import Iterator

from licensesync.matching.records import Rule
from tests.matching.universe import Account, Cloud, Email, Places, Server, Universe, places


def expected_places(universe: Universe) -> Places:
    return places(_decisions(universe))


def _decisions(universe: Universe) -> Iterator[tuple[Account, object, Rule, bool]]:
    clouds = [c for c in universe.clouds if c.login != "" or not c.subscriber or c.invited]
    unlinked_subscribers = [c for c in universe.clouds if c not in clouds]
    servers = [s for s in universe.servers if not s.suspended and s.login.lower() != "scim-admin"]

    for cloud in clouds:
        yield Account(True, cloud.ref), cloud, Rule.CLOUD_ACCOUNT, False

    for server in servers:
        account = Account(False, server.ref)
        with_same_primary = [s for s in servers if _same(s.email, server.email)]
        in_identity = [c for c in clouds if any(_same(e, server.email) for e in c.saml)]
        in_verified = [c for c in clouds if any(_same(e, server.email) for e in c.verified)]
        in_either = [c for c in clouds if c in in_identity or c in in_verified]
        naming = _naming(clouds, [server])
        naming_another = _naming(clouds, with_same_primary)
        if in_either:
            accounts = [c for c in in_either if c.login]
            eligible = accounts or in_either
            with_identity = [c for c in eligible if c in in_identity]
            if with_identity:
                yield account, _lowest(with_identity), Rule.SAML_OR_SCIM, len(in_either) > 1
            else:
                yield account, _lowest(eligible), Rule.VERIFIED_EMAIL, len(in_either) > 1
        elif naming:
            yield account, _lowest(naming), Rule.LINKED_BY_GITHUB, len(naming) > 1
        elif naming_another:
            yield account, _lowest(naming_another), Rule.SAME_PRIMARY_EMAIL, len(naming_another) > 1
        elif server.email is None:
            yield account, server, Rule.NO_EMAIL, False
        elif len(with_same_primary) > 1:
            yield account, server.email.who, Rule.SAME_PRIMARY_EMAIL, False
        else:
            yield account, server.email.who, Rule.NO_MATCH, False

    for subscriber in unlinked_subscribers:
        account = Account(True, subscriber.ref)
        email = subscriber.subscription
        in_identity = [c for c in clouds if any(_same(e, email) for e in c.saml)]
        in_verified = [c for c in clouds if any(_same(e, email) for e in c.verified)]
        in_either = [c for c in clouds if c in in_identity or c in in_verified]
        with_same_primary = [s for s in servers if _same(s.email, email)]
        naming = _naming(clouds, with_same_primary)
        if in_either:
            eligible = [c for c in in_either if c.login] or in_either
            owner = _lowest([c for c in eligible if c in in_identity] or eligible)
            yield account, owner, Rule.SUBSCRIPTION_EMAIL, len(in_either) > 1
        elif naming:
            yield account, _lowest(naming), Rule.SUBSCRIPTION_EMAIL, len(naming) > 1
        elif with_same_primary and email:
            yield account, email.who, Rule.SUBSCRIPTION_EMAIL, False


def _same(one: Email | None, other: Email | None) -> bool:
    return one is not None and other is not None and one.who == other.who


def _naming(clouds: list[Cloud], servers: list[Server]) -> list[Cloud]:
    return [c for c in clouds if any(s.ref in c.names for s in servers)]


def _lowest(clouds: list[Cloud]) -> Cloud:
    with_login = [c for c in clouds if c.login]
    return sorted(with_login or clouds, key=lambda c: (c.login.lower(), c.ref))[0]
