"""Every job ends, whatever happens to its worker, and nothing of a job that did not end well is ever seen."""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from licensesync import feeds
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import consolidate, decide, forget, receive_usage, run_job, sweep, take_in
from licensesync.flows.delivery import Delivery
from licensesync.licenses import services as licenses
from licensesync.licenses.models import Count, LicenseChange, LicenseIndex
from licensesync.syncing import services as syncing
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, Phase, UsageFile
from licensesync.usage import bulk, guarded, staging
from licensesync.usage import services as usage
from licensesync.usage.models import OPEN, ServerUserAccount
from tests.flows.lists import (
    account,
    cloud_list,
    cloud_user,
    import_one,
    new_enterprise,
    people,
    server_export,
    waiting_job,
)
from tests.flows.workers import (
    assert_nothing_left_over,
    end_of,
    kill,
    let_oversleep,
    take_up_again,
    together,
    wait_for,
)

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = [account(number, f"user-{number}@octo.example") for number in range(1, 41)]
SECOND = [*FIRST[:35], account(99, "new@octo.example"), account(1, "changed@octo.example")][1:]

# Where a worker can be stopped: before the step of the name.
STEPS = [
    (staging, "compare_server_list"),
    (usage, "apply_server_diff"),
    (consolidate, "count_again"),
    (licenses, "writing_licenses"),
    (licenses, "end_licenses"),
    (licenses, "write_accounts"),
    (licenses, "tally"),
    (licenses, "finish_count"),
]
STEP_NAMES = [name for _, name in STEPS]


@pytest.fixture
def enterprise() -> Enterprise:
    enterprise = new_enterprise()
    import_one(enterprise, server_export(FIRST))
    return enterprise


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
def test_a_killed_worker_loses_nothing(
    enterprise: Enterprise, step: tuple[Any, str], tmp_path: Any, settings: Any
) -> None:
    settings.HEARTBEAT_SECONDS, settings.STALLED_SECONDS = 0.2, 1
    job, before = waiting_job(enterprise, server_export(SECOND)), people(enterprise)
    kill(job, step, tmp_path / "there")
    assert people(enterprise) == before, "the last good figures stay"
    assert end_of(job)[0] == JobState.RUNNING
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert job.attempts == 2
    assert_nothing_left_over(enterprise)
    expected = {frozenset({("ghes.example", each["login"])}) for each in SECOND}
    assert people(enterprise) == expected


def test_after_three_workers_the_job_fails_and_says_so(enterprise: Enterprise, tmp_path: Any, settings: Any) -> None:
    settings.HEARTBEAT_SECONDS, settings.STALLED_SECONDS = 0.2, 1
    job = waiting_job(enterprise, server_export(SECOND))
    for attempt in (1, 2, 3):
        kill(job, STEPS[0], tmp_path / str(attempt))
        wait_for(lambda: bool(syncing.reap_stalled()))
    assert end_of(job) == (JobState.FAILURE, "worker_stopped")
    next_job = waiting_job(enterprise, server_export(FIRST[:38]))
    run_job.run_job(next_job.pk)
    assert end_of(next_job) == (JobState.SUCCESS, "")
    assert_nothing_left_over(enterprise)


