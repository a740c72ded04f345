"""Somebody holds the database locked for longer than a job waits: it tries again, and ends in words at last."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery.states import IGNORED, SUCCESS
from django.db import connection

from licensesync.config import worker
from licensesync.flows import run_job, tasks
from licensesync.flows.mail_password_link import ask_for_password_link
from licensesync.operations import health
from licensesync.operations import services as operations
from licensesync.syncing import clock
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.usage import services as usage
from licensesync.users import queries as users
from licensesync.users.models import PasswordLinkRequest, User
from licensesync.web.words import progress
from tests.flows.lists import account, import_one, new_enterprise, numbers, server_export, waiting_job
from tests.flows.workers import assert_nothing_left_over, cut_off, end_of

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def held_by_somebody() -> Iterator[None]:
    """SQLite: the one lock of the database. PostgreSQL: the table of accounts. And we don't wait for long."""
    on_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 200" if on_postgresql else "PRAGMA busy_timeout = 200")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN" if on_postgresql else "BEGIN IMMEDIATE")
            if on_postgresql:
                cursor.execute("LOCK TABLE usage_serveruseraccount IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        other.close()  # which rolls back


@contextmanager
def held_while_written() -> Iterator[None]:
    apply = usage.apply_server_diff

    def apply_while_held(*args: Any, **more: Any) -> None:
        with held_by_somebody():
            apply(*args, **more)

    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(usage, "apply_server_diff", apply_while_held)
        yield


def test_a_job_that_waited_too_long_tries_again_by_itself() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1), account(2)]))
    before = numbers(enterprise)
    job = waiting_job(enterprise, server_export([account(1), account(2), account(3)]))
    for attempt, minutes in ((1, 1), (2, 6)):
        asked = clock.now()
        with held_while_written():
            assert run_job.run_job(job.pk)
        assert end_of(job) == (JobState.PENDING, "database_busy")
        assert numbers(enterprise) == before
        job.refresh_from_db()
        assert job.attempts == attempt
        assert timedelta(minutes=minutes) <= job.not_before - asked < timedelta(minutes=minutes + 1)
        assert progress(job).endswith("(The database was busy for too long)")
        assert not run_job.run_job(job.pk), "not yet"
        LicenseSyncJob.objects.update(not_before=clock.now())  # as time goes by

    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.SUCCESS, "")
    enterprise.refresh_from_db()
    assert len(numbers(enterprise)) == 3
    assert_nothing_left_over(enterprise)


def test_a_job_that_waited_too_long_three_times_can_be_added_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_job, "BUSY_PAUSE", timedelta())
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1), account(2)]))
    before = numbers(enterprise)
    export = server_export([account(1), account(2), account(3)])
    job = waiting_job(enterprise, export)
    with held_while_written():
        run_job.run_to_the_end(job)
    assert end_of(job) == (JobState.FAILURE, "database_busy")
    assert job.attempts == 3
    assert numbers(enterprise) == before

    again = waiting_job(enterprise, export)
    run_job.run_job(again.pk)
    assert end_of(again) == (JobState.SUCCESS, "")
    enterprise.refresh_from_db()
    assert len(numbers(enterprise)) == 3
    assert_nothing_left_over(enterprise)


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite does not go away")
@pytest.mark.parametrize(
    "task",
    [
        tasks.sweep.s(),
        tasks.schedule.s(),
        tasks.forget_old.s(),
        tasks.recognise_file.s(1),
        tasks.run_job.s(1),
        tasks.mail_link.s(1),
        tasks.compare.s(1),
        tasks.delete_enterprise.s(1),
    ],
    ids=lambda task: str(task.task),
)
def test_what_is_asked_again_soon_is_no_traceback(task: Any, caplog: pytest.LogCaptureFixture) -> None:
    cut_off()
    assert task.apply().state == IGNORED
    connection.close()
    assert "database_away" in caplog.text
    assert "Traceback" not in caplog.text
    assert task.apply().state == SUCCESS


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite does not go away")
def test_a_database_that_goes_away_takes_no_mail_with_it(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for_password_link(email=owner.email, client="there", origin="https://licenses.example.com/")
    by_email = users.by_email

    def by_email_cut_off(email: str) -> User | None:
        cut_off()
        return by_email(email)

    asked = PasswordLinkRequest.objects.get()
    task: Any = tasks.mail_link.s(asked.pk)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(users, "by_email", by_email_cut_off)
        assert task.apply().state == IGNORED
    connection.close()
    asked.refresh_from_db()
    assert not asked.taken, "the sweep has it sent again"


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite does not go away")
def test_a_sweep_that_cannot_be_noted_is_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    cut_off()
    worker.see_the_scheduler(tasks.sweep, state=SUCCESS)
    assert "not_seen" in caplog.text
    worker.see_the_scheduler(tasks.sweep, state=SUCCESS)
    assert health.was_seen(operations.SCHEDULER)
