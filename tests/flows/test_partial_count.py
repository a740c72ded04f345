"""A count that only looks at the accounts around a change finds what a count of everybody finds."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import consolidate
from licensesync.licenses import affected
from licensesync.licenses.models import LicensedAccount
from licensesync.licenses.queries import licenses
from licensesync.usage.models import OPEN
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, numbers, server_export

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESSES = [f"{name}@octo.example" for name in ("ana", "bob", "cem", "dan")]
HOSTS = ("one.example", "two.example")

addresses = st.sampled_from(ADDRESSES)
servers = st.lists(
    st.builds(account, st.integers(1, 4), st.just("") | addresses, suspended=st.sampled_from([False, False, True])),
    max_size=4,
    unique_by=lambda each: each["user_id"],
)
links = st.lists(st.sampled_from([f"{host}:{user_id}" for host in HOSTS for user_id in range(1, 5)]), max_size=2)
members = st.builds(
    lambda login, verified, saml, linked: cloud_user(
        login, *verified, github_com_saml_name_id=saml, enterprise_server_user_ids=linked
    ),
    st.sampled_from(["ann", "ben", "cid"]),
    st.lists(addresses, max_size=2, unique=True),
    st.just("") | addresses,
    links,
)
subscribers = st.builds(
    lambda email: cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=email),
    addresses,
)
clouds = st.tuples(
    st.lists(members, max_size=3, unique_by=lambda each: each["github_com_login"]),
    st.lists(subscribers, max_size=1),
).map(lambda rows: [*rows[0], *rows[1]])
steps = st.lists(
    st.one_of(*(st.tuples(st.just(host), servers) for host in HOSTS), st.tuples(st.just("cloud"), clouds)),
    min_size=2,
    max_size=5,
)


def content(source: str, rows: list[dict[str, Any]]) -> bytes:
    return cloud_list(rows) if source == "cloud" else server_export(rows, host=source)


def everything(enterprise: Enterprise) -> list[Any]:
    """All that a license says, but for what tells of its history."""
    hosts = {each.pk: str(each) for each in Deployment.objects.filter(enterprise=enterprise)}
    return sorted(
        [
            str(each.name),
            each.where,
            each.license_type,
            each.ambiguous,
            each.emails,
            each.cloud,
            [(hosts[a["deployment"]], a["kind"], a["login"], a["email"], a["rule"]) for a in each.accounts],
        ]
        for each in licenses(enterprise)
    )


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, rounds=st.sampled_from([1, 50]))
def test_step_by_step_is_as_good_as_all_at_once(steps: Any, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = new_enterprise()
    monkeypatch.setattr(affected, "MOST_ROUNDS", rounds)  # with one, those beside a change are too many to look for
    monkeypatch.setattr(consolidate, "SHARE_FOR_ALL", 1000)  # always only the affected
    for source, rows in steps:
        before = numbers(grown)
        import_one(grown, content(source, rows), accept_shrink=True)
        _check_books(grown)
        _check_kept_numbers(before, numbers(grown))

    monkeypatch.setattr(consolidate, "SHARE_FOR_ALL", 0)  # always everybody
    fresh = new_enterprise()
    for source in ("one.example", "two.example", "cloud"):  # in the order of deployments, which is that of accounts
        last = next((rows for each, rows in reversed(steps) if each == source), None)
        if last is not None:
            import_one(fresh, content(source, last), accept_shrink=True)
    assert _comparable(everything(grown)) == _comparable(everything(fresh))


def _comparable(rows: list[Any]) -> list[Any]:
    """Without the order of accounts and e-mails, which follows the order in which deployments became known."""
    return sorted([*row[1:4], sorted(row[4]), str(row[5]), sorted(row[6])] for row in rows)


def _check_books(enterprise: Enterprise) -> None:
    """The way from an account to its license is the way back."""
    by_account = {
        (each.deployment_id, each.user_id): each.number
        for each in LicensedAccount.objects.filter(enterprise=enterprise, valid_to=OPEN)
    }
    by_license = {
        (entry["deployment"], entry["user_id"]): each.number for each in licenses(enterprise) for entry in each.accounts
    }
    assert by_account == by_license
    assert len({each.number for each in licenses(enterprise)}) == licenses(enterprise).count()


def _check_kept_numbers(before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]) -> None:
    """A cloud account that was there before has the license that it had."""
    for account_name in before.keys() & after.keys():
        if account_name[0] == "cloud" and account_name[1]:
            assert before[account_name] == after[account_name]


def test_a_list_that_changes_nothing_is_at_its_total_too(enterprise: Enterprise) -> None:
    accounts = [account(number, f"user-{number}@octo.example") for number in range(1, 6)]
    import_one(enterprise, server_export(accounts))
    job = import_one(enterprise, server_export(accounts, unknown="so the file is another one"))
    assert (job.accounts_read, job.accounts_added, job.accounts_changed, job.accounts_removed) == (5, 0, 0, 0)
    assert job.progress_done == job.progress_total == 5
