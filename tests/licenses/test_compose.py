"""A license that is composed of the same is not composed again."""

from datetime import UTC, datetime
from typing import Any

import pytest

from licensesync.licenses.compose import CLOUD, SERVER, Member, compose, digest_of

MEMBER = Member(
    number=7, kind=SERVER, rule="no_match", ambiguous=False, deployment_id=1, user_id=5, login="ana", name="Ana",
    email="ana@octo.example", dormant=None, two_factor=None, facts=None, identity_addresses=None,
    old_number=None, old_digest=None, old_since=None, old_or_before=None, old_generation=None,
)  # fmt: skip
OTHERWISE: dict[str, Any] = {
    "kind": 0, "rule": "same_primary_email", "ambiguous": True, "deployment_id": 2, "user_id": 6, "login": "bo",
    "name": "Bo", "email": "bo@octo.example", "dormant": True, "two_factor": False, "facts": "{}",
    "identity_addresses": "ana@idp.example",
}  # fmt: skip
# The number is the license's own; what it had before says whether it is as it was.
NOT_SAID = {name for name in Member._fields if name.startswith("old_")} | {"number"}


def test_every_column_is_in_one_of_the_two() -> None:
    assert set(OTHERWISE) | NOT_SAID == set(Member._fields)


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_a_license_is_composed_of_is_in_its_digest(name: str) -> None:
    assert digest_of([MEMBER._replace(**{name: OTHERWISE[name]})]) != digest_of([MEMBER])


def test_of_more_accounts_it_is_another() -> None:
    assert digest_of([MEMBER, MEMBER._replace(user_id=6)]) != digest_of([MEMBER])


def test_what_is_as_it_was_is_not_composed_again() -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    before = MEMBER._replace(
        old_number=7, old_digest=digest_of([MEMBER]), old_since=since, old_or_before=True, old_generation=1
    )
    assert compose([before]) is None
    renumbered, changed = compose([before._replace(number=8)]), compose([before._replace(login="bo")])
    assert renumbered
    assert changed
    assert (renumbered.row.number, changed.row.login) == (8, "bo")
    assert renumbered.since == changed.since == (since, True, 1)


def is_dormant(*members: Member) -> bool:
    license = compose(members)
    assert license
    return license.row.dormant


def test_dormant_is_who_is_so_on_every_server_that_says_it_and_not_in_the_cloud() -> None:
    """The cloud's list says nothing of it, so whoever has an account there may be active."""
    dormant, active = MEMBER._replace(dormant=True), MEMBER._replace(dormant=False, deployment_id=2)
    in_cloud = MEMBER._replace(kind=CLOUD, deployment_id=9, facts="{}")
    assert is_dormant(dormant)
    assert is_dormant(dormant, MEMBER._replace(deployment_id=3))
    assert not is_dormant(dormant, active)
    assert not is_dormant(MEMBER)
    assert not is_dormant(in_cloud, dormant)
