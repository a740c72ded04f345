"""The only writer of jobs: every move between their states (what ends for good: `forgetting`; files: `usage_files`).

A move is an UPDATE from the old state that must change exactly one row, so two movers can't both succeed. What a
worker writes names its claim token, so a worker that lost its claim changes nothing any more.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from licensesync.enterprises import audit_log
from licensesync.enterprises.models import AuditAction, Deployment, Enterprise
from licensesync.enterprises.queries import hold_enterprise
from licensesync.errors import BEING_DELETED, REPLACED, WORKER_STOPPED, ExpectedError
from licensesync.feeds import Recognition
from licensesync.syncing import clock, usage_files
from licensesync.syncing.models import (
    OPEN_STATES,
    UNATTENDED,
    JobKind,
    JobState,
    LicenseSyncJob,
    Phase,
    Trigger,
    UsageFile,
)
from licensesync.users.models import User


def create_file_job(
    *,
    deployment: Deployment,
    trigger: str,
    requested_by: User | None,
    files: Iterable[UsageFile],
    kind: JobKind = JobKind.FILE,
    accept_older: bool = False,
    accept_shrink: bool = False,
) -> LicenseSyncJob:
    """Within a transaction that holds the deployment (`hold_to_add`): a waiting job for files whose source is known. It
    takes the place of a job of its kind that still waits."""
    job = LicenseSyncJob(
        deployment=deployment,
        kind=kind,
        trigger=trigger,
        requested_by=requested_by,
        accept_older=accept_older,
        accept_shrink=accept_shrink,
        **_made_now(),
    )
    try:
        _put_in_place_of_waiting(job)
    except IntegrityError:  # the one that was running has just been given back to wait; there is no other
        _put_in_place_of_waiting(job)
    usage_files.accept_as(files, job)
    return job


def _put_in_place_of_waiting(new: LicenseSyncJob) -> None:
    waiting = LicenseSyncJob.objects.filter(deployment=new.deployment, kind=new.kind, state=JobState.PENDING)
    _close(waiting, JobState.CANCELED, ExpectedError(REPLACED, source=str(new.deployment)))
    with transaction.atomic():
        new.save(force_insert=True)


def job_for_sync(
    *, deployment: Deployment, trigger: Trigger, requested_by: User | None, accept_shrink: bool = False
) -> LicenseSyncJob:
    """The sync of a deployment that waits or runs, else a new one. A wait that is only for another try ends now.

    ExpectedError(BEING_DELETED).
    """
    with transaction.atomic():
        hold_enterprise(deployment.enterprise_id)
        hold_to_add(deployment)  # of two who ask at once, one makes it
        syncs = LicenseSyncJob.objects.filter(deployment=deployment, kind=JobKind.SYNC)
        job = syncs.filter(state__in=OPEN_STATES).order_by("pk").first()
        if job is not None:
            waiting = syncs.filter(pk=job.pk, state=JobState.PENDING)
            waiting.filter(phase=Phase.RETRYING).update(not_before=clock.now())
            if accept_shrink:  # one that runs already asks for it when it compares
                syncs.filter(pk=job.pk).update(accept_shrink=True)
            if trigger not in UNATTENDED:  # now somebody waits for it
                waiting.filter(trigger__in=UNATTENDED).update(trigger=trigger, requested_by=requested_by)
            job.refresh_from_db()
            return job
        return LicenseSyncJob.objects.create(
            deployment=deployment,
            kind=JobKind.SYNC,
            trigger=trigger,
            requested_by=requested_by,
            accept_shrink=accept_shrink,
            **_made_now(),
        )


def request_deletion(*, deployment: Deployment, requested_by: User | None) -> LicenseSyncJob:
    """The job that deletes a deployment. Its other open jobs end; a running worker notices at its next step.

    ExpectedError(BEING_DELETED): it is gone since the caller read it.
    """
    with transaction.atomic():
        hold_enterprise(deployment.enterprise_id)
        _hold(deployment)
        jobs = LicenseSyncJob.objects.filter(deployment=deployment, state__in=OPEN_STATES)
        if deletion := jobs.filter(kind=JobKind.DELETE).first():
            return deletion
        _close(jobs, JobState.CANCELED, None)
        audit_log.record(deployment.enterprise_id, AuditAction.INSTANCE_DELETE, str(deployment))
        return LicenseSyncJob.objects.create(
            deployment=deployment,
            kind=JobKind.DELETE,
            trigger=Trigger.DELETION,
            requested_by=requested_by,
            **_made_now(),
        )


def _made_now() -> dict[str, datetime]:
    now = clock.now()
    return {"created_at": now, "not_before": now}


def hold_to_add(deployment: Deployment) -> None:
    """Within a transaction: nobody else gives the deployment a job before the end of it. What came while it is being
    deleted would go with it, unseen: ExpectedError(BEING_DELETED)."""
    _hold(deployment)
    # Asked after the lock: rows that the locking statement joins would be those from before it had to wait.
    is_given_up = Enterprise.objects.filter(pk=deployment.enterprise_id, deleted_at__isnull=False).exists()
    deletions = LicenseSyncJob.objects.filter(deployment=deployment, kind=JobKind.DELETE, state__in=OPEN_STATES)
    if is_given_up or deletions.exists():
        raise ExpectedError(BEING_DELETED, source=str(deployment))


def _hold(deployment: Deployment) -> None:
    """Lock the row. Whoever had to wait for the end of a deletion finds none: ExpectedError(BEING_DELETED)."""
    if not list(Deployment.objects.select_for_update(no_key=True).filter(pk=deployment.pk)):
        raise ExpectedError(BEING_DELETED, source=str(deployment))


def accepts_shrink(job: LicenseSyncJob) -> bool:
    """Whether a claimed job may remove many accounts; somebody may have said so since it was claimed."""
    return claimed(job).filter(accept_shrink=True).exists()


def note_fetch(job: LicenseSyncJob, fetch: dict[str, Any]) -> None:
    """Keep what a fetch needs to go on with after a wait or a restart."""
    job.fetch = fetch
    claimed(job).update(fetch=fetch)


def attach(job: LicenseSyncJob, files: Sequence[tuple[Recognition, dict[str, Any]]]) -> bool:
    """Make what was fetched the list of its job: what each file is, and the fields of `UsageFile`. False when the job
    is not ours any more."""
    with transaction.atomic():
        hold_enterprise(job.deployment.enterprise_id)  # first, in lock order: the file refers to it, which locks it too
        if not claimed(job).select_for_update().exists():
            return False
        usage_files.create_fetched(job, files)
    return True


def claim(job_id: int) -> LicenseSyncJob | None:
    """Take a waiting job to work on. None: it is taken, over, not due yet, or its deployment is being worked on."""
    now = clock.now()
    token = secrets.token_hex(16)
    try:
        with transaction.atomic():
            claimed = LicenseSyncJob.objects.filter(pk=job_id, state=JobState.PENDING, not_before__lte=now).update(
                state=JobState.RUNNING,
                claim_token=token,
                heartbeat_at=now,
                started_at=Coalesce("started_at", now),
                attempts=F("attempts") + 1,
                phase=Phase.WAITING,
                progress_done=0,
                progress_total=None,
                problem_code="",
                problem_params={},
            )
    except IntegrityError:  # one running job per deployment
        return None
    if not claimed:
        return None
    return LicenseSyncJob.objects.select_related("deployment__enterprise", "requested_by").get(pk=job_id)


def claimed(job: LicenseSyncJob) -> QuerySet[LicenseSyncJob]:
    """The row of a job as long as the claim holds: a queryset of one or none."""
    return LicenseSyncJob.objects.filter(pk=job.pk, state=JobState.RUNNING, claim_token=job.claim_token)


def beat(job: LicenseSyncJob, phase: Phase, done: int, total: int | None) -> bool:
    """Say that the worker lives and how far it is. False: the claim is gone."""
    return bool(claimed(job).update(heartbeat_at=clock.now(), phase=phase, progress_done=done, progress_total=total))


def release(
    job: LicenseSyncJob,
    *,
    until: datetime,
    phase: Phase,
    progress: tuple[int, int | None] = (0, None),
    because: ExpectedError | None = None,
    is_attempt: bool = False,
) -> None:
    """Give a claimed job back, to be taken again later. `progress`: what it keeps; `is_attempt`: it had its try, while
    to wait for others is none."""
    reason = {"problem_code": because.problem.code, "problem_params": because.params} if because else {}
    done, total = progress
    _back_to_waiting(
        job,
        claimed(job),
        not_before=clock.shared(until),
        phase=phase,
        progress_done=done,
        progress_total=total,
        attempts=job.attempts if is_attempt else F("attempts") - 1,
        **reason,
    )


def _back_to_waiting(job: LicenseSyncJob, rows: QuerySet[LicenseSyncJob], **changes: Any) -> bool:
    """RUNNING to PENDING, of the job's row if it is among `rows`; where a newer job of this kind waits already, that
    one takes its place."""
    try:
        with transaction.atomic():
            return bool(rows.update(state=JobState.PENDING, claim_token="", **changes))
    except IntegrityError:
        return _close(rows, JobState.CANCELED, ExpectedError(REPLACED, source=str(job.deployment)))


def succeed(job: LicenseSyncJob, *, accounts_read: int, **outcome: Any) -> bool:
    """RUNNING to SUCCESS with the outcome's fields. False: the claim is gone."""
    # What was told last may be short of the end; and where nothing had changed, nobody has told how much there is.
    total = Coalesce("progress_total", Value(accounts_read))
    return bool(
        claimed(job).update(
            state=JobState.SUCCESS,
            finished_at=clock.now(),
            phase="",
            progress_done=total,
            progress_total=total,
            accounts_read=accounts_read,
            problem_code="",
            problem_params={},
            **outcome,
        )
    )


