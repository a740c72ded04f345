"""Small worlds in which addresses, logins and links collide, and what the engine makes of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hypothesis import strategies as st

from licensesync.matching.addresses import address_key
from licensesync.matching.engine import match
from licensesync.matching.records import AddressGroup, Candidate, Claim, Rule
from licensesync.matching.rules import cloud_user_consumes, server_account_consumes


class Email(NamedTuple):
    """`who` tells whether two addresses are the same; `text` is one way to write it."""

    who: int
    text: str


class Cloud(NamedTuple):
    ref: int
    login: str
    saml: tuple[Email, ...] = ()
    verified: tuple[Email, ...] = ()
    names: frozenset[int] = frozenset()  # the server accounts that GitHub's list names with it
    subscriber: bool = False
    subscription: Email | None = None
    invited: bool = False


class Server(NamedTuple):
    ref: int
    login: str
    email: Email | None = None
    suspended: bool = False


class Universe(NamedTuple):
    clouds: tuple[Cloud, ...]
    servers: tuple[Server, ...]


class Account(NamedTuple):
    is_cloud: bool
    ref: int


class Place(NamedTuple):
    """Where an account ended up: with whom (itself included), and why."""

    together: frozenset[Account]
    rule: Rule
    ambiguous: bool


Places = dict[Account, Place]


def places(decided: Iterable[tuple[Account, object, Rule, bool]]) -> Places:
    """From (account, anything that is equal for one license only, rule, ambiguous)."""
    decided = list(decided)
    members = defaultdict(set)
    for account, license_key, _, _ in decided:
        members[license_key].add(account)
    found = {account: Place(frozenset(members[key]), rule, ambiguous) for account, key, rule, ambiguous in decided}
    assert len(found) == len(decided), "an account was placed twice"
    return found


# What the caller of the engine does ------------------------------------------------------------------------------


def consumes(cloud: Cloud) -> bool:
    return cloud_user_consumes(cloud.login, cloud.subscriber, (), (), ("octo-org",) if cloud.invited else ())


def address_groups(universe: Universe) -> list[AddressGroup]:
    claims: dict[str, list[Claim]] = defaultdict(list)
    candidates: dict[str, list[Candidate]] = defaultdict(list)
    subscribers: dict[str, list[int]] = defaultdict(list)
    linked: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for cloud in universe.clouds:
        if not consumes(cloud):
            subscribers[_key(cloud.subscription)].append(cloud.ref)
            continue
        for kind, emails in ((Rule.SAML_OR_SCIM, cloud.saml), (Rule.VERIFIED_EMAIL, cloud.verified)):
            for email in emails:
                claims[_key(email)].append(Claim(kind, cloud.ref, cloud.login))
        for server in cloud.names:
            linked[server].append((cloud.login, cloud.ref))
    for account in universe.servers:
        if server_account_consumes(account.login, account.suspended):
            candidates[_key(account.email)].append(Candidate(account.ref, tuple(linked[account.ref])))
    return [
        AddressGroup(address, tuple(claims[address]), tuple(candidates[address]), tuple(subscribers[address]))
        for address in {**claims, **candidates, **subscribers}
    ]


def engine_places(universe: Universe) -> Places:
    return places(_engine_decisions(universe))


def _engine_decisions(universe: Universe) -> Iterator[tuple[Account, object, Rule, bool]]:
    for cloud in universe.clouds:
        if consumes(cloud):
            yield Account(True, cloud.ref), ("cloud", cloud.ref), Rule.CLOUD_ACCOUNT, False
    for found in match(address_groups(universe)):
        account = Account(found.is_subscriber, found.ref)
        if found.cloud is not None:
            yield account, ("cloud", found.cloud), found.rule, found.ambiguous
        elif found.address:
            yield account, ("address", found.address), found.rule, found.ambiguous
        else:
            yield account, ("alone", found.ref), found.rule, found.ambiguous


def _key(email: Email | None) -> str:
    return address_key(email.text) if email else ""


# Worlds with many collisions -------------------------------------------------------------------------------------

SPELLINGS = (
    ("ana@octo.example", " ANA@octo.example", "Ana@Octo.Example\t"),
    ("jos\u00e9@octo.example", "JOSE\u0301@octo.example", "Jose\u0301@OCTO.example "),
    ("stra\u00dfe@octo.example", "STRASSE@octo.example"),
    ("bob@octo.example", "BOB@OCTO.EXAMPLE"),
)

emails = st.sampled_from([Email(who, text) for who, texts in enumerate(SPELLINGS) for text in texts])
some_emails = st.lists(emails, max_size=2).map(tuple)
servers = st.builds(
    Server,
    ref=st.just(0),
    login=st.sampled_from(["ana", "bob", "scim-admin", "SCIM-Admin"]),
    email=st.none() | emails,
    suspended=st.sampled_from([False, False, False, True]),
)
clouds = st.builds(
    Cloud,
    ref=st.just(0),
    login=st.sampled_from(["", "", "ana", "Ana", "BOB", "bob", "carl"]),
    saml=some_emails,
    verified=some_emails,
    names=st.frozensets(st.integers(0, 4), max_size=3),
    subscriber=st.booleans(),
    subscription=st.none() | emails,
    invited=st.booleans(),
)


@st.composite
def universes(draw: st.DrawFn) -> Universe:
    """Up to four rows of the cloud and five server accounts over four addresses; `ref` is the position."""
    drawn_clouds = draw(st.lists(clouds, max_size=4))
    drawn_servers = draw(st.lists(servers, max_size=5))
    return Universe(
        tuple(cloud._replace(ref=ref) for ref, cloud in enumerate(drawn_clouds)),
        tuple(server._replace(ref=ref) for ref, server in enumerate(drawn_servers)),
    )
