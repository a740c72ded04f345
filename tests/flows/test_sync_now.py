"""Sync now, against a GitHub that behaves as documented, and against one in trouble."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as product
from django.db import connection
from django.utils import timezone

from licensesync import feeds
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Connection, Deployment, UsageEvent
from licensesync.errors import DISK_FULL, ExpectedError
from licensesync.flows import forget, receive_usage, run_job, sync_now
from licensesync.licenses import queries as licenses
from licensesync.licenses import services as counting
from licensesync.simulated_github import Trouble
from licensesync.simulated_github.linked_identities import identity as linked_identity
from licensesync.syncing import queries
from licensesync.syncing import services as syncing
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, Phase, Question, Trigger, UsageFile
from licensesync.syncing.working import at_work
from licensesync.usage.models import OPEN, CloudUser, ServerUserAccount
from tests import worlds
from tests.flows.github import Connected, connected
from tests.flows.lists import identities, import_one, new_enterprise, people, report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.CONNECT_ALLOW = ("127.0.0.1",)
    settings.RETRY_SECONDS = 0.02


@pytest.fixture
def small() -> Iterator[Connected]:
    with connected(worlds.small()) as played:
        yield played


@pytest.fixture
def pages() -> Iterator[Connected]:
    """A cloud of seven pages."""
    with connected(worlds.generated(servers=0, licenses=650)) as played:
        yield played


def outcome(job: LicenseSyncJob) -> tuple[str, str]:
    return job.state, job.problem_code


def test_a_server_and_the_cloud_are_fetched_and_counted_once(small: Connected) -> None:
    job = small.sync(small.server)
    assert outcome(job) == (JobState.SUCCESS, "")
    assert (job.accounts_read, job.accounts_suspended) == (6, 1)
    assert job.progress_done == job.progress_total == 5, "people"
    assert outcome(small.sync(small.cloud)) == (JobState.SUCCESS, "")
    assert frozenset({("cloud", "mona-lisa"), ("ghe.octo.example", "monalisa")}) in people(small.enterprise)
    count = licenses.current_count(small.enterprise)
    assert count is not None
    assert (count.consumed, count.cloud_only, count.cloud_and_server, count.server_only) == (7, 2, 1, 4)
    server, cloud = small.deployment(small.server), small.deployment(small.cloud)
    assert (server.last_event, cloud.last_event) == (UsageEvent.SERVER_SYNCED, UsageEvent.CLOUD_SYNCED)
    assert (server.version, server.total_seats_purchased) == ("3.19.2", 100)
    assert server.total_seats_consumed is not None
    assert server.license_expires_at == small.server.expire_at.replace(microsecond=0)
    deployments.take_facts(server, feeds.ServerFacts(version="3.19.3"))
    server.refresh_from_db()
    assert server.license_expires_at is not None, "it was not asked"
    deployments.take_facts(server, feeds.ServerFacts(version="3.19.3", tells_license=True))
    server.refresh_from_db()
    assert server.license_expires_at is None, "the new license has no end"


def test_no_address_of_a_sign_in_is_kept(small: Connected) -> None:
    small.sync(small.server)
    assert "192.0.2.1" not in str(list(ServerUserAccount.objects.values()))


def test_again_changes_nothing(small: Connected) -> None:
    small.sync(small.server)
    job = small.sync(small.server)
    assert (job.state, job.accounts_added, job.accounts_changed, job.accounts_removed) == (JobState.SUCCESS, 0, 0, 0)


def test_whoever_clicks_while_a_sync_is_open_gets_that_one(small: Connected) -> None:
    first = small.request(small.server)
    assert small.request(small.server).pk == first.pk
    running = syncing.claim(first.pk)
    assert running is not None
    assert small.request(small.server).pk == first.pk
    assert LicenseSyncJob.objects.count() == 1


def test_what_is_not_connected_can_not_be_synced() -> None:
    deployment = Deployment.objects.create(enterprise=new_enterprise(), kind="server", host="ghes.example")
    with pytest.raises(ExpectedError, match="is not connected"):
        sync_now.request_sync(deployment, trigger=Trigger.SYNC_NOW)


def test_a_report_that_is_being_built_is_waited_for(small: Connected) -> None:
    small.server.build_asks = 2
    assert outcome(small.sync(small.server)) == (JobState.SUCCESS, "")


def test_a_report_that_is_never_done_ends_the_job_in_words(small: Connected, settings: Any) -> None:
    settings.REPORT_PATIENCE_SECONDS = 3
    small.server.build_seconds = 600
    assert outcome(small.sync(small.server)) == (JobState.FAILURE, "report_takes_too_long")


def test_a_long_wait_gives_the_worker_back_and_goes_on_later(pages: Connected) -> None:
    pages.cloud.limit_after(3, seconds=120)
    job = pages.sync(pages.cloud)
    assert (job.state, job.phase) == (JobState.PENDING, Phase.RATE_LIMITED)
    assert job.problem_code == "slow_down"
    assert timedelta(seconds=60) < job.not_before - timezone.now() < timedelta(seconds=180)
    assert (job.progress_done, job.progress_total) == (3, 7)
    again = pages.request(pages.cloud)  # who clicks meanwhile does not make us ask GitHub before its time
    assert (again.pk, again.not_before) == (job.pk, job.not_before)
    run_job.run_job(job.pk)  # not due yet: nothing happens
    assert sum(pages.cloud.pages_asked().values()) <= 4
    pages.cloud.recover()
    pages.cloud.primary.resets_at = 0
    LicenseSyncJob.objects.update(not_before=timezone.now())
    run_job.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.accounts_read, job.attempts) == (JobState.SUCCESS, 650, 1)
    asked = pages.cloud.pages_asked()
    assert [asked[number] for number in (1, 2, 3)] == [1, 1, 1]  # nothing that was here is fetched again


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=502),
        Trouble(status=503, retry_after=1),
        Trouble(close_after_bytes=40),
        Trouble(hang_up=True),
        Trouble(status=500, times=4),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(small: Connected, trouble: Trouble) -> None:
    for deployment in (small.server, small.cloud):
        deployment.expect(trouble)
        assert outcome(small.sync(deployment)) == (JobState.SUCCESS, "")


def test_the_next_try_is_not_before_the_server_wants_it(small: Connected) -> None:
    small.server.expect(Trouble(status=503, retry_after=600))
    job = small.sync(small.server)
    assert (job.state, job.phase) == (JobState.PENDING, Phase.RETRYING)
    assert job.not_before - timezone.now() > timedelta(seconds=500)


def test_what_does_not_pass_fails_in_the_end(small: Connected, settings: Any) -> None:
    settings.FETCH_TRIES = 3
    small.cloud.expect(Trouble(status=502, times=100))
    job = small.sync(small.cloud)
    assert outcome(job) == (JobState.FAILURE, "server_in_trouble")
    assert sum(small.cloud.pages_asked().values()) == 3


def test_tries_are_counted_on_however_often_the_job_is_given_back(small: Connected, settings: Any) -> None:
    """Each further try waits longer than a worker does. What was answered well before is not asked again."""
    settings.RETRY_SECONDS, settings.FETCH_TRIES = 20, 3
    small.server.expect(Trouble(status=502, times=100, path="all_users"))
    job = small.sync(small.server)
    for _resume in range(10):
        assert job.state == JobState.PENDING
        LicenseSyncJob.objects.filter(pk=job.pk).update(not_before=timezone.now())
        run_job.run_job(job.pk)
        job.refresh_from_db()
        if job.state != JobState.PENDING:
            break
    assert outcome(job) == (JobState.FAILURE, "server_in_trouble")
    assert _resume == 1


def test_a_server_that_never_says_its_own_count_is_fetched_all_the_same(small: Connected) -> None:
    small.server.expect(Trouble(status=502, times=100, path="settings/license"))
    assert outcome(small.sync(small.server)) == (JobState.SUCCESS, "")
    assert small.deployment(small.server).total_seats_consumed is None


def test_a_list_that_stays_shorter_than_its_total_says_how_many_are_missing(pages: Connected) -> None:
    pages.cloud.consumed = 655
    job = pages.sync(pages.cloud)
    assert outcome(job) == (JobState.FAILURE, "list_incomplete")
    assert job.problem_params == {"rows": 650, "total": 655, "missing": 5}
    assert not pages.enterprise.generation


def test_whoever_meets_a_waiting_sync_gets_what_they_asked_for(small: Connected) -> None:
    deployment = small.deployment(small.server)
    scheduled = sync_now.request_sync(deployment, trigger=Trigger.SCHEDULED)
    met = small.request(small.server, accept_shrink=True)
    assert met.pk == scheduled.pk
    assert (met.trigger, met.accept_shrink) == (Trigger.SYNC_NOW, True)
    again = sync_now.request_sync(deployment, trigger=Trigger.SCHEDULED)
    assert (again.pk, again.trigger, again.accept_shrink) == (met.pk, Trigger.SYNC_NOW, True)


def test_whoever_clicks_does_not_wait_for_the_next_try(small: Connected, settings: Any) -> None:
    settings.RETRY_SECONDS = 600
    small.server.expect(Trouble(status=502))
    job = small.sync(small.server)
    assert (job.state, job.phase) == (JobState.PENDING, Phase.RETRYING)
    assert small.request(small.server).not_before <= timezone.now() < job.not_before


def test_a_wrong_token_is_not_tried_again(small: Connected) -> None:
    for deployment in (small.server, small.cloud):
        deployment.token = "ghp_another"
        job = small.sync(deployment)
        assert job.state == JobState.FAILURE
        assert job.problem_code in ("wrong_credentials", "sign_in_page")
        assert job.attempts == 1
    assert sum(small.cloud.pages_asked().values()) <= 1


def test_three_failures_in_a_row_are_counted_until_one_goes_well(small: Connected) -> None:
    token, small.server.token = small.server.token, "ghp_another"
    deployment = small.deployment(small.server)
    for _ in range(3):
        small.sync(small.server)
    assert queries.failures_in_a_row(deployment) == 3
    small.server.token = token
    small.sync(small.server)
    assert queries.failures_in_a_row(deployment) == 0


def test_a_failure_leaves_the_last_good_data(small: Connected) -> None:
    small.sync(small.server)
    before = people(small.enterprise)
    small.server.expect(Trouble(sign_in_page=True, times=10))
    assert small.sync(small.server).state == JobState.FAILURE
    assert people(small.enterprise) == before
    assert small.deployment(small.server).accounts == 6


@pytest.mark.parametrize(("come", "go"), [(1, 0), (0, 1), (3, 1)])
def test_a_list_that_changes_while_it_is_paged_is_read_again(pages: Connected, come: int, go: int) -> None:
    pages.cloud.after_page(3, lambda: pages.cloud.turnover(come=come, go=go))
    job = pages.sync(pages.cloud)
    assert (job.state, job.accounts_read) == (JobState.SUCCESS, 650 + come - go)
    assert pages.cloud.pages_asked()[1] == 2


def test_a_list_that_never_stops_changing_is_not_taken(pages: Connected) -> None:
    def change() -> None:
        pages.cloud.turnover(come=1)
        pages.cloud.after_page(3, change)

    pages.cloud.after_page(3, change)
    assert outcome(pages.sync(pages.cloud)) == (JobState.FAILURE, "list_keeps_changing")
    assert not pages.enterprise.generation


def test_a_list_that_loses_many_asks_the_owner_who_can_confirm_it(pages: Connected) -> None:
    pages.sync(pages.cloud)
    pages.cloud.turnover(go=300)
    job = pages.sync(pages.cloud)
    assert outcome(job) == (JobState.FAILURE, "shrinks_too_much")
    [file] = UsageFile.objects.filter(state=FileState.NEEDS_ANSWER)
    assert file.question == Question.SHRINKS
    receive_usage.answer(file, accept_shrink=True)
    file.refresh_from_db()
    assert file.job is not None
    run_job.run_job(file.job.pk)
    file.job.refresh_from_db()
    assert (file.job.state, file.job.accounts_removed) == (JobState.SUCCESS, 300)
    assert pages.deployment(pages.cloud).last_event == UsageEvent.CLOUD_SYNCED


def test_a_newer_sync_settles_what_an_older_one_asked(pages: Connected) -> None:
    pages.sync(pages.cloud)
    everybody = pages.cloud.licenses
    pages.cloud.change(everybody[:300])
    pages.sync(pages.cloud)
    pages.cloud.change(everybody)
    assert pages.sync(pages.cloud).state == JobState.SUCCESS
    assert not UsageFile.objects.filter(state=FileState.NEEDS_ANSWER).exists()


def test_a_script_can_confirm_ahead(pages: Connected) -> None:
    pages.sync(pages.cloud)
    pages.cloud.turnover(go=300)
    assert pages.sync(pages.cloud, accept_shrink=True).state == JobState.SUCCESS


def test_a_script_can_confirm_while_it_runs(pages: Connected) -> None:
    pages.sync(pages.cloud)
    pages.cloud.turnover(go=300)

    def confirm() -> None:
        pages.request(pages.cloud, accept_shrink=True)

    pages.cloud.after_page(2, confirm)
    assert pages.sync(pages.cloud).state == JobState.SUCCESS


def test_a_fetch_that_takes_long_gives_others_a_turn(pages: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_now, "IN_ONE_GO", 0)
    job = pages.request(pages.cloud)
    turns = 0
    while job.is_open:
        run_job.run_job(job.pk)
        job.refresh_from_db()
        turns += 1
    assert (outcome(job), job.accounts_read, job.attempts) == ((JobState.SUCCESS, ""), 650, 1)
    assert turns == 8  # a page each, and what comes after them
    assert set(pages.cloud.pages_asked().values()) == {1}


def test_what_the_disk_has_no_room_for_is_not_fetched(small: Connected, settings: Any) -> None:
    settings.DISK_RESERVE_MB = 10**12
    assert outcome(small.sync(small.cloud)) == (JobState.FAILURE, "disk_full")
    assert outcome(small.sync(small.server)) == (JobState.FAILURE, "disk_full")


def test_a_list_without_end_is_not_fetched_to_its_end(pages: Connected, settings: Any) -> None:
    settings.MAX_UNPACKED_BYTES = 100_000
    assert outcome(pages.sync(pages.cloud)) == (JobState.FAILURE, "answer_too_large")


def test_a_progress_that_no_row_can_hold(small: Connected) -> None:
    """Whatever the other side announces, the worker is still heard."""
    job = syncing.claim(small.request(small.server).pk)
    assert job is not None
    with at_work(job) as work:
        work.report(Phase.FETCHING, 5, 3_000_000_000)
        deadline = time.monotonic() + 10
        while job.progress_done != 5 and time.monotonic() < deadline:
            time.sleep(0.05)
            job.refresh_from_db()
    assert (job.progress_done, job.progress_total) == (5, 2**31 - 1)


def test_a_sync_that_is_canceled_before_it_starts_asks_for_nothing(small: Connected) -> None:
    job = small.request(small.server)
    syncing.cancel(job)
    assert not run_job.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELED
    assert not small.server.seen


def test_a_sync_that_is_canceled_between_pages_stops_and_changes_nothing(pages: Connected) -> None:
    job = pages.request(pages.cloud)
    pages.cloud.expect(Trouble(delay_seconds=1, times=7))

    def cancel_once_it_asks() -> None:
        while not pages.cloud.seen:
            time.sleep(0.01)
        syncing.cancel(job)
        connection.close()

    canceling = threading.Thread(target=cancel_once_it_asks, daemon=True)
    canceling.start()
    assert run_job.run_job(job.pk)
    canceling.join(20)
    job.refresh_from_db()
    assert outcome(job) == (JobState.CANCELED, "")
    assert 0 < pages.cloud.seen.total() < 7
    assert people(pages.enterprise) == set()


def fetched_but_waiting(small: Connected) -> LicenseSyncJob:
    """A sync that has fetched its list beside the count of another deployment, which held the turn until now."""
    other = syncing.claim(small.request(small.cloud).pk)
    assert other is not None
    count = counting.begin_count(small.enterprise.pk, owner=other.claim_token)
    assert count is not None
    job = small.sync(small.server)
    assert (job.state, job.phase, job.files.count()) == (JobState.PENDING, Phase.WAITING_FOR_COUNT, 1)
    counting.abandon_count(count)
    return job


def test_what_was_fetched_before_a_newer_list_came_gives_way(small: Connected) -> None:
    job = fetched_but_waiting(small)
    import_one(small.enterprise, report([(900, "new@octo.example")]), server=small.deployment(small.server))
    run_job.run_job(job.pk)
    job.refresh_from_db()
    assert outcome(job) == (JobState.CANCELED, "overtaken")
    assert people(small.enterprise) == {frozenset({("ghe.octo.example", "user-900")})}


def test_the_list_of_before_that_comes_again_meanwhile_is_no_newer_one(
    small: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = report([(900, "old@octo.example")])
    import_one(small.enterprise, before, server=small.deployment(small.server))
    original = sync_now._fetch_report

    def fetch(*args: Any) -> sync_now.Fetched:
        fetched = original(*args)
        import_one(small.enterprise, before, server=small.deployment(small.server))
        return fetched

    monkeypatch.setattr(sync_now, "_fetch_report", fetch)
    assert outcome(small.sync(small.server)) == (JobState.SUCCESS, "")
    assert frozenset({("ghe.octo.example", "user-900")}) not in people(small.enterprise)


def test_a_date_to_come_makes_no_sync_give_way(small: Connected) -> None:
    """A clock that was ahead says nothing of what is newer."""
    job = fetched_but_waiting(small)
    import_one(small.enterprise, report([(900, "new@octo.example")]), server=small.deployment(small.server))
    Deployment.objects.update(list_date=timezone.now() + timedelta(days=9))
    run_job.run_job(job.pk)
    job.refresh_from_db()
    assert outcome(job) == (JobState.SUCCESS, "")


def test_a_fetched_list_that_is_tried_again_is_still_a_synced_one(small: Connected) -> None:
    job = small.request(small.server)
    claimed = syncing.claim(job.pk)
    assert claimed is not None
    with at_work(claimed) as work:
        sync_now.fetch(claimed, work)
    assert syncing.fail(claimed, ExpectedError(DISK_FULL))
    file = claimed.files.get()
    assert receive_usage.try_again(file)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.job is not None
    assert file.job.trigger == Trigger.SYNC_NOW
    run_job.run_job(file.job.pk)
    assert small.deployment(small.server).last_event == UsageEvent.SERVER_SYNCED


def test_the_schedule_requests_each_sync_once(small: Connected) -> None:
    Connection.objects.update(next_sync_at=timezone.now() - timedelta(days=30))
    sync_now.request_due()
    sync_now.request_due()
    assert LicenseSyncJob.objects.filter(trigger=Trigger.SCHEDULED).count() == 2  # the server and the cloud
    assert all(each.next_sync_at and each.next_sync_at > timezone.now() for each in Connection.objects.all())


def test_one_that_is_being_deleted_keeps_no_other_from_its_sync(small: Connected) -> None:
    server = small.deployment(small.server)
    syncing.request_deletion(deployment=server, requested_by=None)  # and somebody has just connected it again
    Connection.objects.filter(deployment=server).update(next_sync_at=timezone.now() - timedelta(days=2))
    Connection.objects.exclude(deployment=server).update(next_sync_at=timezone.now() - timedelta(days=1))
    sync_now.request_due()
    assert [job.deployment for job in LicenseSyncJob.objects.filter(trigger=Trigger.SCHEDULED)] == [
        small.deployment(small.cloud)
    ]
    assert Connection.objects.filter(deployment=server, next_sync_at__gt=timezone.now()).exists()
    assert len(sync_now.request_all(small.enterprise, trigger=Trigger.SYNC_NOW)) == 1


def test_an_address_that_is_not_allowed_is_never_called(small: Connected, settings: Any) -> None:
    settings.CONNECT_ALLOW = ()
    assert outcome(small.sync(small.server))[1] in ("host_refused", "plain_http_refused")
    assert not small.server.seen


def test_nothing_secret_is_in_what_a_job_keeps(small: Connected) -> None:
    token = small.server.token
    small.server.token = "ghp_another"
    small.sync(small.server)
    assert token not in str(list(LicenseSyncJob.objects.values()))


def test_pages_of_a_job_that_is_over_are_forgotten(pages: Connected) -> None:
    pages.cloud.limit_after(3, seconds=120)
    job = pages.sync(pages.cloud)
    folder = sync_now.folder_of(job.pk)
    assert len(list(folder.iterdir())) == 3
    forget.forget_fetches()
    assert folder.exists()  # it goes on later
    syncing.cancel(job)
    forget.forget_fetches()
    assert not folder.exists()
    assert product.FETCHES_DIR.exists()


def test_the_cloud_says_when_github_last_synced_each_server(small: Connected) -> None:
    small.sync(small.server)
    server_id, host = small.server.server_id, small.server.host

    def told(**status: Any) -> tuple[Any, str]:
        small.cloud.sync_status = [status] if status else []
        assert outcome(small.sync(small.cloud)) == (JobState.SUCCESS, "")
        server = small.deployment(small.server)
        return server.github_synced_at, server.github_sync_problem

    day = {"date": "2026-01-02T03:04:05Z", "status": "success", "error": ""}
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert told(server_id="of another", hostname=host.upper(), last_sync=day) == (at, "")
    assert told(server_id="of another", hostname="other.octo.example", last_sync=day) == (None, "")
    failed = {**day, "status": "failure", "error": "No  route\nto host"}
    assert told(server_id=server_id, hostname=host, last_sync=failed) == (at, "No route to host")
    assert told() == (None, "")


def test_without_what_github_says_of_its_own_syncs_the_list_counts_all_the_same(small: Connected) -> None:
    small.cloud.sync_status = [{"server_id": 7, "last_sync": "not as GitHub describes it"}]
    assert outcome(small.sync(small.cloud)) == (JobState.SUCCESS, "")
    assert licenses.current_count(small.enterprise) is not None


# Linked identities -------------------------------------------------------------------------------------------------


@pytest.fixture
def linked(pages: Connected) -> Connected:
    """Three pages of identities, for the first of which somebody is on a server."""
    pages.cloud.identities = [
        linked_identity(row["github_com_login"], f"E{number}", f"{row['github_com_login']}@corp.example")
        for number, row in enumerate(pages.cloud.licenses[:250])
    ]
    row = pages.cloud.licenses[0]
    server = deployments.server_named(pages.enterprise, "ghes.example")
    import_one(pages.enterprise, report([(1, f"{row['github_com_login']}@corp.example")]), server=server)
    return pages


def problem_of(cloud: Deployment) -> str:
    assert cloud.identities_problem
    return str(cloud.identities_problem["code"])


def graphql(played: Connected) -> int:
    return played.cloud.seen["POST /graphql"]


def test_identities_are_fetched_with_the_list_and_count_at_once(linked: Connected) -> None:
    job = linked.sync(linked.cloud)
    assert outcome(job) == (JobState.SUCCESS, "")
    assert graphql(linked) == 3
    assert [file.kind for file in job.files.order_by("pk")] == ["cloud_licenses", "cloud_identities"]
    login = linked.cloud.licenses[0]["github_com_login"]
    assert frozenset({("cloud", login), ("ghes.example", "user-1")}) in people(linked.enterprise)
    cloud = linked.deployment(linked.cloud)
    assert cloud.identities_at == cloud.list_date
    assert cloud.identities_problem is None
    assert linked.sync(linked.cloud).accounts_changed == 0


def test_without_an_owners_token_the_list_counts_all_the_same(linked: Connected) -> None:
    linked.cloud.is_owners = False
    assert outcome(linked.sync(linked.cloud)) == (JobState.SUCCESS, "")
    cloud = linked.deployment(linked.cloud)
    assert cloud.identities_at is None
    assert problem_of(cloud) == "identities_not_shown"
    linked.cloud.is_owners = True
    linked.sync(linked.cloud)
    assert linked.deployment(linked.cloud).identities_problem is None


def test_identities_that_are_known_stay_where_they_can_not_be_fetched(linked: Connected) -> None:
    linked.sync(linked.cloud)
    before = linked.deployment(linked.cloud)
    for trouble, problem in (
        (Trouble(status=502, times=100, path="graphql"), "server_in_trouble"),
        (Trouble(sign_in_page=True, times=100, path="graphql"), "sign_in_page"),
        (Trouble(close_after_bytes=500, times=100, path="graphql"), "connection_lost"),
    ):
        linked.cloud.expect(trouble)
        job = linked.sync(linked.cloud)
        linked.cloud.recover()
        assert outcome(job) == (JobState.SUCCESS, "")
        now = linked.deployment(linked.cloud)
        assert problem_of(now) == problem
        assert now.identities_at == before.identities_at
        assert now.list_date is not None
        assert before.list_date is not None
        assert now.list_date > before.list_date
        assert len(people(linked.enterprise)) == 650


def test_a_limit_amid_identities_keeps_what_is_fetched(linked: Connected) -> None:
    linked.cloud.graphql.limit, linked.cloud.graphql.used = 2, 0
    linked.cloud.graphql.resets_at = time.time() + 120
    job = linked.sync(linked.cloud)
    assert (job.state, job.phase) == (JobState.PENDING, Phase.RATE_LIMITED)
    assert (job.progress_done, job.progress_total) == (9, 10), "pages of both"
    linked.cloud.graphql.limit = 5_000
    LicenseSyncJob.objects.update(not_before=timezone.now())
    run_job.run_job(job.pk)
    job.refresh_from_db()
    assert outcome(job) == (JobState.SUCCESS, "")
    assert graphql(linked) == 4, "each page once, and the one that was refused"
    assert max(linked.cloud.pages_asked().values()) == 1
    assert linked.deployment(linked.cloud).identities_at is not None


def test_identities_that_are_never_whole_are_left(linked: Connected) -> None:
    complete = linked.cloud.identities
    assert complete is not None

    class Shrinking(list[Any]):
        """Of every page after the first, the last one has gone."""

        def __getitem__(self, place: Any) -> Any:
            found = super().__getitem__(place)
            return found[:-1] if isinstance(place, slice) and place.start else found

    linked.cloud.identities = Shrinking(complete)
    assert outcome(linked.sync(linked.cloud)) == (JobState.SUCCESS, "")
    assert linked.deployment(linked.cloud).identities_problem == {"code": "identities_keep_changing", "params": {}}
    assert graphql(linked) == 3 * sync_now.ROUNDS


def test_a_sync_by_which_many_lose_their_identity_asks(linked: Connected) -> None:
    linked.sync(linked.cloud)
    assert linked.cloud.identities is not None
    linked.cloud.identities = linked.cloud.identities[:100]
    job = linked.sync(linked.cloud)
    assert outcome(job) == (JobState.FAILURE, "fewer_identities")
    files = list(job.files.order_by("pk"))
    assert [file.question for file in files] == [Question.FEWER_IDENTITIES] * 2
    assert receive_usage.answer(files[0], accept_shrink=True)
    job = LicenseSyncJob.objects.latest("pk")
    run_job.run_job(job.pk)
    job.refresh_from_db()
    assert outcome(job) == (JobState.SUCCESS, "")
    assert CloudUser.objects.filter(valid_to=OPEN).exclude(identity_addresses="").count() == 100


def test_identities_that_were_added_while_a_sync_waited_are_newer(linked: Connected) -> None:
    linked.sync(linked.cloud)
    login = linked.cloud.licenses[0]["github_com_login"]
    job = linked.request(linked.cloud)
    began = timezone.now() - timedelta(minutes=5)
    LicenseSyncJob.objects.filter(pk=job.pk).update(fetch={"began": began.isoformat()})
    Deployment.objects.filter(kind="cloud").update(list_date=began - timedelta(minutes=5))
    everybody = [
        (row["github_com_login"], f"new-{row['github_com_login']}@corp.example") for row in linked.cloud.licenses
    ]
    added = import_one(linked.enterprise, identities(*everybody))
    run_job.run_job(job.pk)
    job.refresh_from_db()
    assert outcome(job) == (JobState.SUCCESS, "")
    cloud = linked.deployment(linked.cloud)
    assert cloud.list_date == began
    assert cloud.identities_at == added.files.get().created_at
    kept = CloudUser.objects.get(login=login, valid_to=OPEN)
    assert kept.identity_addresses == f"new-{login}@corp.example"


def test_what_takes_github_too_long_is_asked_for_in_smaller_pages(linked: Connected) -> None:
    linked.cloud.expect(Trouble(status=502, times=2, path="graphql"))
    assert outcome(linked.sync(linked.cloud)) == (JobState.SUCCESS, "")
    # Of 100 and of 50 in vain, of 25, then again of 100: up to 125, 225, 250.
    assert graphql(linked) == 2 + 1 + 3
    assert CloudUser.objects.filter(valid_to=OPEN).exclude(identity_addresses="").count() == 250
