"""The list under "Add server usage": what became of each file, in words, and what can be done about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import (
    BEING_DELETED,
    DATABASE_BUSY,
    DISK_FULL,
    NOTHING_CHANGED,
    REPLACED,
    UNEXPECTED,
    UNEXPECTED_WITH_FILE,
    USERS_ENCRYPTED,
    WORKER_STOPPED,
)
from licensesync.feeds import FeedKind
from licensesync.syncing import queries
from licensesync.syncing.models import ASKED, FileState, JobState, LicenseSyncJob, Question, UsageFile
from licensesync.web import words

SHOWN = 25  # lists; the others follow as these are answered or put away
MOST_FILES = 300  # that are looked at for them: all pages of a cloud list are one
# What passes by itself.
MISHAPS = {
    each.code for each in (BEING_DELETED, DATABASE_BUSY, DISK_FULL, UNEXPECTED, UNEXPECTED_WITH_FILE, WORKER_STOPPED)
}


@dataclass
class FileRow:
    """One list: a file, or all pages of a cloud list that were added together. `state` is a job's, as `data-state`."""

    file: UsageFile
    files: int
    size: int
    state: str
    text: str
    tone: str = ""
    brought_nothing_new: bool = False
    notes: list[str] = field(default_factory=list)
    can_try_again: bool = False
    servers: list[Deployment] = field(default_factory=list)  # to choose from, where the question is which
    problem: str = ""  # with what the owner has just answered
    typed: str = ""

    @property
    def key(self) -> str:
        return f"file-{self.file.pk}"

    @property
    def job(self) -> LicenseSyncJob | None:
        """The job to show progress of."""
        job = self.file.job
        return job if job and job.is_open else None

    @property
    def question(self) -> str:
        return _question(self.file, self.servers) if self.is_asking else ""

    @property
    def likely_server(self) -> int | None:
        """The instance that a question is about, to be chosen already."""
        if self.file.question == Question.WHICH_SERVER:
            likely = self.file.question_params.get("likely")
            return next((each.pk for each in self.servers if each.pk == likely), None)
        facts = self.file.recognition.get("server") or {}
        names = {facts.get("server_id"), facts.get("host", "").lower()} - {"", None}
        return next((each.pk for each in self.servers if {each.server_id, each.host} & names), None)

    @property
    def asks_which(self) -> bool:
        """Whether another server can be the answer: that of an export stands in it."""
        is_of_unknown = self.file.kind == FeedKind.SERVER_REPORT and not self.file.is_fetched
        is_asked = self.file.question in (Question.WHICH_SERVER, Question.SERVER_CONFLICT)
        return is_asked or (self.file.doubts_server and is_of_unknown)

    @property
    def choices(self) -> list[Deployment]:
        """Of which servers the file may be."""
        doubted = self.file.deployment_id if self.file.doubts_server else None
        return [each for each in self.servers if each.pk != doubted]

    @property
    def is_asking(self) -> bool:
        return self.file.state == FileState.NEEDS_ANSWER

    @property
    def is_done(self) -> bool:
        return not self.is_asking and self.state in (JobState.SUCCESS, JobState.FAILURE, JobState.CANCELED)

    @property
    def outcome(self) -> str:
        """What this outcome is called, "" as long as there is none: a new one is told to screen readers, once.

        That of a job is called the same beside its instance (`instance_rows`).
        """
        if self.file.job_id and self.is_done and not self.brought_nothing_new:
            return f"job-{self.file.job_id}"
        told = self.file.question or self.file.problem_code or self.file.state
        return f"file-{self.file.pk}-{told}" if self.is_done or self.is_asking else ""

    @property
    def outcome_sentence(self) -> str:
        return f"{self.file.name}: {self.question or self.text}"

    @property
    def more_files(self) -> str:
        more = self.files - 1
        return ngettext("and %(n)s more file", "and %(n)s more files", more) % {"n": words.number(more)} if more else ""

    @property
    def progress(self) -> str:
        return words.progress_count(self.job) if self.job else ""


class Files(NamedTuple):
    """What is listed: the newest first; how many more files there are; how many lists can be put away, also of those
    that have no place yet, and the id of the newest file of them."""

    rows: list[FileRow]
    more: int
    done: int
    newest: int


def file_rows(enterprise: Enterprise, servers: list[Deployment]) -> Files:
    """Whatever their number, none that asks something is left out for one that does not. `servers`: the instances of
    the enterprise, to choose from."""
    files = queries.files_on_page(enterprise)
    looked_at = list(files[:MOST_FILES])
    lists = _lists(looked_at)
    shown = sorted(lists[:SHOWN], key=lambda together: together[-1].pk, reverse=True)
    total = files.count() if len(looked_at) == MOST_FILES else len(looked_at)
    rows = [_row(together, servers) for together in shown]
    done = [together for together in lists if _is_over(together[0])]
    newest = max((together[-1].pk for together in done), default=0)
    return Files(rows, total - sum(map(len, shown)), len(done), newest)


def _is_over(file: UsageFile) -> bool:
    """As `usage_files.dismiss_done` sees it."""
    has_ended = file.state == FileState.ACCEPTED and not (file.job and file.job.is_open)
    return has_ended or file.state == FileState.REFUSED


def _lists(files: Iterable[UsageFile]) -> list[list[UsageFile]]:
    """Pages of one cloud list together, the first page first."""
    lists: dict[object, list[UsageFile]] = {}
    for file in files:
        is_page = bool(file.kind) and FeedKind(file.kind).is_page
        key = (file.batch, file.state, file.job_id, file.problem_code) if is_page else file.pk
        lists.setdefault(key, []).append(file)
    return [sorted(together, key=lambda file: file.pk) for together in lists.values()]