def fail(job: LicenseSyncJob, error: ExpectedError) -> bool:
    """RUNNING to FAILURE with its sentence. False: the claim is gone."""
    return _close(claimed(job), JobState.FAILURE, error)


def give_way(job: LicenseSyncJob, error: ExpectedError) -> None:
    """RUNNING to CANCELED: something newer has come, as the sentence says."""
    _close(claimed(job), JobState.CANCELED, error)


def cancel(job: LicenseSyncJob) -> bool:
    """Stop a waiting or running job; a running worker notices at its next step. False: it is over already."""
    return _close(LicenseSyncJob.objects.filter(pk=job.pk, state__in=OPEN_STATES), JobState.CANCELED, None)


def give_up(batch: UUID) -> None:
    """Whoever takes files in by hand has stopped: no worker goes on with them."""
    files = UsageFile.objects.filter(batch=batch)
    with transaction.atomic():
        jobs = LicenseSyncJob.objects.filter(pk__in=files.values("job"), state__in=OPEN_STATES)
        _close(jobs, JobState.CANCELED, None)
        usage_files.drop_undecided(batch)


def cancel_all(enterprise: Enterprise) -> None:
    """Within a transaction: end every open job of an enterprise; nobody makes another one before the end of it."""
    list(Deployment.objects.filter(enterprise=enterprise).order_by("pk").select_for_update(no_key=True))
    _close(
        LicenseSyncJob.objects.filter(deployment__enterprise=enterprise, state__in=OPEN_STATES), JobState.CANCELED, None
    )


