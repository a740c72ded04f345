"""A worker is free: it takes the job whose turn it is, and works on it until it ends or has to wait.

From top to bottom: the message only said that a job waits, so which one is next is decided here and now (`run_next`);
claim it, do what it is for (delete the deployment, or fetch the list where no file brought it, and take it in), and
write how it ended into its row.
"""

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from licensesync.errors import BEING_DELETED, DATABASE_BUSY, OVERTAKEN, UNEXPECTED, ExpectedError
from licensesync.flows import delete_deployment, queue, sync_now, take_in
from licensesync.flows.delivery import Unanswered
from licensesync.flows.mishaps import expected_error, is_busy, is_cut_off
from licensesync.flows.take_in import Overtaken
from licensesync.flows.turns import NotOurTurn
from licensesync.licenses import services as licenses
from licensesync.syncing import order, usage_files
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobKind, LicenseSyncJob, Phase
from licensesync.syncing.working import ClaimLost, at_work

log = structlog.get_logger()

OF_OTHERS = "canceled, given back, or taken over by another worker"
BUSY_PAUSE = timedelta(minutes=1)  # before a job that met a busy database tries again; six times as long the next time
TURN_PAUSE = timedelta(seconds=3)  # before a job that waits for another count of its enterprise tries again


def run_next(announced: int) -> None:
    """Work on the waiting job whose turn it is; on one for which nobody waits only if the announced one is such a job.

    So a worker that is kept for people (queue `interactive`) never takes a scheduled job, while the others take
    what people wait for first.
    """
    takes_all = order.is_unattended(announced)
    for job in order.due_jobs():
        if job.is_unattended and not takes_all:
            continue
        if job.id != announced:  # its log lines must not name the request that announced the other job
            structlog.contextvars.unbind_contextvars("request")
        if run_job(job.id):
            return


def run_job(job_id: int) -> bool:
    """Work on a waiting job; False when it does not wait any more. Every end is written into the job's row."""
    job = syncing.claim(job_id)
    if job is None:
        return False
    enterprise = job.deployment.enterprise
    with structlog.contextvars.bound_contextvars(job=job.pk), at_work(job) as work:
        try:
            if job.kind == JobKind.DELETE:
                delete_deployment.delete(job, work)
            else:
                if job.kind == JobKind.SYNC:
                    sync_now.fetch(job, work)
                take_in.take_in(job, work)
        except sync_now.Later as later:
            syncing.release(job, until=later.until, phase=later.phase, progress=work.progress, because=later.because)
        except NotOurTurn:
            syncing.release(job, until=timezone.now() + TURN_PAUSE, phase=Phase.WAITING_FOR_COUNT)
            return True
        except (ClaimLost, licenses.TurnLost):
            log.info("job_given_up", reason=OF_OTHERS)
        except Overtaken:
            syncing.give_way(job, ExpectedError(OVERTAKEN, source=str(job.deployment)))
        except Unanswered as unanswered:
            _ask(job, unanswered)
        except Exception as error:
            if is_cut_off(error):  # no fault of the job: it falls silent, so the sweep has it taken up again
                log.warning("job_left", reason="the connection to the database was cut")
                return True
            _fail_or_try_again(job, error)
        finally:
            connection.close()  # its temporary tables go with it
    syncing.hurry(enterprise)
    queue.run_due_jobs()
    queue.compare(enterprise.pk, somebody_waits=False)
    return True


def run_to_the_end(job: LicenseSyncJob) -> None:
    """Work on a job in this process, or wait while another worker does, or until it may go on. No sweep need run beside
    it: what a dead worker holds, this job or the enterprise's turn, is taken from it here.

    ExpectedError(BEING_DELETED): its deployment was deleted meanwhile, and the job with it.
    """
    source = str(job.deployment)
    while job.is_open:
        run_job(job.pk)
        try:
            job.refresh_from_db()
        except LicenseSyncJob.DoesNotExist:
            raise ExpectedError(BEING_DELETED, source=source) from None
        if job.is_open:
            time.sleep(0.5)
            syncing.reap_stalled()


def _ask(job: LicenseSyncJob, unanswered: Unanswered) -> None:
    """End the job, and have its files wait for the owner's answer, unless nobody can be asked or the job was canceled
    meanwhile."""
    with transaction.atomic():
        files = list(job.files.all())
        if syncing.fail(job, unanswered.refusal) and all(file.somebody_answers for file in files):
            usage_files.ask(files, unanswered.question, **unanswered.params)


def _try_again(job: LicenseSyncJob) -> None:
    """Give the job back, as others held the database for longer than it waits."""
    pause = BUSY_PAUSE * 6 ** (job.attempts - 1)
    busy = ExpectedError(DATABASE_BUSY)
    syncing.release(job, until=timezone.now() + pause, phase=Phase.RETRYING, because=busy, is_attempt=True)
    log.warning("job_waits", problem=busy.problem.code, attempt=job.attempts)


def _fail_or_try_again(job: LicenseSyncJob, error: Exception) -> None:
    """End the job with a sentence: the expected error's own, or one for what can happen to any program. What only met a
    busy database has attempts before that."""
    if is_busy(error) and job.attempts < settings.MAX_ATTEMPTS:
        _try_again(job)
        return
    expected = expected_error(error, otherwise=ExpectedError(UNEXPECTED, job=job.pk))
    source = {"enterprise": job.deployment.enterprise.slug, "source": str(job.deployment)}
    if not syncing.fail(job, expected):  # whoever has it now may have removed what we were reading
        log.info("job_given_up", reason=OF_OTHERS)
    elif expected.problem is UNEXPECTED:
        log.exception("job_failed", **source)
    else:
        log.warning("job_failed", problem=expected.problem.code, **source)
