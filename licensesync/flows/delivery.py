"""A list as it was delivered: what it is, of when it is, and whether another of its deployment is newer.

Asked when a list is decided about (`decide`), and once more when the turn of its job has come (`take_in`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.conf import settings

from licensesync import feeds
from licensesync.enterprises.models import Deployment, UsageEvent
from licensesync.errors import ExpectedError
from licensesync.feeds.reading import BATCH
from licensesync.flows import payloads
from licensesync.syncing.models import PROBLEM_OF, Question, UsageFile
from licensesync.syncing.queries import last_taken


class Unanswered(Exception):
    """Something that only a person can tell. `refusal` is the sentence where nobody can be asked."""

    def __init__(self, question: Question, **params: str | int) -> None:
        self.question, self.params = question, params
        self.refusal = ExpectedError(PROBLEM_OF[question], **params)
        super().__init__(question)


@dataclass(frozen=True)
class Delivery:
    """The recognised files of one list, in the order in which they came: a single one, or the pages of a cloud list,
    maybe with the linked identities of its accounts; or these alone."""

    files: Sequence[UsageFile]

    @property
    def first(self) -> UsageFile:
        """What was said when the list was delivered stands in each of its files."""
        return self.files[0]

    @cached_property
    def pages(self) -> list[UsageFile]:
        """The files that tell who has an account."""
        return [file for file in self.files if file.kind != feeds.FeedKind.CLOUD_IDENTITIES]

    @cached_property
    def identity_files(self) -> list[UsageFile]:
        return [file for file in self.files if file.kind == feeds.FeedKind.CLOUD_IDENTITIES]

    @property
    def is_identities_alone(self) -> bool:
        return not self.pages

    @cached_property
    def recognition(self) -> feeds.Recognition:
        """What the list is; of a cloud list each page has figures of its own (`recognitions`)."""
        return (self.pages or self.files)[0].recognised

    @cached_property
    def recognitions(self) -> list[feeds.Recognition]:
        return [file.recognised for file in self.pages]

    @cached_property
    def identity_recognitions(self) -> list[feeds.Recognition]:
        return [file.recognised for file in self.identity_files]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in (*self.recognitions, *self.identity_recognitions))

    @property
    def server(self) -> feeds.ServerFacts:
        """What it says about its server; a list of the cloud says nothing."""
        return self.recognition.server or feeds.ServerFacts()

    @property
    def date(self) -> datetime:
        """Its own time stamp, else when it was delivered. A clock that is ahead is not believed, or every list after it
        would be older."""
        return min(self.server.exported_at or self.first.created_at, self.first.created_at)

    @property
    def digest(self) -> str:
        """SHA-256 of its one file, or of the sorted digests of its pages."""
        if len(self.files) == 1:
            return self.first.digest
        return hashlib.sha256("".join(sorted(file.digest for file in self.files)).encode()).hexdigest()

    def date_to_ask_about(self, deployment: Deployment) -> datetime:
        """Its date. A file without a time stamp that somebody adds, and whose bytes were taken in before, is as old as
        they were then; what a script or a sync has just fetched is of now."""
        if self.first.is_fetched or not self.first.somebody_answers or self.server.exported_at:
            return self.date
        was_here = last_taken(deployment, self.digest, before=self.first)
        return was_here.created_at if was_here else self.date

    def event_at(self, deployment: Deployment) -> UsageEvent:
        """How it came, also when it was fetched and then had to be confirmed."""
        if deployment.is_server:
            return UsageEvent.SERVER_SYNCED if self.first.is_fetched else UsageEvent.SERVER_UPLOADED
        return UsageEvent.CLOUD_SYNCED if self.first.is_fetched else UsageEvent.CLOUD_UPLOADED

    def server_accounts(
        self, report: feeds.ReadReport, *, batch_size: int = BATCH
    ) -> Iterator[list[feeds.ServerUserAccount]]:
        return feeds.read_server_accounts(
            payloads.path_of(self.first), self.recognition, report, batch_size=batch_size, **_limits()
        )

    def cloud_rows(self, report: feeds.ReadReport) -> Iterator[list[feeds.CloudUser | feeds.ServerOnlyPerson]]:
        paths = [payloads.path_of(file) for file in self.pages]
        return feeds.read_cloud(paths, self.recognitions, report, **_limits())

    def identities(self, report: feeds.ReadReport) -> Iterator[list[feeds.CloudIdentity]]:
        return feeds.read_identities([payloads.path_of(file) for file in self.identity_files], report, **_limits())

    def brings_identities(self, deployment: Deployment) -> bool:
        """Whether there are linked identities in it that count: with a list that was fetched a while ago they may be
        older than those that somebody has added meanwhile."""
        is_behind = not self.is_identities_alone and is_older(self.date, than=deployment.identities_at)
        return bool(self.identity_files) and not is_behind

    def date_there(self, deployment: Deployment) -> datetime | None:
        """Of the list that it is to take the place of."""
        return deployment.identities_at if self.is_identities_alone else deployment.list_date


def _limits() -> dict[str, int]:
    return {"max_unpacked_bytes": settings.MAX_UNPACKED_BYTES, "max_accounts": settings.MAX_ACCOUNTS}


def ask_if_older(deployment: Deployment, list_date: datetime, *, than: datetime | None) -> None:
    """Raise Unanswered when a list is older than another of its deployment."""
    if than is None or not is_older(list_date, than=than):
        return
    in_one_minute = list_date.replace(second=0, microsecond=0) == than.replace(second=0, microsecond=0)
    exact = "seconds" if in_one_minute else "minutes"
    params = {
        "source": str(deployment),
        "file_date": list_date.isoformat(timespec=exact),
        "stored_date": than.isoformat(timespec=exact),
    }
    raise Unanswered(Question.OLDER, **params)


def is_older(list_date: datetime, *, than: datetime | None) -> bool:
    """Of two in one second neither is."""
    return than is not None and list_date.replace(microsecond=0) < than.replace(microsecond=0)
