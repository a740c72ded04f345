"""A worker at its job: it shows its progress, lives by a heartbeat, and stops when its claim is gone.

Asked to stop (SIGTERM), it has a while to finish; then it gives the job back, and another worker starts it again.
"""

import mmap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from licensesync.syncing import services
from licensesync.syncing.models import LicenseSyncJob, Phase

log = structlog.get_logger()

MOST = 2**31 - 1  # what a progress may be

# Whether the worker was asked to stop, which only it hears: one byte that it shares with the processes it forks.
_stopping = mmap.mmap(-1, 1)


def stop_soon() -> None:
    """Have the jobs of this worker given back if they are not done after HAND_BACK_SECONDS."""
    _stopping[0] = 1


class ClaimLost(Exception):
    """The job was canceled, or given to somebody else because we were silent for too long."""


class Work:
    """What a job has done so far. `report` raises ClaimLost as soon as the heartbeat has noticed."""

    def __init__(self, job: LicenseSyncJob) -> None:
        self.job = job
        self._progress: tuple[Phase, int, int | None] = (Phase.WAITING, 0, None)
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._news = threading.Event()

    def report(self, phase: Phase, done: int, total: int | None) -> None:
        if self._lost.is_set():
            raise ClaimLost
        changed_phase = phase is not self._progress[0]
        # What the other side announces may be any number; one that the row can't hold would silence the heartbeat.
        self._progress = (phase, min(done, MOST), None if total is None else min(total, MOST))
        if changed_phase:
            self._news.set()

    @property
    def progress(self) -> tuple[int, int | None]:
        """Done and total, as last reported."""
        return self._progress[1:]

    def pause(self, seconds: float) -> None:
        """Wait while staying at work; raises ClaimLost as soon as there is no job to wait for."""
        if self._lost.wait(seconds):
            raise ClaimLost

    def keep_alive(self) -> None:
        """The heartbeat: a thread with a database connection of its own, so that no long statement silences it.

        It writes at every new phase at once, else twice a second while numbers move, at least every beat.
        """
        written: tuple[Phase, int, int | None] | None = None
        silent = 0.0
        asked_to_stop: float | None = None
        pause = min(0.5, settings.HEARTBEAT_SECONDS)
        try:
            while not self._stop.is_set():
                if _stopping[0]:
                    asked_to_stop = asked_to_stop or time.monotonic()
                    if time.monotonic() - asked_to_stop >= settings.HAND_BACK_SECONDS:
                        self._hand_back()
                        return
                if self._progress != written or silent >= settings.HEARTBEAT_SECONDS:
                    written, silent = self._progress, 0.0
                    try:
                        if not services.beat(self.job, *written):
                            self._lost.set()
                            return
                    except DatabaseError as error:
                        # A database that is away for a moment is no reason to give up; the reaper decides.
                        log.warning("heartbeat_failed", job=self.job.pk, error=str(error))
                        connection.close()
                self._news.wait(pause)
                self._news.clear()
                silent += pause
        finally:
            connection.close()

    def _hand_back(self) -> None:
        """Whoever works on the job notices at the next step, if it is not killed before; until then it can't write."""
        self._lost.set()
        try:
            services.release(self.job, until=timezone.now(), phase=Phase.WAITING)
        except DatabaseError as error:  # whoever finds it silent takes it up
            log.warning("job_not_handed_back", job=self.job.pk, error=str(error))
        else:
            log.info("job_handed_back", job=self.job.pk)

    def stop(self) -> None:
        self._stop.set()
        self._news.set()


@contextmanager
def at_work(job: LicenseSyncJob) -> Iterator[Work]:
    """Hold a claimed job with a heartbeat until the end of the block."""
    work = Work(job)
    heartbeat = threading.Thread(target=work.keep_alive, name=f"heartbeat-{job.pk}", daemon=True)
    heartbeat.start()
    try:
        yield work
    finally:
        work.stop()
        heartbeat.join()