def _row(files: list[UsageFile], servers: list[Deployment]) -> FileRow:
    file = files[0]
    row = FileRow(file, len(files), sum(each.size for each in files), JobState.PENDING, "")
    match file.state:
        case FileState.RECOGNISING:
            row.state, row.text = JobState.RUNNING, _("Looking at the file.")
            if len(files) < file.batch_size and file.kind and FeedKind(file.kind).is_page:
                row.text = _("Waiting for the other pages of this list.")
        case FileState.NEEDS_ANSWER:
            row.tone, row.servers = "attention", servers
        case FileState.REFUSED:
            row.state = JobState.FAILURE
            row.text = words.problem(file.problem_code, file.problem_params, stays=NOTHING_CHANGED)
            row.can_try_again = _can_try_again(file, file.problem_code)
            if file.problem_code == USERS_ENCRYPTED.code:
                row.state, row.tone = JobState.CANCELED, "attention"
            if file.problem_code == REPLACED.code:  # as a job that a newer file has replaced
                row.state = JobState.CANCELED
        case _ if file.job is not None:
            _tell_job(row, file.job)
    if row.state == JobState.FAILURE and not file.somebody_answers and _asks(file):
        row.notes.append(
            _("A script delivered it, so nobody was asked. Deliver it again with the option, or add the file here.")
        )
    return row


def _asks(file: UsageFile) -> bool:
    """Whether the owner would have been asked what a script was refused for."""
    return (file.problem_code or (file.job.problem_code if file.job else "")) in ASKED


def _tell_job(row: FileRow, job: LicenseSyncJob) -> None:
    """The row of a file that has become a job, or that brought what an earlier job had."""
    row.state = job.state
    match job.state:
        case JobState.SUCCESS if row.file.brought_nothing_new:
            row.text, row.brought_nothing_new = words.same_list(job), True
        case JobState.SUCCESS:
            row.text, row.notes = words.outcome(job), words.left_out(job)
            if job.deployment.created_at > row.file.created_at and _names_itself(row.file):
                said = _("%(source)s is a new instance. If it is none of yours, delete it: its accounts go with it.")
                row.notes.insert(0, said % {"source": job.deployment})
        case JobState.FAILURE:
            row.text = words.outcome(job)
            row.can_try_again = _can_try_again(row.file, job.problem_code)
        case JobState.CANCELED:
            row.text = words.outcome(job)
            row.can_try_again = bool(row.file.stored_name) and not job.problem_code
        case _:
            doing = {"source": job.deployment, "doing": words.progress(job)}
            row.text = _("%(source)s: %(doing)s. You can leave this page.") % doing
    has_no_list = job.deployment.is_server and job.deployment.last_usage_at is None
    if has_no_list and job.state in (JobState.FAILURE, JobState.CANCELED):
        said = _("%(source)s stays among the instances, without a list. If it is a mistake, delete it there.")
        row.notes.append(said % {"source": job.deployment})


def _names_itself(file: UsageFile) -> bool:
    """Whether a file says which server it is of; else somebody said it, who knows that instance."""
    server = file.recognition.get("server") or {}
    return bool(server.get("host") or server.get("server_id")) and not file.host


def _can_try_again(file: UsageFile, problem_code: str) -> bool:
    return bool(file.stored_name) and problem_code in MISHAPS


def _question(file: UsageFile, servers: list[Deployment]) -> str:
    """What the owner is asked about a file."""
    facts = words.readable(file.question_params)
    match file.question:
        case Question.WHICH_SERVER:
            return _("This report does not say which server it is from.")
        case Question.OLDER if file.kind == FeedKind.CLOUD_IDENTITIES:
            template = _(
                "This list first came on %(file_date)s. The linked identities that are here are newer, from "
                "%(stored_date)s."
            )
        case Question.OLDER if not (file.recognition.get("server") or {}).get("exported_at"):
            template = _(
                "This list first came on %(file_date)s. The accounts of %(source)s are newer, from %(stored_date)s."
            )
        case Question.OLDER:
            template = _(
                "This file is older than what is here. It is from %(file_date)s; the accounts of %(source)s are "
                "from %(stored_date)s."
            )
        case Question.SHRINKS if file.question_params.get("added"):
            template = _(
                "This list would remove %(removed)s of the %(before)s accounts of %(source)s, and add %(added)s."
            )
        case Question.SHRINKS:
            template = _("This list would remove %(removed)s of the %(before)s accounts of %(source)s.")
        case Question.OTHER_PEOPLE:
            template = _(
                "In this list %(replaced)s of the %(before)s accounts of %(source)s have another login and no e-mail "
                "in common, so it seems to be of another server."
            )
        case Question.FEWER_IDENTITIES:
            template = _(
                "In this list %(removed)s of the %(before)s cloud accounts with a linked identity have none any more."
            )
        case _:
            return _conflict(file, servers)
    return template % facts


def _conflict(file: UsageFile, servers: list[Deployment]) -> str:
    """What of a file names which instance, where they are not one."""
    host, server_id = str(file.question_params.get("host", "")), file.recognition["server"]["server_id"]
    of_id = next((each for each in servers if each.server_id == server_id), None)
    of_host = next((each for each in servers if each.host == host), None)
    if of_id and of_host:
        template = _("The server id of this file is that of %(known)s, but its host name is that of %(host)s.")
    elif of_id:
        template = _("The server id of this file is that of %(known)s, but its host name, %(host)s, is new.")
    elif of_host:
        template = _("The host name %(host)s is known, but with another server id than that of this file.")
    else:  # the instance was deleted meanwhile
        template = _("The host name %(host)s and the server id of this file are not known as one server.")
    return template % {"host": host, "known": of_id}
