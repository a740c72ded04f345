"""The rule of `docs/matching.md`, one test for each of its sentences."""

import pytest

from licensesync.matching.engine import match_group
from licensesync.matching.records import AddressGroup, Candidate, Claim, Match, Rule
from licensesync.matching.rules import PRECEDENCE

ADDRESS = "ana@octo.example"
SAML = Claim(Rule.SAML_OR_SCIM, 1, "zoe")
VERIFIED = Claim(Rule.VERIFIED_EMAIL, 2, "ana")


def where(
    *claims: Claim, candidates: tuple[Candidate, ...] = (Candidate(10),), subscribers: tuple[int, ...] = ()
) -> list[Match]:
    return match_group(AddressGroup(ADDRESS, claims, candidates, subscribers))


def server(ref: int, cloud: int | None, rule: Rule, ambiguous: bool = False) -> Match:
    return Match(ref, False, cloud, ADDRESS, rule, ambiguous)


def subscriber(ref: int, cloud: int | None, ambiguous: bool = False) -> Match:
    return Match(ref, True, cloud, ADDRESS, Rule.SUBSCRIPTION_EMAIL, ambiguous)


# GitHub's rule ---------------------------------------------------------------------------------------------------


def test_the_primary_email_is_looked_for_in_the_linked_identities() -> None:
    assert where(SAML) == [server(10, 1, Rule.SAML_OR_SCIM)]


def test_without_a_hit_it_is_looked_for_among_the_verified_emails() -> None:
    assert where(VERIFIED) == [server(10, 2, Rule.VERIFIED_EMAIL)]


def test_one_account_may_have_the_address_in_both() -> None:
    both = VERIFIED._replace(cloud=1, login="zoe")
    assert where(both, SAML) == [server(10, 1, Rule.SAML_OR_SCIM)]


def test_however_many_servers_one_person_has_one_license() -> None:
    rule = Rule.VERIFIED_EMAIL
    assert where(VERIFIED, candidates=(Candidate(10), Candidate(11))) == [server(10, 2, rule), server(11, 2, rule)]


def test_without_a_hit_the_account_belongs_to_no_cloud_account() -> None:
    assert where() == [server(10, None, Rule.NO_MATCH)]


def test_server_accounts_with_the_same_primary_email_are_one_person() -> None:
    rule = Rule.SAME_PRIMARY_EMAIL
    assert where(candidates=(Candidate(10), Candidate(11))) == [server(10, None, rule), server(11, None, rule)]


def test_an_address_that_only_the_cloud_knows_matches_nobody() -> None:
    assert where(SAML, VERIFIED, candidates=()) == []


def test_a_subscriber_belongs_to_the_cloud_account_with_the_email_of_the_subscription() -> None:
    assert where(VERIFIED, candidates=(), subscribers=(5,)) == [subscriber(5, 2)]
    assert where(SAML, subscribers=(5, 6)) == [server(10, 1, Rule.SAML_OR_SCIM), subscriber(5, 1), subscriber(6, 1)]


def test_a_subscriber_that_meets_nobody_counts_nothing() -> None:
    assert where(candidates=(), subscribers=(5,)) == []


# Our decisions ---------------------------------------------------------------------------------------------------


def test_when_two_accounts_claim_one_address_the_identity_beats_the_verified_email() -> None:
    assert where(VERIFIED, SAML) == [server(10, 1, Rule.SAML_OR_SCIM, ambiguous=True)]


@pytest.mark.parametrize("kind", [Rule.SAML_OR_SCIM, Rule.VERIFIED_EMAIL])
def test_then_the_lower_login_wins_whatever_its_case(kind: Rule) -> None:
    claims = Claim(kind, 1, "bob"), Claim(kind, 2, "Carl"), Claim(kind, 3, "Ana")
    assert where(*claims) == [server(10, 3, kind, ambiguous=True)]
    assert where(Claim(kind, 7, "ana"), Claim(kind, 4, "ANA")) == [server(10, 4, kind, ambiguous=True)]


