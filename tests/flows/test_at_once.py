"""Two do something at once that only one may do, or that must come one after the other: the second one comes in the
middle of the first one's transaction, and waits for the rows that it holds."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any, Generic, TypeVar

import pytest
from django.db import connection
from django.utils import timezone

from licensesync import feeds
from licensesync.enterprises import connections, deployments
from licensesync.enterprises import services as enterprises
from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.errors import BEING_DELETED, LAST_OPERATOR, ExpectedError
from licensesync.flows import delete_deployment, delete_enterprise, receive_usage, run_job, sync_now, take_in
from licensesync.licenses import services as licenses
from licensesync.licenses.models import Count
from licensesync.syncing import services as syncing
from licensesync.syncing.models import (
    OPEN_STATES,
    FileState,
    JobKind,
    JobState,
    LicenseSyncJob,
    Phase,
    Question,
    Trigger,
    UsageFile,
)
from licensesync.syncing.working import ClaimLost, Work
from licensesync.usage.models import ServerUserAccount
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.flows.lists import (
    account,
    cloud_list,
    cloud_user,
    import_one,
    new_enterprise,
    report,
    server_export,
    waiting_job,
)
from tests.flows.workers import end_of

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
REACHED: dict[str, Any] = {"url": "https://ghes.example", "login": "ana"}


class Second(threading.Thread, Generic[T]):
    """Whoever comes second, on a connection of their own; `outcome` is what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__()
        self.work = work
        self.outcome: T | BaseException | None = None

    def run(self) -> None:
        try:
            self.outcome = self.work()
        except BaseException as error:
            self.outcome = error
        finally:
            connection.close()


def amid(first: Callable[[], Any], second: Callable[[], T], *, before: str) -> T:
    """Do the first; right before its first statement that begins like `before` the second comes, on a connection of its
    own. A second is enough for it, unless it has to wait for the first. Gives what came of the second, or raises it."""
    other = Second(second)

    def come(execute: Any, sql: str, *rest: Any) -> Any:
        if other.ident is None and re.match(before, sql):
            other.start()
            other.join(1)
        return execute(sql, *rest)

    with connection.execute_wrapper(come):
        first()
    assert other.ident is not None, f"no statement begins like {before}"
    other.join()
    if isinstance(other.outcome, BaseException):
        raise other.outcome
    return other.outcome  # type: ignore[return-value]


@pytest.fixture
def enterprise() -> Enterprise:
    return new_enterprise()


def arrived(enterprise: Enterprise, content: bytes, **said: Any) -> UsageFile:
    return receive_usage.receive_file(
        BytesIO(content), enterprise=enterprise, name="list", **{"uploaded_by": None, **said}
    )


def recognise(file: UsageFile) -> Callable[[], None]:
    return lambda: receive_usage.recognise_file(file.pk)


# Files -------------------------------------------------------------------------------------------------------------


def test_two_workers_decide_about_one_file_once(enterprise: Enterprise) -> None:
    """As when the sweep has a file looked at again that is only late."""
    deployments.server_named(enterprise, "ghes.example")
    file = arrived(enterprise, server_export([account(1)]))
    amid(recognise(file), recognise(file), before='INSERT INTO "syncing_licensesyncjob"')
    file.refresh_from_db()
    assert LicenseSyncJob.objects.get() == file.job


def test_a_list_takes_the_place_of_one_that_is_just_given_back(enterprise: Enterprise) -> None:
    """As when the older one has found that the enterprise is being counted, or its worker is asked to stop."""
    older = waiting_job(enterprise, server_export([account(1)]))
    running = syncing.claim(older.pk)
    assert running is not None
    file = arrived(enterprise, server_export([account(1), account(2)]))
    amid(
        recognise(file),
        lambda: syncing.release(running, until=timezone.now(), phase=Phase.WAITING_FOR_COUNT),
        before='INSERT INTO "syncing_licensesyncjob"',
    )
    file.refresh_from_db()
    assert (file.state, file.problem_code) == (FileState.ACCEPTED, "")
    assert end_of(older) == (JobState.CANCELED, "replaced")
    assert LicenseSyncJob.objects.get(state=JobState.PENDING) == file.job


