"""Rows of the cloud's list that are as long as a file may have them: casefolding makes them longer still."""

import random

import pytest

from licensesync.enterprises.models import Enterprise
from licensesync.usage.models import CloudAddress, CloudUser, ServerOnlyPerson
from tests.flows.lists import cloud_list, cloud_user, import_one

pytestmark = pytest.mark.django_db(transaction=True)

LONGEST = 255


def longest_key() -> int:
    """Only PostgreSQL refuses what is longer than its column."""
    keys = [*CloudUser.objects.values_list("key", flat=True), *ServerOnlyPerson.objects.values_list("key", flat=True)]
    assert CloudUser._meta.get_field("key").max_length == 350
    return max(map(len, keys))


def test_a_login_that_gets_longer_is_one_account_from_list_to_list(enterprise: Enterprise) -> None:
    sharp, other = "ß" * LONGEST, "ß" * (LONGEST - 1) + "x"
    job = import_one(enterprise, cloud_list(cloud_user(login, github_com_name="") for login in (sharp, other)))
    assert (job.accounts_added, job.problem_code) == (2, "")
    assert longest_key() <= 350
    again = ("ẞ" * LONGEST, other)
    job = import_one(enterprise, cloud_list(cloud_user(login, github_com_name="") for login in again))
    assert (job.accounts_added, job.accounts_changed, job.accounts_removed) == (0, 1, 0)


def test_rows_without_a_login_with_addresses_and_hosts_that_get_longer(enterprise: Enterprise) -> None:
    # The three bytes of each ﬃ become three letters; the notes become three characters of four bytes each.
    notes = "".join(
        random.Random(1).choices(
            "\U0001d15e\U0001d15f\U0001d160\U0001d161\U0001d162\U0001d163\U0001d164\U0001d1bb\U0001d1bd\U0001d1bf",
            k=LONGEST,
        )
    )
    mail = "ﬃ" * 120 + "@" + "ΐ" * 120 + ".x"
    rows = [
        cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=mail),
        cloud_user("", mail, github_com_user=True),
        cloud_user("", github_com_saml_name_id=notes, github_com_user=True),
        cloud_user("", enterprise_server_user_ids=["İ" * (LONGEST - 2) + ":7"]),
        cloud_user("linked", enterprise_server_user_ids=["ﬃ" * (LONGEST - 2) + ":7"]),
    ]
    job = import_one(enterprise, cloud_list(rows))
    assert (job.accounts_read, job.problem_code) == (4, "")  # the person who is only on a server is no account
    assert longest_key() <= 350
    assert max(len(address.address) for address in CloudAddress.objects.all()) > LONGEST
    job = import_one(enterprise, cloud_list([*rows[:4], cloud_user("linked")]))
    assert (job.accounts_added, job.accounts_changed, job.accounts_removed) == (0, 1, 0)
