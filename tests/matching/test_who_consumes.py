"""Who consumes a license, sentence by sentence of "People who consume a license in an organization"."""

import pytest

from licensesync.matching.rules import (
    cloud_user_consumes,
    is_unlinked_subscriber,
    is_visual_studio,
    server_account_consumes,
)

# Server ----------------------------------------------------------------------------------------------------------


def test_an_active_account_counts_dormant_or_not() -> None:
    assert server_account_consumes("ana", suspended=False)


def test_a_suspended_account_does_not_count() -> None:
    assert not server_account_consumes("ana", suspended=True)


@pytest.mark.parametrize("login", ["scim-admin", "SCIM-Admin"])
def test_the_built_in_user_of_scim_setup_does_not_count(login: str) -> None:
    assert not server_account_consumes(login, suspended=False)


@pytest.mark.parametrize("login", ["scim-admin2", "the-scim-admin", "scim"])
def test_only_that_user_is_excepted(login: str) -> None:
    assert server_account_consumes(login, suspended=False)


# Cloud -----------------------------------------------------------------------------------------------------------


def test_every_account_of_the_list_counts_since_it_holds_consumers_only() -> None:
    assert cloud_user_consumes("ana", False, ("octo-org:Member",), ("Member",), ())
    assert cloud_user_consumes("ana", False, (), (), ())


def test_a_linked_subscriber_counts_even_when_unaffiliated() -> None:
    assert cloud_user_consumes("ana", True, (), (), ())


def test_an_invitation_by_email_counts() -> None:
    assert not is_unlinked_subscriber("", visual_studio_user=False)
    assert cloud_user_consumes("", False, (), (), ("octo-org",))
    assert cloud_user_consumes("", False, (), (), ())


def test_a_subscriber_whose_account_is_not_linked_does_not_count() -> None:
    assert is_unlinked_subscriber("", visual_studio_user=True)
    assert not is_unlinked_subscriber("ana", visual_studio_user=True)
    assert not cloud_user_consumes("", True, (), (), ())


def test_unless_the_subscriber_meets_another_rule() -> None:
    assert cloud_user_consumes("", True, (), (), ("octo-org",))
    assert cloud_user_consumes("", True, ("octo-org:Member",), (), ())
    assert cloud_user_consumes("", True, (), ("Pending outside collaborator invitation",), ())
    assert cloud_user_consumes("", True, (), ("Owner", "outside collaborator"), ())


@pytest.mark.parametrize("role", ["Owner", "Billing manager", "Unaffiliated"])
def test_a_role_that_does_not_consume_is_no_other_rule(role: str) -> None:
    assert not cloud_user_consumes("", True, (), (role,), ())


# Type ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reported", ["Visual Studio subscription", "visual studio subscription", " Visual Studio "])
def test_a_license_has_the_type_that_the_cloud_reports(reported: str) -> None:
    assert is_visual_studio(reported, has_subscriber=False)


@pytest.mark.parametrize("reported", ["Enterprise", ""])
def test_a_license_with_a_subscriber_is_a_visual_studio_license(reported: str) -> None:
    assert is_visual_studio(reported, has_subscriber=True)


@pytest.mark.parametrize("reported", ["Enterprise", "", "Something new"])
def test_any_other_license_is_an_enterprise_license(reported: str) -> None:
    assert not is_visual_studio(reported, has_subscriber=False)