def test_of_two_who_answer_at_once_one_is_heard(enterprise: Enterprise) -> None:
    servers = [deployments.server_named(enterprise, f"{name}.example") for name in ("one", "two")]
    file = arrived(enterprise, report([(1, "")]))
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.question == Question.WHICH_SERVER
    is_second_heard = amid(
        lambda: receive_usage.answer(file, server=servers[0]),
        lambda: receive_usage.answer(UsageFile.objects.get(pk=file.pk), server=servers[1]),
        before='UPDATE "syncing_usagefile"',
    )
    assert not is_second_heard
    file.refresh_from_db()
    assert (file.state, file.deployment) == (FileState.ACCEPTED, servers[0])
    assert LicenseSyncJob.objects.get() == file.job


def test_of_two_who_try_again_at_once_one_does(enterprise: Enterprise) -> None:
    job = waiting_job(enterprise, server_export([account(1)]))
    syncing.cancel(job)
    file = job.files.get()
    is_second_at_it = amid(
        lambda: receive_usage.try_again(file),
        lambda: receive_usage.try_again(file),
        before='UPDATE "syncing_usagefile"',
    )
    assert not is_second_at_it


def test_two_first_exports_of_one_server_are_of_one_instance(enterprise: Enterprise) -> None:
    first, second = (arrived(enterprise, server_export([account(number)])) for number in (1, 2))
    amid(recognise(first), recognise(second), before='INSERT INTO "enterprises_deployment"')
    server = Deployment.objects.get()
    for file in (first, second):
        file.refresh_from_db()
        assert (file.state, file.deployment) == (FileState.ACCEPTED, server), file.problem_code


# What is being deleted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["enterprise", "instance"])
def test_a_list_that_just_becomes_a_job_is_canceled_with_what_it_is_of(enterprise: Enterprise, what: str) -> None:
    server = deployments.server_named(enterprise, "ghes.example")
    file = arrived(enterprise, server_export([account(1)]), deployment=server)

    def delete_it() -> None:
        if what == "enterprise":
            delete_enterprise.request_deletion(enterprise)
        else:
            delete_deployment.request_deletion(server, requested_by=None)

    amid(recognise(file), delete_it, before='INSERT INTO "syncing_licensesyncjob"')
    file.refresh_from_db()
    assert file.job is not None
    assert file.job.state == JobState.CANCELED
    others = LicenseSyncJob.objects.filter(deployment=server, state__in=OPEN_STATES)
    assert [each.kind for each in others] == ([] if what == "enterprise" else [JobKind.DELETE])


def test_an_enterprise_is_deleted_while_one_of_its_instances_goes(enterprise: Enterprise) -> None:
    server = deployments.server_named(enterprise, "ghes.example")
    syncing.request_deletion(deployment=server, requested_by=None)
    amid(
        lambda: deployments.delete(server),
        lambda: delete_enterprise.request_deletion(enterprise),
        before='DELETE FROM "enterprises_deployment"',
    )
    enterprise.refresh_from_db()
    assert enterprise.deleted_at
    assert not Deployment.objects.exists()


def test_whoever_deletes_an_enterprise_sees_the_count_that_just_began(enterprise: Enterprise) -> None:
    def delete_it() -> bool:
        delete_enterprise.request_deletion(enterprise)
        return Count.objects.filter(enterprise=enterprise).exists()

    assert amid(
        lambda: licenses.begin_count(enterprise.pk, owner="a job"), delete_it, before='INSERT INTO "licenses_count"'
    )


# Counting and fetching ---------------------------------------------------------------------------------------------


def test_what_is_not_kept_any_more_while_a_list_is_shown_goes_when_it_comes_again(enterprise: Enterprise) -> None:
    content = cloud_list([cloud_user("ana", "ana@octo.example", github_com_name="Ana Abel")])
    job = waiting_job(enterprise, content)

    def keep_less() -> None:
        enterprises.keep(enterprise=Enterprise.objects.get(pk=enterprise.pk), names=False, secondary_emails=True)

    amid(lambda: run_job.run_job(job.pk), keep_less, before='UPDATE "enterprises_deployment" SET .*"list_digest"')
    assert end_of(job)[0] == JobState.SUCCESS
    assert import_one(enterprise, content) != job, "it is read again"


