"""Every reason has its sentence, and every license its summary."""

import pytest

from licensesync.matching.explain import RULE_LABELS, Sentence, reason, summary
from licensesync.matching.records import Rule


def english(sentence: Sentence) -> str:
    return (sentence.one if sentence.count == 1 or not sentence.many else sentence.many) % sentence.params


def told(*rules: Rule, ambiguous: bool = False, has_subscriber: bool = False) -> str:
    sentences = summary(rules, ambiguous=ambiguous, has_subscriber=has_subscriber)
    return " ".join(english(sentence) for sentence in sentences)


def why(rule: Rule, login: str = "acarvalho") -> str:
    facts = {"host": "ghes-emea", "address": "ana.carvalho@octo.example", "listed_on": "Feb 10, 2026"}
    return english(reason(rule, login=login, **facts))


def test_a_reason_names_the_account_and_what_it_met() -> None:
    assert why(Rule.VERIFIED_EMAIL) == (
        "The primary e-mail ana.carvalho@octo.example of acarvalho on ghes-emea "
        "is a verified e-mail of the cloud account."
    )


def test_githubs_link_is_told_with_the_date_of_the_list() -> None:
    assert why(Rule.LINKED_BY_GITHUB) == (
        "GitHub’s list of Feb 10, 2026 links acarvalho on ghes-emea to the cloud account."
    )


def test_an_invitation_is_not_called_an_account() -> None:
    assert why(Rule.CLOUD_ACCOUNT) == "acarvalho is the cloud account."
    assert why(Rule.CLOUD_ACCOUNT, login="") == "An invitation by e-mail: it counts, and there is no account yet."


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_label_a_reason_and_a_summary(rule: Rule) -> None:
    assert RULE_LABELS[rule]
    assert why(rule).endswith(".")
    assert told(rule, has_subscriber=rule is Rule.SUBSCRIPTION_EMAIL).endswith(".")


def test_no_two_rules_read_the_same() -> None:
    assert len({why(rule) for rule in Rule}) == len(set(RULE_LABELS.values())) == len(Rule)


def test_server_accounts_that_carry_an_address_are_counted_whichever_kind() -> None:
    cloud = Rule.CLOUD_ACCOUNT
    assert told(cloud, Rule.SAML_OR_SCIM) == "1 server account carries an address of the cloud account."
    assert told(cloud, Rule.SAML_OR_SCIM, Rule.VERIFIED_EMAIL) == (
        "2 server accounts carry an address of the cloud account."
    )


def test_the_order_of_the_accounts_does_not_change_the_summary() -> None:
    assert told(Rule.VERIFIED_EMAIL, Rule.CLOUD_ACCOUNT) == told(Rule.CLOUD_ACCOUNT, Rule.VERIFIED_EMAIL)


def test_only_in_the_cloud_with_and_without_a_subscription() -> None:
    only = "Only in the cloud: no server account is counted with it."
    assert told(Rule.CLOUD_ACCOUNT) == only
    assert told(Rule.CLOUD_ACCOUNT, has_subscriber=True) == (
        f"{only} A Visual Studio subscription that no cloud account uses has the same e-mail, "
        "so this license is of that type."
    )


def test_linked_by_github_is_told_apart_from_what_follows_it() -> None:
    assert told(Rule.CLOUD_ACCOUNT, Rule.LINKED_BY_GITHUB, Rule.SAME_PRIMARY_EMAIL) == (
        "GitHub’s own list links 1 server account to the cloud account. "
        "1 server account has the primary e-mail of one that GitHub links."
    )


def test_only_on_servers() -> None:
    assert told(Rule.SAME_PRIMARY_EMAIL, Rule.SAME_PRIMARY_EMAIL) == (
        "2 server accounts have the same primary e-mail; no cloud account is known to have it."
    )
    assert told(Rule.NO_MATCH) == (
        "Only one server account that counts has this primary e-mail; no cloud account is known to have it."
    )
    assert told(Rule.NO_EMAIL) == (
        "A server account without an e-mail: there is nothing to compare, so it counts by itself."
    )


def test_an_ambiguous_license_says_so_last() -> None:
    assert told(Rule.CLOUD_ACCOUNT, Rule.VERIFIED_EMAIL, ambiguous=True) == (
        "1 server account carries an address of the cloud account. "
        "More than one cloud account claims an account or a subscription of this license; it is counted with the first."
    )
