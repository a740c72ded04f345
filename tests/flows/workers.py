"""Workers that are killed, race and come back, and what must be true of a job and its enterprise afterwards."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensesync.enterprises.models import Enterprise
from licensesync.flows import run_job
from licensesync.licenses.models import ConsumedLicense, Count, LicensedAccount
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.usage.models import OPEN, CloudAddress, CloudUser, ServerUserAccount


def end_of(job: LicenseSyncJob) -> tuple[str, str]:
    job.refresh_from_db()
    return job.state, job.problem_code


def assert_nothing_left_over(enterprise: Enterprise) -> None:
    """No row of an attempt that did not end well, and no turn that nobody gives back."""
    enterprise.refresh_from_db()
    assert not Count.objects.filter(enterprise=enterprise, finished_at=None).exists()
    for model in (ConsumedLicense, LicensedAccount, ServerUserAccount, CloudUser, CloudAddress):
        assert not model.objects.filter(valid_from__gt=enterprise.generation).exists(), model
        assert not model.objects.filter(valid_to__gt=enterprise.generation, valid_to__lt=OPEN).exists(), model


@contextmanager
def worker(job: LicenseSyncJob, stop_before: tuple[Any, str], then: Callable[[], Any]) -> Iterator[int]:
    """A real process that works on a job and calls `then` before a step; gives its process id."""
    module, name = stop_before
    original = getattr(module, name)
    connection.close()
    process = os.fork()
    if process == 0:
        try:

            def stop(*args: Any, **more: Any) -> Any:
                then()
                return original(*args, **more)

            setattr(module, name, stop)
            run_job.run_job(job.pk)
        finally:
            os._exit(0)
    try:
        yield process
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def together(*several: Callable[[], Any]) -> None:
    """Do all of it at once, each with a connection of its own; fails with whatever failed."""
    failures: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def kill(job: LicenseSyncJob, step: tuple[Any, str], there: Path, *, call: int = 1) -> None:
    """Have a worker take the job, and kill it right before its nth call of a step."""
    calls = 0

    def hang() -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            there.touch()
            time.sleep(60)

    with worker(job, step, hang):
        wait_for(there.exists)


def take_up_again(job: LicenseSyncJob) -> None:
    """What the sweep and the next worker do."""
    if end_of(job)[0] == JobState.RUNNING:
        wait_for(lambda: bool(syncing.reap_stalled()))
    run_job.run_job(job.pk)


def let_oversleep(monkeypatch: pytest.MonkeyPatch, job: LicenseSyncJob, step: tuple[Any, str]) -> None:
    """Have whoever works on the job sleep through its time before a step: somebody else does the job, and then it wakes
    up and goes on where it was."""
    module, name = step
    original = getattr(module, name)

    def oversleep(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(module, name, original)
        other = threading.Thread(target=_take_over, args=(job,))
        other.start()
        other.join()
        assert end_of(job) == (JobState.SUCCESS, "")
        return original(*args, **more)

    monkeypatch.setattr(module, name, oversleep)


def _take_over(job: LicenseSyncJob) -> None:
    try:
        for _ in range(100):  # a beat may come in between
            LicenseSyncJob.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
            if [reaped.pk for reaped in syncing.reap_stalled()] == [job.pk]:
                break
        run_job.run_job(job.pk)
    finally:
        connection.close()


def cut_off() -> None:
    """PostgreSQL ends our connection, as when it is started again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [ours] = cursor.fetchone()
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ours])
