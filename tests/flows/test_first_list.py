"""The first list of a server is written while it is read: seen whole or not at all, whatever happens meanwhile."""

import time
from pathlib import Path
from typing import Any

import pytest

from licensesync.enterprises.models import Enterprise
from licensesync.flows import consolidate, run_job
from licensesync.licenses import services as licenses
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.usage import services as usage
from licensesync.usage import staging
from licensesync.usage.models import ServerUserAccount
from tests.flows.lists import account, import_one, new_enterprise, people, server_export, waiting_job
from tests.flows.workers import assert_nothing_left_over, end_of, kill, let_oversleep, take_up_again

pytestmark = pytest.mark.django_db(transaction=True)

SERVER, NEW_SERVER = "ghes.example", "two.example"
LIST = [account(number, f"user-{number}@octo.example") for number in range(36, 61)]  # five of them are known

STEPS = [(usage, "write_first_list"), (consolidate, "count_again"), (licenses, "finish_count")]


@pytest.fixture
def enterprise() -> Enterprise:
    """It has another server already."""
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(n, f"user-{n}@octo.example") for n in range(1, 41)], host=SERVER))
    return enterprise


@pytest.fixture
def job(enterprise: Enterprise) -> LicenseSyncJob:
    return waiting_job(enterprise, server_export(LIST, host=NEW_SERVER))


@pytest.mark.parametrize("step", STEPS, ids=[name for _, name in STEPS])
def test_a_killed_worker(
    enterprise: Enterprise, job: LicenseSyncJob, step: tuple[Any, str], tmp_path: Path, settings: Any
) -> None:
    settings.HEARTBEAT_SECONDS, settings.STALLED_SECONDS = 0.2, 1
    before = people(enterprise)
    kill(job, step, tmp_path / "there")
    assert people(enterprise) == before
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert (job.attempts, job.accounts_read, job.accounts_added) == (2, 25, 25)
    assert_nothing_left_over(enterprise)
    assert len(people(enterprise)) == 60


def test_a_worker_that_was_taken_for_dead(
    enterprise: Enterprise, job: LicenseSyncJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_oversleep(monkeypatch, job, (usage, "write_first_list"))
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert job.attempts == 2
    assert_nothing_left_over(enterprise)
    assert ServerUserAccount.objects.filter(deployment=job.deployment).count() == len(LIST)


def test_a_job_that_is_canceled_while_it_writes(
    enterprise: Enterprise, job: LicenseSyncJob, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HEARTBEAT_SECONDS = 0.05
    before, rows = people(enterprise), staging.server_rows

    def cancel_amid(*args: Any) -> Any:
        for number, row in enumerate(rows(*args)):
            if number == 10:
                syncing.cancel(job)
                time.sleep(0.3)
            yield row

    monkeypatch.setattr("licensesync.usage.services.server_rows", cancel_amid)
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.CANCELED, "")
    assert people(enterprise) == before
    assert_nothing_left_over(enterprise)


@pytest.mark.parametrize("host", [NEW_SERVER, SERVER])
def test_a_user_id_that_comes_twice(enterprise: Enterprise, host: str, settings: Any) -> None:
    """In a first list, which is then read again, and in one that is compared."""
    settings.MAX_ACCOUNTS = 40  # enough for the list, but not for twice the list
    before = people(enterprise)
    twice = [account(7 + number % 15, f"user-{number}@octo.example") for number in range(30)]
    job = waiting_job(enterprise, server_export(twice, host=host))
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.FAILURE, "duplicate_user_id")
    assert job.problem_params == {"user_id": 7}
    assert people(enterprise) == before
    assert_nothing_left_over(enterprise)
