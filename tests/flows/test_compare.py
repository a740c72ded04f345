"""GitHub's own count is compared with ours before anybody asks, but not while the next count is near."""

import re

import pytest
from django.db import OperationalError, connection

from licensesync.enterprises.models import Enterprise
from licensesync.flows import compare
from licensesync.licenses import comparison
from licensesync.licenses.models import GitHubComparison
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.usage import bulk
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_count_is_compared_once_nothing_else_waits(enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, "ana@octo.example"), account(2, "bo@octo.example")]))
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    job = LicenseSyncJob.objects.latest("pk")
    LicenseSyncJob.objects.filter(pk=job.pk).update(state=JobState.PENDING)
    compare.compare(enterprise.pk, somebody_waits=False)
    assert not GitHubComparison.objects.exists()
    compare.compare(enterprise.pk, somebody_waits=True)
    GitHubComparison.objects.get().delete()

    LicenseSyncJob.objects.filter(pk=job.pk).update(state=JobState.SUCCESS)
    compare.compare(enterprise.pk, somebody_waits=False)
    made = GitHubComparison.objects.get()
    assert made.generation == Enterprise.objects.get(pk=enterprise.pk).generation

    enterprise.refresh_from_db()
    found = comparison.comparison_of(enterprise)
    assert found is not None
    assert (found.units, found.licenses) == (1, 2)
    assert GitHubComparison.objects.get() == made  # what was made is what is shown


def test_without_the_cloud_there_is_nothing_to_compare(enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1)]))
    compare.compare(enterprise.pk, somebody_waits=False)
    compare.compare(0, somebody_waits=True)
    assert not GitHubComparison.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite ends no statement by itself")
def test_a_comparison_that_takes_too_long_lets_the_others_have_theirs(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    with monkeypatch.context() as slowly:
        slowly.setattr(compare, "LONGEST_STATEMENT", 0.1)
        slowly.setattr(comparison, "compare", lambda _: bulk.execute("SELECT pg_sleep(20)"))
        with pytest.raises(OperationalError):
            compare.compare(enterprise.pk, somebody_waits=True)
    compare.compare(enterprise.pk, somebody_waits=True)
    assert GitHubComparison.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans by its indexes alone")
@pytest.mark.parametrize("table", ["usage_clouduser", "licenses_licensedaccount"])
def test_the_database_knows_of_the_accounts_of_a_deployment_with_many_new_ones(
    enterprise: Enterprise, table: str
) -> None:
    """The comparison comes right after the count, before autovacuum. Where PostgreSQL expects nobody of a deployment it
    joins each account to each: for 30,000 it is at it for longer than five minutes, and keeps all others waiting."""
    import_one(enterprise, server_export(account(number) for number in range(1, 1001)))
    for many in (100, 200):
        job = import_one(enterprise, cloud_list(cloud_user(f"user-{number}") for number in range(many)))
        plan = bulk.value(f"EXPLAIN SELECT * FROM {table} WHERE deployment_id = %s", [job.deployment.pk])
        expected = re.search(r"rows=(\d+)", plan)
        assert expected is not None
        assert many / 2 < int(expected[1]) < many * 2
