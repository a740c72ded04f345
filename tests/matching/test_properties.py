"""What must hold in every small world, however its addresses collide."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from licensesync.matching.engine import match
from licensesync.matching.records import AddressGroup, Candidate
from tests.matching.oracle import expected_places
from tests.matching.universe import (
    SPELLINGS,
    Account,
    Cloud,
    Email,
    Place,
    Places,
    Server,
    Universe,
    address_groups,
    engine_places,
    universes,
)

often = settings(max_examples=400, deadline=None)
worlds = universes()
randoms = st.randoms(use_true_random=False)


@settings(max_examples=1500, deadline=None)
@given(worlds)
def test_the_engine_decides_what_the_written_rule_says(universe: Universe) -> None:
    assert engine_places(universe) == expected_places(universe)


@often
@given(worlds, randoms)
def test_the_order_of_the_input_changes_nothing(universe: Universe, random: Random) -> None:
    clouds = [
        cloud._replace(saml=cloud.saml[::-1], verified=cloud.verified[::-1])
        for cloud in random.sample(universe.clouds, len(universe.clouds))
    ]
    shuffled = Universe(tuple(clouds), tuple(random.sample(universe.servers, len(universe.servers))))
    assert engine_places(shuffled) == engine_places(universe)


@often
@given(worlds)
def test_every_consuming_account_is_in_exactly_one_license(universe: Universe) -> None:
    counted = {Account(True, c.ref) for c in universe.clouds if c.login or c.invited or not c.subscriber}
    counted |= {Account(False, s.ref) for s in universe.servers if not s.suspended and s.login != "scim-admin"}
    counted -= {Account(False, s.ref) for s in universe.servers if s.login == "SCIM-Admin"}
    found = engine_places(universe)
    assert counted <= found.keys()
    assert sum(len(license) for license in licenses(found)) == len(found)


@often
@given(worlds)
def test_no_two_consuming_rows_of_the_cloud_share_a_license(universe: Universe) -> None:
    consuming = {Account(True, c.ref) for c in universe.clouds if c.login or c.invited or not c.subscriber}
    assert all(len(license & consuming) <= 1 for license in licenses(engine_places(universe)))


@often
@given(worlds)
def test_suspended_accounts_and_scim_admin_are_in_no_license(universe: Universe) -> None:
    out = {Account(False, s.ref) for s in universe.servers if s.suspended or s.login in ("scim-admin", "SCIM-Admin")}
    assert not out & engine_places(universe).keys()


@often
@given(worlds)
def test_an_account_that_nobody_shares_anything_with_changes_nothing_else(universe: Universe) -> None:
    stranger = Email(len(SPELLINGS), "nobody.else@octo.example")
    larger = Universe(
        (*universe.clouds, Cloud(100, "ada", verified=(stranger,))),
        (*universe.servers, Server(100, "ada", stranger), Server(101, "zoe")),
    )
    new = {Account(True, 100), Account(False, 100), Account(False, 101)}
    found = engine_places(larger)
    assert {account: place for account, place in found.items() if account not in new} == engine_places(universe)


@often
@given(worlds, randoms)
def test_case_and_spaces_of_an_address_change_nothing(universe: Universe, random: Random) -> None:
    def again(email: Email) -> Email:
        return email._replace(text=random.choice(SPELLINGS[email.who]))

    respelled = Universe(
        tuple(
            cloud._replace(
                saml=tuple(map(again, cloud.saml)),
                verified=tuple(map(again, cloud.verified)),
                subscription=cloud.subscription and again(cloud.subscription),
            )
            for cloud in universe.clouds
        ),
        tuple(server._replace(email=server.email and again(server.email)) for server in universe.servers),
    )
    assert engine_places(respelled) == engine_places(universe)


@often
@given(worlds)
def test_unlinked_subscribers_add_no_license_and_move_nobody(universe: Universe) -> None:
    unlinked = {Account(True, c.ref) for c in universe.clouds if c.subscriber and not c.login and not c.invited}
    without = Universe(tuple(c for c in universe.clouds if Account(True, c.ref) not in unlinked), universe.servers)
    found = engine_places(universe)
    others = {
        account: Place(place.together - unlinked, place.rule, place.ambiguous)
        for account, place in found.items()
        if account not in unlinked
    }
    assert others == engine_places(without)


@often
@given(worlds, randoms)
def test_removing_a_link_moves_only_accounts_at_that_address(universe: Universe, random: Random) -> None:
    links = [(cloud, ref) for cloud in universe.clouds for ref in cloud.names if ref < len(universe.servers)]
    if not links:
        return
    cloud, ref = random.choice(links)
    unlinked = cloud._replace(names=cloud.names - {ref})
    fewer = universe._replace(clouds=tuple(unlinked if c == cloud else c for c in universe.clouds))
    email = universe.servers[ref].email
    touched = {Account(False, ref)}
    if email:
        touched |= {Account(False, s.ref) for s in universe.servers if s.email and s.email.who == email.who}
        touched |= {Account(True, c.ref) for c in universe.clouds if c.subscription and c.subscription.who == email.who}
    assert _without(touched, engine_places(fewer)) == _without(touched, engine_places(universe))


@often
@given(worlds)
def test_accounts_without_an_address_may_come_in_any_number_of_groups(universe: Universe) -> None:
    whole = address_groups(universe)
    cut = [
        AddressGroup(address, claims, (candidate,), ())
        for address, claims, candidates, _ in whole
        if not address
        for candidate in candidates
    ]
    assert list(match(cut)) == [found for found in match(whole) if not found.address]


def test_the_accounts_without_an_address_have_nothing_in_common() -> None:
    group = AddressGroup("", (), (Candidate(1), Candidate(2, (("ana", 7),))), (3,))
    assert [(found.ref, found.cloud) for found in match([group])] == [(1, None), (2, 7)]


def licenses(found: Places) -> set[frozenset[Account]]:
    return {place.together for place in found.values()}


def _without(accounts: set[Account], found: Places) -> Places:
    """The places of all other accounts, and with which of the others they are."""
    return {
        account: Place(place.together - accounts, place.rule, place.ambiguous)
        for account, place in found.items()
        if account not in accounts
    }