@pytest.mark.parametrize("step", STEPS, ids=STEP_NAMES)
def test_cancel_at_any_step(
    enterprise: Enterprise, step: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HEARTBEAT_SECONDS = 0.1
    if step[1] == "finish_count" and connection.vendor == "sqlite":
        pytest.skip("on SQLite nobody can cancel while the one short transaction writes")
    job, before = waiting_job(enterprise, server_export(SECOND)), people(enterprise)
    original = getattr(*step)

    def cancel_first(*args: Any, **more: Any) -> Any:
        canceling = threading.Thread(target=cancel_in_thread, args=(job,))
        canceling.start()
        canceling.join(2)  # a transaction that holds the row lets nobody cancel before its end
        return original(*args, **more)

    monkeypatch.setattr(*step, cancel_first)
    run_job.run_job(job.pk)
    state, _ = end_of(job)
    assert_nothing_left_over(enterprise)
    if state == JobState.CANCELED:
        assert people(enterprise) == before
    else:  # too late, and then wholly
        assert state == JobState.SUCCESS
        assert step[1] == "finish_count"


def cancel_in_thread(job: LicenseSyncJob) -> None:
    try:
        syncing.cancel(job)
    finally:
        connection.close()


@pytest.mark.parametrize("step", ["writing_licenses", "end_licenses", "write_changes"])
def test_a_worker_that_was_taken_for_dead_changes_nothing(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    job = waiting_job(enterprise, server_export(SECOND))
    expected = {frozenset({("ghes.example", each["login"])}) for each in SECOND}
    let_oversleep(monkeypatch, job, (licenses, step))
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert job.attempts == 2
    assert_nothing_left_over(enterprise)
    assert people(enterprise) == expected


def test_who_wakes_up_to_what_others_have_finished_has_not_failed(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = waiting_job(enterprise, server_export(SECOND))
    take = take_in.take_in

    def take_if_there(*args: Any) -> None:
        """Whoever is done with a job puts away what it was reading."""
        if end_of(job)[0] == JobState.SUCCESS:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        take(*args)

    monkeypatch.setattr(take_in, "take_in", take_if_there)
    let_oversleep(monkeypatch, job, (take_in, "take_in"))
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert "job_given_up" in caplog.text
    assert "job_failed" not in caplog.text


def test_whoever_takes_over_waits_for_all_that_the_owner_is_writing(enterprise: Enterprise) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite one connection writes at a time")
    count = licenses.begin_count(enterprise.pk, owner="first")
    assert count is not None
    writing, happened = threading.Event(), []

    def write_beside() -> None:
        with guarded.writing():
            writing.set()
            other.join(0.5)  # it can't end meanwhile
            happened.append("written")

    def take_turn() -> None:
        writing.wait()
        mine = licenses.unfinished_count(enterprise)
        assert mine is not None
        wait_for(lambda: licenses.take_over(mine, owner="second"))  # on a busy machine a second may not be enough
        happened.append("taken over")
        connection.close()

    other = threading.Thread(target=take_turn)
    with guarded.by(lambda: licenses.check_turn(count)):
        with guarded.beside() as beside:
            beside(write_beside)
            other.start()
            writing.wait()
            with guarded.writing():  # both of the owner's connections at once
                happened.append("written too")
        other.join()
        assert happened == ["written too", "written", "taken over"]
        with pytest.raises(licenses.TurnLost), guarded.writing():
            pass


@pytest.mark.parametrize(
    "take_back",
    [licenses.abandon_count, lambda count: licenses.take_over(count, owner="another")],
    ids=["own", "other"],
)
def test_who_wakes_up_while_taking_back_deletes_nothing_of_others(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, take_back: Callable[[Count], Any]
) -> None:
    count = licenses.begin_count(enterprise.pk, owner="first")
    assert count is not None
    undo = usage.undo

    def freeze_after_the_last(table: str, *args: Any) -> Any:
        undo(table, *args)
        if table == licenses.GENERATIONAL[-1]:
            theirs = licenses.unfinished_count(enterprise)
            assert theirs is not None
            Count.objects.filter(pk=theirs.pk).update(owner="second")
            change = {"number": 1, "kind": LicenseChange.Kind.CAME, "at": timezone.now()}
            LicenseChange.objects.create(enterprise=enterprise, generation=theirs.generation, **change)

    monkeypatch.setattr(licenses, "undo", freeze_after_the_last)
    with pytest.raises(licenses.TurnLost):
        take_back(count)
    assert LicenseChange.objects.filter(enterprise=enterprise, generation=count.generation).exists()


def test_in_the_foreground_nobody_need_sweep(enterprise: Enterprise, settings: Any) -> None:
    """What a worker left behind that is gone for good, the job itself and the enterprise's turn."""
    settings.STALLED_SECONDS = 1
    job = waiting_job(enterprise, server_export(SECOND))
    gone = syncing.claim(job.pk)
    assert gone is not None
    assert licenses.begin_count(enterprise.pk, owner=f"{gone.pk}:{gone.claim_token}") is not None
    run_job.run_to_the_end(job)
    assert (job.state, job.attempts) == (JobState.SUCCESS, 2)


def test_a_newer_file_takes_the_place_of_one_that_waits(enterprise: Enterprise) -> None:
    older = waiting_job(enterprise, server_export(SECOND))
    newer = waiting_job(enterprise, server_export(FIRST[:39]))
    assert end_of(older) == (JobState.CANCELED, "replaced")
    run_job.run_job(older.pk)
    run_job.run_job(newer.pk)
    assert end_of(newer) == (JobState.SUCCESS, "")
    assert len(people(enterprise)) == 39


def test_two_workers_race_for_one_job(enterprise: Enterprise) -> None:
    job = waiting_job(enterprise, server_export(SECOND))

    def race() -> None:
        run_job.run_job(job.pk)

    together(*[race] * 2)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert job.attempts == 1
    assert_nothing_left_over(enterprise)


def test_deployments_of_one_enterprise_take_turns(enterprise: Enterprise) -> None:
    jobs = [
        waiting_job(enterprise, server_export([account(1, "user-1@octo.example")], host=f"{name}.example"))
        for name in ("a", "b", "c")
    ]
    jobs.append(waiting_job(enterprise, cloud_list([cloud_user("ana", "user-1@octo.example")])))
    waiting = iter(jobs)
    lock = threading.Lock()

    def work() -> None:
        with lock:
            job = next(waiting)
        wait_for(lambda: work_on(job))

    def work_on(job: LicenseSyncJob) -> bool:
        run_job.run_job(job.pk)
        return end_of(job)[0] == JobState.SUCCESS

    together(*[work] * len(jobs))
    assert_nothing_left_over(enterprise)
    one = {("ghes.example", "user-1"), ("cloud", "ana"), *((f"{name}.example", "user-1") for name in ("a", "b", "c"))}
    assert frozenset(one) in people(enterprise)
    assert len(people(enterprise)) == len(FIRST)


def test_a_job_that_waits_for_its_turn_is_no_attempt(enterprise: Enterprise) -> None:
    other = waiting_job(enterprise, server_export([account(1)], host="two.example"))
    holder = syncing.claim(other.pk)
    assert holder is not None
    count = licenses.begin_count(enterprise.pk, owner=holder.claim_token)
    assert count is not None
    job = waiting_job(enterprise, server_export(SECOND))
    run_job.run_job(job.pk)
    assert end_of(job)[0] == JobState.PENDING
    assert (job.phase, job.attempts) == (Phase.WAITING_FOR_COUNT, 0)
    licenses.abandon_count(count)


def test_a_job_waits_while_a_frozen_worker_holds_the_turn(enterprise: Enterprise) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite whoever is frozen amid a transaction holds the whole database")
    count = licenses.begin_count(enterprise.pk, owner="a worker that is frozen")
    assert count is not None
    frozen = connection.copy()
    try:
        with frozen.cursor() as cursor:
            cursor.execute("BEGIN; SELECT id FROM licenses_count WHERE id = %s FOR SHARE", [count.pk])
        job = waiting_job(enterprise, server_export(SECOND))
        run_job.run_job(job.pk)
        assert end_of(job)[0] == JobState.PENDING
        assert (job.phase, job.attempts) == (Phase.WAITING_FOR_COUNT, 0)
    finally:
        frozen.close()
    run_job.run_to_the_end(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert_nothing_left_over(enterprise)


def test_lost_messages_are_found_by_the_sweep(enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep sends every file and job again that nobody has taken; a message is only a hint."""
    file = receive_usage.receive_file(BytesIO(server_export(SECOND)), enterprise=enterprise, name="x", uploaded_by=None)
    Deployment.objects.filter(enterprise=enterprise).update(list_date=timezone.now() - timedelta(days=7))
    UsageFile.objects.filter(pk=file.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr("licensesync.flows.queue._send", lambda task, row_id, **_: sent.append((task, row_id)))
    monkeypatch.setattr("licensesync.flows.queue.waiting_messages", lambda _queue: 0)
    sweep.sweep()
    assert sent == [("licensesync.recognise_file", file.pk)]
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    sent.clear()
    sweep.sweep()
    assert sent == [("licensesync.run_job", file.job_id)]


def looked_at_by_process(file: UsageFile, there: Path) -> int:
    """A real process that looks at a file and never comes to an end; gives its process id."""
    connection.close()
    process = os.fork()
    if process == 0:
        try:

            def hang(*_: Any, **__: Any) -> None:
                there.touch()
                time.sleep(60)

            feeds.recognise = hang  # type: ignore[assignment]
            receive_usage.recognise_file(file.pk)
        finally:
            os._exit(0)
    wait_for(there.exists)
    return process


def test_a_file_that_somebody_looks_at_is_left_to_them(enterprise: Enterprise, tmp_path: Path) -> None:
    file = receive_usage.receive_file(BytesIO(server_export(SECOND)), enterprise=enterprise, name="x", uploaded_by=None)
    process = looked_at_by_process(file, tmp_path / "there")
    try:
        receive_usage.recognise_file(file.pk)  # as the sweep sends it again, since it takes long
        file.refresh_from_db()
        assert (file.state, file.kind, file.attempts) == (FileState.RECOGNISING, "", 1)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert (file.state, file.attempts) == (FileState.ACCEPTED, 2)


def test_a_file_that_kills_its_workers_is_refused(enterprise: Enterprise, tmp_path: Path) -> None:
    file = receive_usage.receive_file(BytesIO(server_export(SECOND)), enterprise=enterprise, name="x", uploaded_by=None)
    for attempt in (1, 2, 3):
        process = looked_at_by_process(file, tmp_path / str(attempt))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert (file.state, file.problem_code, file.problem_params) == (
        FileState.REFUSED,
        "worker_stopped",
        {"attempts": 3},
    )
    assert receive_usage.try_again(file)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.state == FileState.ACCEPTED, "whatever it was has passed"


def test_a_database_that_goes_away_is_no_fault_of_a_file(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("nobody can cut a file off")
    file = receive_usage.receive_file(BytesIO(server_export(SECOND)), enterprise=enterprise, name="x", uploaded_by=None)
    original = decide._job_for

    def cut_off(delivery: Delivery, **how: Any) -> Any:
        backend = bulk.value("SELECT pg_backend_pid()")
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        other.close()
        return original(delivery, **how)

    with monkeypatch.context() as cutting:
        cutting.setattr(decide, "_job_for", cut_off)
        with pytest.raises(DatabaseError):
            receive_usage.recognise_file(file.pk)
    connection.close()
    file.refresh_from_db()
    assert file.state == FileState.RECOGNISING
    receive_usage.recognise_file(file.pk)  # by the sweep
    file.refresh_from_db()
    assert file.state == FileState.ACCEPTED


def test_a_file_whose_bytes_are_gone_says_so(enterprise: Enterprise, settings: Any) -> None:
    file = receive_usage.receive_file(BytesIO(server_export(SECOND)), enterprise=enterprise, name="x", uploaded_by=None)
    (settings.UPLOADS_DIR / file.stored_name).unlink()
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert (file.state, file.problem_code) == (FileState.REFUSED, "payload_gone")


def pragma(text: str) -> tuple[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {text}")
        row: tuple[int] = cursor.fetchone()
        cursor.fetchall()
    return row


def test_a_full_disk(enterprise: Enterprise) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite can be told how large its file may grow")
    before = people(enterprise)
    job = waiting_job(enterprise, server_export([account(n, f"x{n}@octo.example") for n in range(1, 20_000)]))
    [pages] = pragma("page_count")
    pragma(f"max_page_count = {pages + 50}")  # until the connection is closed, as it is after a job
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.FAILURE, "disk_full")
    assert people(enterprise) == before
    again = waiting_job(enterprise, server_export(SECOND))
    run_job.run_job(again.pk)
    assert end_of(again) == (JobState.SUCCESS, "")
    assert_nothing_left_over(enterprise)


def test_payloads_are_kept_for_a_while_only(enterprise: Enterprise, settings: Any) -> None:
    job = waiting_job(enterprise, server_export(SECOND))
    file = job.files.get()
    path = settings.UPLOADS_DIR / file.stored_name
    stray = settings.UPLOADS_DIR / "stray"
    stray.write_bytes(b"of an upload that broke off")
    UsageFile.objects.filter(pk=file.pk).update(created_at=timezone.now() - timedelta(days=30))
    LicenseSyncJob.objects.filter(pk=job.pk).update(accept_older=True)
    forget.forget_old()
    assert path.exists(), "the job still needs it"
    assert stray.exists(), "it may be written right now"
    run_job.run_job(job.pk)
    os.utime(stray, (0, 0))
    forget.forget_old()
    assert not path.exists()
    assert not stray.exists()
    file.refresh_from_db()
    assert file.state == FileState.ACCEPTED


def test_superseded_rows_go_after_their_time(enterprise: Enterprise, settings: Any) -> None:
    import_one(enterprise, server_export(SECOND))
    ended = ServerUserAccount.objects.filter(valid_to__lt=OPEN)
    forget.forget_old()
    assert ended.exists(), "somebody may be paging through the last count"
    settings.SUPERSEDED_SECONDS = 0
    before = people(enterprise)
    forget.forget_old()
    assert not ended.exists()
    assert LicenseIndex.objects.filter(enterprise=enterprise).count() == 1, "on SQLite it names people"
    assert people(enterprise) == before