def test_a_first_list_that_is_written_while_its_instance_is_deleted_leaves_nothing(enterprise: Enterprise) -> None:
    """Its worker notices seconds later that it is canceled."""
    server = deployments.server_named(enterprise, "ghes.example")
    file = arrived(
        enterprise, report((number, f"u{number}@octo.example") for number in range(1, 20_001)), deployment=server
    )
    receive_usage.recognise_file(file.pk)
    job = syncing.claim(LicenseSyncJob.objects.get().pk)
    assert job is not None

    def delete() -> None:
        run_job.run_job(delete_deployment.request_deletion(server, requested_by=None).pk)

    class Deaf(Work):
        """No heartbeat tells it anything."""

        deletion: Second[None] | None = None

        def report(self, phase: Phase, done: int, total: int | None) -> None:
            if phase == Phase.READING and done and self.deletion is None:
                self.deletion = Second(delete)
                self.deletion.start()
                self.deletion.join()

    deaf = Deaf(job)
    with pytest.raises((ClaimLost, licenses.TurnLost)):
        take_in.take_in(job, deaf)
    assert deaf.deletion is not None
    assert deaf.deletion.outcome is None
    syncing.hurry(enterprise)
    for waiting in LicenseSyncJob.objects.filter(state=JobState.PENDING):
        run_job.run_job(waiting.pk)
    assert not Deployment.objects.exists()
    assert not ServerUserAccount.objects.exists()
    assert not Count.objects.exists()


def test_a_script_whose_instance_is_deleted_meanwhile_is_told_so(enterprise: Enterprise) -> None:
    def delete() -> None:
        server = Deployment.objects.get()
        run_job.run_job(delete_deployment.request_deletion(server, requested_by=None).pk)

    files = 'SELECT "syncing_usagefile".* WHERE "syncing_usagefile"."job_id" = '
    with pytest.raises(ExpectedError) as told:
        amid(lambda: import_one(enterprise, server_export([account(1)])), delete, before=files)
    assert told.value.problem is BEING_DELETED


def test_whoever_takes_a_fetch_over_finds_the_list_that_was_just_fetched(enterprise: Enterprise) -> None:
    """Else the job would have two lists."""
    server = deployments.server_named(enterprise, "ghes.example")
    connections.connect(server, connected_by=None, token="t", **REACHED)
    job = syncing.claim(sync_now.request_sync(server, trigger=Trigger.SYNC_NOW).pk)
    assert job is not None
    LicenseSyncJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    recognition = feeds.Recognition(kind=feeds.FeedKind.SERVER_REPORT)
    facts = {"name": "x", "stored_name": "y", "size": 1, "digest": "d", "created_at": timezone.now()}
    there: list[bool] = []

    def take_over() -> bool:
        syncing.reap_stalled()
        again = syncing.claim(job.pk)
        return again is not None and again.files.exists()

    is_there = amid(
        lambda: there.append(syncing.attach(job, [(recognition, facts)])),
        take_over,
        before='INSERT INTO "syncing_usagefile"',
    )
    assert (there, is_there) == ([True], True)


# Secrets and people ------------------------------------------------------------------------------------------------


def test_a_token_that_is_saved_while_all_are_sealed_anew_stays(enterprise: Enterprise) -> None:
    server = deployments.server_named(enterprise, "ghes.example")
    connections.connect(server, connected_by=None, token="before", **REACHED)
    amid(
        connections.reseal_all,
        lambda: connections.connect(server, connected_by=None, token="after", **REACHED),
        before='UPDATE "enterprises_connection"',
    )
    assert connections.token_of(Connection.objects.get()) == "after"


def test_of_two_operators_who_delete_their_accounts_at_once_one_stays() -> None:
    ada, bo = (create_user(email=f"{name}@octo.example", is_operator=True) for name in ("ada", "bo"))
    with pytest.raises(ExpectedError) as refused:
        amid(
            lambda: enterprises.delete_account(ada),
            lambda: enterprises.delete_account(bo),
            before='DELETE FROM "users_user"',
        )
    assert refused.value.problem is LAST_OPERATOR
    assert User.objects.get() == bo
