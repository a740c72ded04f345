"""The writer of delivered files: every move between their states, of all files of one list together.

What is old goes by `syncing.forgetting`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db.models import F, Q, QuerySet

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import BEING_DELETED, WORKER_STOPPED, ExpectedError
from licensesync.feeds import FeedKind, Recognition
from licensesync.syncing import clock
from licensesync.syncing.models import (
    OPEN_STATES,
    FileState,
    JobKind,
    JobState,
    LicenseSyncJob,
    Question,
    Trigger,
    UsageFile,
)


def create_file(enterprise: Enterprise, **facts: Any) -> UsageFile:
    """What was delivered; it is to be looked at."""
    return UsageFile.objects.create(enterprise=enterprise, created_at=clock.now(), **facts)


def create_fetched(job: LicenseSyncJob, files: Sequence[tuple[Recognition, dict[str, Any]]]) -> None:
    """What a job fetched, as its list. What an older one of the same deployment asks is settled by it."""
    asking = UsageFile.objects.filter(deployment=job.deployment, state=FileState.NEEDS_ANSWER)
    asking.filter(job__kind=JobKind.SYNC).update(state=FileState.DISCARDED)
    together: dict[str, Any] = {"batch": uuid4(), "batch_size": len(files)}  # one answer is for all of them
    for recognition, facts in files:
        UsageFile.objects.create(
            enterprise_id=job.deployment.enterprise_id,
            deployment=job.deployment,
            job=job,
            is_fetched=True,
            state=FileState.ACCEPTED,
            kind=recognition.kind,
            recognition=msgspec.to_builtins(recognition),
            **together,
            **facts,
        )


def begin_attempt(file: UsageFile) -> bool:
    """Count one more look at a file. False: it is decided already, or refused now, because whoever looked at it before
    never came to an end."""
    undecided = UsageFile.objects.filter(pk=file.pk, state=FileState.RECOGNISING)
    if undecided.filter(attempts__lt=settings.MAX_ATTEMPTS).update(attempts=F("attempts") + 1):
        return True
    refuse([file], ExpectedError(WORKER_STOPPED, attempts=settings.MAX_ATTEMPTS))
    return False


def note_recognition(file: UsageFile, recognition: Recognition) -> None:
    """Keep what a file was recognised as; it is decided about later, maybe together with others."""
    UsageFile.objects.filter(pk=file.pk, state=FileState.RECOGNISING).update(
        kind=recognition.kind, recognition=msgspec.to_builtins(recognition)
    )


def hold_recognising(files: Collection[UsageFile]) -> bool:
    """Within a transaction: whether these files are undecided still. Nobody else decides before the end of it."""
    undecided = _rows(files).filter(state=FileState.RECOGNISING)
    return len(undecided.select_for_update().order_by("pk")) == len(files)


def _rows(files: Iterable[UsageFile]) -> QuerySet[UsageFile]:
    return UsageFile.objects.filter(pk__in=[file.pk for file in files])


def _same_list(file: UsageFile) -> Q:
    """The files that are one list: all pages of a cloud list that were added together, else this one."""
    pages = [kind for kind in FeedKind if kind.is_page]
    if file.kind in pages:
        return Q(enterprise=file.enterprise_id, batch=file.batch, kind__in=pages)
    return Q(pk=file.pk)


def asking_together(file: UsageFile) -> list[UsageFile]:
    """Within a transaction: the files that one answer is for, all pages of a cloud list; empty when none is needed."""
    asking = UsageFile.objects.filter(_same_list(file), state=FileState.NEEDS_ANSWER).select_related("enterprise")
    return list(asking.select_for_update(of=("self",)).order_by("pk"))


def stopped_together(file: UsageFile) -> list[UsageFile]:
    """Within a transaction: the stored files of the failed or canceled job of a file, or of a list that was refused by
    mishap."""
    stopped = UsageFile.objects.exclude(stored_name="").select_related("enterprise", "deployment", "uploaded_by")
    if file.job_id:
        stopped = stopped.filter(job=file.job_id, job__state__in=(JobState.FAILURE, JobState.CANCELED))
        stopped = stopped.filter(state=FileState.ACCEPTED)
    else:
        stopped = stopped.filter(_same_list(file), state=FileState.REFUSED, problem_code=file.problem_code)
    return list(stopped.select_for_update(of=("self",)).order_by("pk"))


def look_again(files: Iterable[UsageFile]) -> None:
    """Forget how files ended; they are to be looked at and decided about once more."""
    _rows(files).update(
        state=FileState.RECOGNISING, job=None, attempts=0, problem_code="", problem_params={}, dismissed=False
    )


def take_answer(
    files: Iterable[UsageFile], *, deployment: Deployment | None, accept_older: bool, accept_shrink: bool
) -> None:
    """Write an answer into files, which are to be decided about again. What was accepted before stays accepted."""
    for file in files:
        file.deployment = deployment or file.deployment
        file.accept_older = file.accept_older or accept_older
        file.accept_shrink = file.accept_shrink or accept_shrink
        file.state, file.question, file.question_params = FileState.RECOGNISING, "", {}
        file.save()


def ask(files: Iterable[UsageFile], question: Question, **params: Any) -> None:
    """Wait for the owner's answer."""
    _rows(files).update(state=FileState.NEEDS_ANSWER, question=question, question_params=params)


def refuse(files: Iterable[UsageFile], error: ExpectedError, *, deployment: Deployment | None = None) -> None:
    """End files that become no job, with a sentence."""
    changes: dict[str, Any] = {"deployment": deployment} if deployment else {}
    if error.problem is BEING_DELETED:  # else the refusal goes with it; a token of the deployment sees no other file
        _rows(files).exclude(trigger=Trigger.PUSHED).update(deployment=None)
    _rows(files).filter(state=FileState.RECOGNISING).update(
        state=FileState.REFUSED, problem_code=error.problem.code, problem_params=error.params, question="", **changes
    )


def accept_as(files: Iterable[UsageFile], job: LicenseSyncJob) -> None:
    """Make files the list of a job: a new one, or the one that took in the same list."""
    _rows(files).update(job=job, deployment=job.deployment, state=FileState.ACCEPTED, question="", question_params={})


def discard(file: UsageFile) -> None:
    """The owner does not want a file that asks something."""
    UsageFile.objects.filter(pk=file.pk, state=FileState.NEEDS_ANSWER).update(state=FileState.DISCARDED)


def drop_undecided(batch: UUID) -> None:
    """Whoever delivered these files does not want those any more that nobody has decided about."""
    UsageFile.objects.filter(batch=batch, state=FileState.RECOGNISING).update(state=FileState.DISCARDED)


def dismiss(file: UsageFile) -> None:
    """The owner has read the outcome of a list; the page need not show it any more."""
    UsageFile.objects.filter(_same_list(file), state=file.state, job=file.job_id).update(dismissed=True)


def dismiss_done(enterprise: Enterprise, *, until: int) -> None:
    """The owner wants none of the outcomes any more that there are, of files up to the one with the id `until`."""
    is_over = Q(state=FileState.ACCEPTED) & ~Q(job__state__in=OPEN_STATES)
    ours = UsageFile.objects.filter(enterprise=enterprise, dismissed=False, pk__lte=until)
    ours.filter(is_over | Q(state=FileState.REFUSED)).update(dismissed=True)