def test_an_invitation_loses_against_an_account_whatever_its_claim() -> None:
    invitation = Claim(Rule.SAML_OR_SCIM, 1, "")
    assert where(invitation) == [server(10, 1, Rule.SAML_OR_SCIM)]
    assert where(invitation, VERIFIED) == [server(10, 2, Rule.VERIFIED_EMAIL, ambiguous=True)]


def test_an_account_that_githubs_list_names_goes_to_that_cloud_account() -> None:
    linked = Candidate(10, (("ana", 3),))
    assert where(candidates=(linked,)) == [server(10, 3, Rule.LINKED_BY_GITHUB)]


def test_named_by_several_it_goes_to_the_lower_login() -> None:
    linked = Candidate(10, (("", 1), ("bob", 2), ("Ana", 9), ("ana", 8)))
    assert where(candidates=(linked,)) == [server(10, 8, Rule.LINKED_BY_GITHUB, ambiguous=True)]
    twice = Candidate(10, (("ana", 8), ("ana", 8)))
    assert where(candidates=(twice,)) == [server(10, 8, Rule.LINKED_BY_GITHUB)]


def test_an_address_goes_before_githubs_link() -> None:
    assert where(VERIFIED, candidates=(Candidate(10, (("ada", 3),)),)) == [server(10, 2, Rule.VERIFIED_EMAIL)]


def test_accounts_with_the_same_primary_email_go_with_the_one_that_github_names() -> None:
    linked = Candidate(11, (("ana", 3),))
    assert where(candidates=(Candidate(10), linked)) == [
        server(10, 3, Rule.SAME_PRIMARY_EMAIL),
        server(11, 3, Rule.LINKED_BY_GITHUB),
    ]


def test_with_several_named_they_go_to_the_lower_login() -> None:
    named = Candidate(11, (("bob", 3),)), Candidate(12, (("ana", 4),))
    assert where(candidates=(*named, Candidate(10)), subscribers=(5,)) == [
        server(11, 3, Rule.LINKED_BY_GITHUB),
        server(12, 4, Rule.LINKED_BY_GITHUB),
        server(10, 4, Rule.SAME_PRIMARY_EMAIL, ambiguous=True),
        subscriber(5, 4, ambiguous=True),
    ]


def test_a_subscriber_with_the_email_of_a_server_only_person_belongs_to_that_person() -> None:
    assert where(subscribers=(5,)) == [server(10, None, Rule.NO_MATCH), subscriber(5, None)]


def test_an_account_without_email_is_a_person_of_its_own() -> None:
    group = AddressGroup("", (), (Candidate(1), Candidate(2)), subscribers=(5,))
    assert match_group(group) == [
        Match(1, False, None, "", Rule.NO_EMAIL, False),
        Match(2, False, None, "", Rule.NO_EMAIL, False),
    ]


def test_unless_githubs_list_names_it() -> None:
    group = AddressGroup("", (), (Candidate(1, (("bob", 3), ("ana", 4))),))
    assert match_group(group) == [Match(1, False, 4, "", Rule.LINKED_BY_GITHUB, True)]


def test_each_rule_goes_before_all_that_follow_it() -> None:
    """Everything applies at once; then the rule that decided is taken away, and the next one decides."""
    linked, plain = Candidate(10, (("ana", 3),)), Candidate(10)
    mate, linked_mate = Candidate(11), Candidate(11, (("ana", 3),))
    worlds = (
        where(SAML, VERIFIED, candidates=(linked, linked_mate)),
        where(VERIFIED, candidates=(linked, linked_mate)),
        where(candidates=(linked, linked_mate)),
        where(candidates=(plain, linked_mate)),
    )
    assert tuple(found[0].rule for found in worlds) == PRECEDENCE
    assert where(candidates=(plain, mate))[0].rule is PRECEDENCE[-1]