def _close(jobs: Any, state: JobState, error: ExpectedError | None) -> bool:
    return bool(
        jobs.update(
            state=state,
            finished_at=clock.now(),
            phase="",
            problem_code=error.problem.code if error else "",
            problem_params=error.params if error else {},
        )
    )


def reap_stalled() -> list[LicenseSyncJob]:
    """Take running jobs from workers that are gone: back to waiting, or failed after the last attempt."""
    reaped = []
    for job in LicenseSyncJob.objects.filter(_is_silent(), state=JobState.RUNNING).select_related("deployment"):
        silent = claimed(job).filter(_is_silent())  # asked again: a heartbeat may have come meanwhile
        if job.attempts < settings.MAX_ATTEMPTS:
            moved = _back_to_waiting(job, silent, not_before=clock.now())
        else:
            moved = _close(silent, JobState.FAILURE, ExpectedError(WORKER_STOPPED, attempts=job.attempts))
        if moved:
            reaped.append(job)
    return reaped


def _is_silent() -> Q:
    """As of now. A heartbeat in the future is from before the clock was put back; a living worker corrects it soon."""
    now, patience = clock.now(), timedelta(seconds=settings.STALLED_SECONDS)
    return Q(heartbeat_at__lt=now - patience) | Q(heartbeat_at__gt=now + patience)


def hurry(enterprise: Enterprise) -> None:
    """Let the jobs that wait for the enterprise's turn try at once."""
    LicenseSyncJob.objects.filter(
        deployment__enterprise=enterprise, state=JobState.PENDING, phase=Phase.WAITING_FOR_COUNT
    ).update(not_before=clock.now())
