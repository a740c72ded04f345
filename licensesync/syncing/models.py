"""The uploaded file and the job. Each row knows its state; only `syncing.services` writes jobs, only `usage_files`
files."""

import uuid
from typing import Any

import msgspec
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import (
    FEWER_IDENTITIES,
    OLDER_THAN_STORED,
    OTHER_PEOPLE,
    SERVER_CONFLICT,
    SERVER_UNKNOWN,
    SHRINKS_TOO_MUCH,
)
from licensesync.feeds import Recognition


class JobState(models.TextChoices):
    """GraphQL's EnterpriseServerUserAccountsUploadSyncState, and our RUNNING and CANCELED."""

    PENDING = "PENDING", _("Waiting")
    RUNNING = "RUNNING", _("Running")
    SUCCESS = "SUCCESS", _("Done")
    FAILURE = "FAILURE", _("Failed")
    CANCELED = "CANCELED", _("Canceled")


OPEN_STATES = (JobState.PENDING, JobState.RUNNING)


class JobKind(models.TextChoices):
    FILE = "file", _("From a file")
    IDENTITIES = "identities", _("Linked identities, from a file")
    SYNC = "sync", _("Fetched")
    DELETE = "delete", _("Deletion")


class Trigger(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    SCRIPT = "script", _("Script")
    PUSHED = "pushed", _("Pushed")  # by a deployment, with a token of its own
    SYNC_NOW = "sync_now", _("Sync now")
    SCHEDULED = "scheduled", _("Schedule")
    DELETION = "deletion", _("Delete instance")


NOBODY_ANSWERS = (Trigger.SCRIPT, Trigger.PUSHED)  # their lists are refused where an owner would be asked
UNATTENDED = (Trigger.SCHEDULED, Trigger.PUSHED)  # behind which nobody sits and waits


class Phase(models.TextChoices):
    """What a running job does. With n of m where m is known."""

    WAITING = "", _("Waiting")
    FETCHING = "fetching", _("Fetching")
    WAITING_FOR_REPORT = "waiting_for_report", _("Waiting for the server’s report")
    RATE_LIMITED = "rate_limited", _("Waiting, as GitHub asks")
    RETRYING = "retrying", _("Waiting to try again")
    READING = "reading", _("Reading accounts")
    COMPARING = "comparing", _("Comparing with the last list")
    WAITING_FOR_COUNT = "waiting_for_count", _("Waiting for another count of this enterprise")
    MATCHING = "matching", _("Matching people")
    COUNTING = "counting", _("Writing licenses")
    DELETING = "deleting", _("Deleting accounts")


class LicenseSyncJob(models.Model):
    """The life of one list, from the order to the outcome.

    PENDING -> RUNNING -> SUCCESS | FAILURE; PENDING | RUNNING -> CANCELED; RUNNING -> PENDING when its worker is gone.
    Whoever works on it holds `claim_token`; every write of a worker names it, so a worker that lost its claim
    changes nothing any more.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10, choices=JobKind.choices)
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    attempts = models.PositiveSmallIntegerField(default=0)
    claim_token = models.CharField(max_length=32, blank=True)
    heartbeat_at = models.DateTimeField(null=True)

    accept_older = models.BooleanField(default=False)
    accept_shrink = models.BooleanField(default=False)

    # What a fetch has to know when it goes on after a wait or a restart (`flows.sync_now.Fetch`)
    fetch: Any = models.JSONField(default=dict)

    phase = models.CharField(max_length=20, choices=Phase.choices, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(null=True)

    # The outcome. Null: not known (yet).
    accounts_read = models.PositiveIntegerField(null=True)
    accounts_added = models.PositiveIntegerField(null=True)
    accounts_changed = models.PositiveIntegerField(null=True)
    accounts_removed = models.PositiveIntegerField(null=True)
    accounts_suspended = models.PositiveIntegerField(null=True)
    invalid_emails = models.PositiveIntegerField(default=0)
    licenses_before = models.PositiveIntegerField(null=True)
    licenses_after = models.PositiveIntegerField(null=True)
    ignored_keys: Any = models.JSONField(default=dict)
    # Of the accounts that were read: Visual Studio subscriptions that no cloud account uses, so they are none.
    unused_subscriptions = models.PositiveIntegerField(default=0)
    forgets_dormancy = models.BooleanField(default=False)  # the last list told who is dormant, this one does not
    # Of a first list: another server that has most of its accounts, so that the two may be one.
    looks_like = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="+")
    problem_code = models.CharField(max_length=40, blank=True)
    problem_params: Any = models.JSONField(default=dict)

    deployment_id: int
    requested_by_id: int | None

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["deployment"], condition=Q(state="RUNNING"), name="one_running_job"),
            models.UniqueConstraint(
                fields=["deployment", "kind"], condition=Q(state="PENDING"), name="one_waiting_job"
            ),
        )
        indexes = (
            models.Index(fields=["deployment", "-id"], name="jobs_of_deployment"),
            models.Index(
                fields=["state", "not_before"], condition=Q(state__in=("PENDING", "RUNNING")), name="open_jobs"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


class FileState(models.TextChoices):
    RECOGNISING = "RECOGNISING", _("Looking at the file")
    NEEDS_ANSWER = "NEEDS_ANSWER", _("Needs an answer")
    ACCEPTED = "ACCEPTED", _("Accepted")
    REFUSED = "REFUSED", _("Refused")
    DISCARDED = "DISCARDED", _("Discarded")


class Question(models.TextChoices):
    """What only a person can know about a file. `flows.receive_usage.answer` takes the answers."""

    WHICH_SERVER = "which_server"  # a report without a server id
    OLDER = "older"  # than the list that is there
    SHRINKS = "shrinks"  # more than 20% and more than 10 accounts would go
    OTHER_PEOPLE = "other_people"  # so many have another login and no e-mail in common
    FEWER_IDENTITIES = "fewer_identities"  # so many cloud accounts would lose their linked identity
    SERVER_CONFLICT = "server_conflict"  # same host, other server id (or the other way round)


# What is refused where nobody can be asked.
PROBLEM_OF = {
    Question.WHICH_SERVER: SERVER_UNKNOWN,
    Question.OLDER: OLDER_THAN_STORED,
    Question.SHRINKS: SHRINKS_TOO_MUCH,
    Question.OTHER_PEOPLE: OTHER_PEOPLE,
    Question.FEWER_IDENTITIES: FEWER_IDENTITIES,
    Question.SERVER_CONFLICT: SERVER_CONFLICT,
}
ASKED = {problem.code for problem in PROBLEM_OF.values()}


class UsageFile(models.Model):
    """A delivered file, before and after it becomes a job. Its bytes lie under a random name in UPLOADS_DIR."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="usage_files")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.CASCADE, related_name="+")
    host = models.CharField(max_length=253, blank=True)  # as the sender called the server, which may be a new one
    job = models.ForeignKey(LicenseSyncJob, null=True, on_delete=models.SET_NULL, related_name="files")
    batch = models.UUIDField(default=uuid.uuid4, db_index=True)  # files that were added together
    batch_size = models.PositiveSmallIntegerField(default=1)  # how many they are, arrived or not
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.UPLOADED)
    is_fetched = models.BooleanField(default=False)  # by us, from a connected deployment
    name = models.CharField(max_length=255)  # as the sender called it; shown, never used as a path
    stored_name = models.CharField(max_length=64)  # in UPLOADS_DIR; "" when the bytes are gone
    size = models.BigIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 of the bytes
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=12, choices=FileState.choices, default=FileState.RECOGNISING)
    attempts = models.PositiveSmallIntegerField(default=0)  # to find out what it is
    kind = models.CharField(max_length=20, blank=True)  # feeds.FeedKind
    recognition: Any = models.JSONField(default=dict)  # feeds.Recognition
    question = models.CharField(max_length=20, choices=Question.choices, blank=True)
    question_params: Any = models.JSONField(default=dict)
    accept_older = models.BooleanField(default=False)
    accept_shrink = models.BooleanField(default=False)
    problem_code = models.CharField(max_length=40, blank=True)
    problem_params: Any = models.JSONField(default=dict)
    dismissed = models.BooleanField(default=False)  # the owner has put the outcome away

    enterprise_id: int
    deployment_id: int | None
    uploaded_by_id: int | None

    class Meta:
        indexes = (models.Index(fields=["enterprise", "-id"], name="files_of_enterprise"),)

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"

    @property
    def recognised(self) -> Recognition:
        """What it was recognised as, once that is known."""
        return msgspec.convert(self.recognition, Recognition)

    @property
    def brought_nothing_new(self) -> bool:
        """Whether the list was there already: an earlier job has taken the same one in."""
        ended = self.job.finished_at if self.job else None
        return ended is not None and ended < self.created_at

    @property
    def somebody_answers(self) -> bool:
        """Whether there is a person to ask. What a script delivers is refused instead, with the sentence."""
        return self.trigger not in NOBODY_ANSWERS

    @property
    def doubts_server(self) -> bool:
        """Whether its question lets one doubt that it is from the server that it was added for."""
        return self.question in (Question.OTHER_PEOPLE, Question.SHRINKS)
