"""Whatever happens to the worker of a sync: the job ends, no page is fetched twice, and nobody is counted twice.

Workers are real processes, and killed as the kernel does it. With the whole product around them:
tests/config/test_workers.py and test_syncing.py.
"""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import consolidate, delete_deployment, payloads, run_job, sweep, sync_now, take_in
from licensesync.licenses import queries as license_queries
from licensesync.licenses import services as licenses
from licensesync.simulated_github import Trouble
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobState, LicenseSyncJob, Trigger
from licensesync.syncing.working import Work
from licensesync.usage import services as usage
from licensesync.usage import staging
from tests import worlds
from tests.flows.github import Connected, connected
from tests.flows.lists import people
from tests.flows.workers import assert_nothing_left_over, end_of, kill, take_up_again, together, wait_for, worker

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = 4
LICENSES = 350


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.CONNECT_ALLOW = ("127.0.0.1",)
    settings.RETRY_SECONDS = 0.02
    settings.HEARTBEAT_SECONDS, settings.STALLED_SECONDS = 0.1, 0.6


@pytest.fixture
def cloud() -> Iterator[Connected]:
    with connected(worlds.generated(servers=0, licenses=LICENSES)) as played:
        yield played


@pytest.fixture
def small() -> Iterator[Connected]:
    with connected(worlds.small()) as played:
        yield played


def assert_each_counted_once(cloud: Connected) -> None:
    assert_nothing_left_over(cloud.enterprise)
    assert people(cloud.enterprise) == {frozenset({("cloud", f"octo-{n}")}) for n in range(1, LICENSES + 1)}
    count = license_queries.current_count(cloud.enterprise)
    assert count is not None
    assert (count.consumed, count.cloud_only) == (LICENSES, LICENSES)


EVERY_PAGE_ONCE = dict.fromkeys(range(1, PAGES + 1), 1)

# Where the worker of a cloud's sync is killed: before which call of what.
STEPS = [
    (sync_now, "_stored", 3),  # a page is here, but not on the disk: this one is asked for again
    (sync_now, "_joined", 1),
    (payloads, "store", 1),
    (syncing, "attach", 1),
    (take_in, "turn", 1),
    (staging, "stage_cloud_list", 1),
    (staging, "compare_cloud_list", 1),
    (usage, "apply_cloud_diff", 1),
    (consolidate, "count_again", 1),
    (licenses, "writing_licenses", 1),
    (licenses, "end_licenses", 1),
    (licenses, "write_accounts", 1),
    (syncing, "succeed", 1),
    (deployments, "show_generation", 1),
    (licenses, "finish_count", 1),
    (syncing, "hurry", 1),  # all is done, only nobody was told
]


@pytest.mark.parametrize(("module", "name", "call"), STEPS, ids=[name for _, name, _ in STEPS])
def test_a_killed_worker(cloud: Connected, tmp_path: Path, module: Any, name: str, call: int) -> None:
    job = cloud.request(cloud.cloud)
    kill(job, (module, name), tmp_path / "there", call=call)
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    expected = EVERY_PAGE_ONCE | ({call: 2} if name == "_stored" else {})
    assert cloud.cloud.pages_asked() == expected
    assert job.accounts_read == LICENSES
    assert_each_counted_once(cloud)


def test_killed_while_a_page_is_on_its_way(cloud: Connected) -> None:
    """Of the page that never came whole nothing is taken for whole."""
    job = cloud.request(cloud.cloud)
    cloud.cloud.expect(Trouble(after=2, bytes_per_second=200))
    with worker(job, (syncing, "attach"), lambda: None):
        wait_for(lambda: cloud.cloud.pages_asked()[3] == 1)
        time.sleep(0.2)
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert cloud.cloud.pages_asked() == EVERY_PAGE_ONCE | {3: 2}
    assert_each_counted_once(cloud)


def test_killed_while_it_waits_for_a_moment(cloud: Connected, tmp_path: Path) -> None:
    job = cloud.request(cloud.cloud)
    cloud.cloud.slow_down(1, after=2)
    kill(job, (Work, "pause"), tmp_path / "there")
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    asked = cloud.cloud.pages_asked()
    assert (asked[1], asked[2], asked[4]) == (1, 1, 1)
    assert_each_counted_once(cloud)


def test_three_killed_workers_end_the_job_and_the_next_sync_begins_anew(cloud: Connected, tmp_path: Path) -> None:
    job = cloud.request(cloud.cloud)
    for attempt in range(3):
        kill(job, (staging, "compare_cloud_list"), tmp_path / str(attempt))
        wait_for(lambda: bool(syncing.reap_stalled()))
    assert end_of(job) == (JobState.FAILURE, "worker_stopped")
    assert not people(cloud.enterprise)
    assert cloud.sync(cloud.cloud).state == JobState.SUCCESS
    assert_each_counted_once(cloud)


@pytest.mark.parametrize(
    "step",
    [
        (sync_now, "folder_of"),
        (payloads, "store"),
        (usage, "write_first_list"),
        (consolidate, "count_again"),
        (deployments, "take_facts"),
    ],
    ids=lambda step: step[1],
)
def test_a_killed_worker_of_a_server(small: Connected, tmp_path: Path, step: tuple[Any, str]) -> None:
    job = small.request(small.server)
    kill(job, step, tmp_path / "there")
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert (job.accounts_read, job.attempts) == (6, 2)
    assert_nothing_left_over(small.enterprise)
    assert len(people(small.enterprise)) == 5


def test_two_workers_race(cloud: Connected) -> None:
    job = cloud.request(cloud.cloud)
    start = threading.Barrier(2)

    def race() -> None:
        start.wait()
        run_job.run_job(job.pk)

    together(*[race] * 2)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert job.attempts == 1
    assert cloud.cloud.pages_asked() == EVERY_PAGE_ONCE
    assert_each_counted_once(cloud)


def test_a_worker_that_was_taken_for_dead_takes_nothing_from_the_next(
    cloud: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It oversleeps right before it delivers the list; another is in the middle of the pages when it wakes up."""
    job = cloud.request(cloud.cloud)
    original = syncing.attach
    overslept, second_at_work = threading.Event(), threading.Event()

    def oversleep(job: LicenseSyncJob, *facts: Any, **more: Any) -> Any:
        if job.attempts > 1:
            second_at_work.set()
            assert first_done.wait(20)
            return original(job, *facts, **more)
        overslept.set()
        assert second_at_work.wait(20)
        return original(job, *facts, **more)

    first_done = threading.Event()
    monkeypatch.setattr(syncing, "attach", oversleep)
    monkeypatch.setattr(syncing, "beat", lambda *_: True)  # neither hears that it is too late

    def first() -> None:
        run_job.run_job(job.pk)
        first_done.set()

    def second() -> None:
        assert overslept.wait(20)
        LicenseSyncJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
        assert syncing.reap_stalled()
        run_job.run_job(job.pk)

    work = iter([first, second])
    lock = threading.Lock()

    def either() -> None:
        with lock:
            mine = next(work)
        mine()

    together(*[either] * 2)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert job.files.count() == 1
    assert cloud.cloud.pages_asked() == EVERY_PAGE_ONCE
    assert_each_counted_once(cloud)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (sync_now, "_joined"),
        (staging, "compare_cloud_list"),
        (licenses, "writing_licenses"),
        (licenses, "end_licenses"),
        (licenses, "finish_count"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_connection_to_the_database_is_cut(
    cloud: Connected, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """Not the job's fault: another worker, or the same one, takes it up again."""
    if connection.vendor != "postgresql":
        pytest.skip("nobody can cut a file off")
    job = cloud.request(cloud.cloud)
    original = getattr(module, name)
    cut: list[int] = []

    def cut_first(*args: Any, **more: Any) -> Any:
        if not cut:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                cut.append(cursor.fetchone()[0])
            thread = threading.Thread(target=terminate, args=(cut[0],))
            thread.start()
            thread.join()
        return original(*args, **more)

    monkeypatch.setattr(module, name, cut_first)
    run_job.run_job(job.pk)
    assert end_of(job)[0] in (JobState.PENDING, JobState.RUNNING)
    LicenseSyncJob.objects.update(not_before=timezone.now())
    take_up_again(job)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert cloud.cloud.pages_asked() == EVERY_PAGE_ONCE
    assert_each_counted_once(cloud)


def terminate(backend: int) -> None:
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    finally:
        connection.close()


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(hours=3)], ids=["back", "ahead"])
def test_a_clock_that_jumps_under_a_dead_worker(cloud: Connected, tmp_path: Path, jump: timedelta) -> None:
    """What was written before the jump lies in the future, or long ago."""
    job = cloud.request(cloud.cloud)
    kill(job, (staging, "compare_cloud_list"), tmp_path / "there")
    end_of(job)
    assert job.heartbeat_at is not None
    LicenseSyncJob.objects.update(heartbeat_at=job.heartbeat_at - jump)
    sweep.sweep()
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert_each_counted_once(cloud)


def test_a_clock_that_jumps_ahead_ends_a_wait(cloud: Connected) -> None:
    cloud.cloud.slow_down(60, after=2)
    job = cloud.sync(cloud.cloud)
    assert end_of(job)[0] == JobState.PENDING
    cloud.cloud.secondary = None
    LicenseSyncJob.objects.update(not_before=job.not_before - timedelta(hours=3))
    run_job.run_job(job.pk)
    assert end_of(job) == (JobState.SUCCESS, "")
    assert cloud.cloud.pages_asked() == EVERY_PAGE_ONCE | {3: 2}


def test_two_schedulers_at_once_request_one_sync_each(small: Connected) -> None:
    moved = timezone.now() - timedelta(days=30)  # nobody scheduled for a month
    type(small.deployment(small.server).connection).objects.update(next_sync_at=moved)
    start = threading.Barrier(4)

    def schedule() -> None:
        start.wait()
        sync_now.request_due()

    together(*[schedule] * 4)
    assert LicenseSyncJob.objects.filter(trigger=Trigger.SCHEDULED).count() == 2  # the server's and the cloud's
    for job in LicenseSyncJob.objects.order_by("pk"):
        run_job.run_job(job.pk)
        assert end_of(job) == (JobState.SUCCESS, "")


DELETION = [
    (usage, "end_all"),
    (consolidate, "count_again"),
    (licenses, "finish_count"),
    (usage, "forget_superseded"),
    (licenses, "forget_superseded"),
    (licenses, "forget_deployment"),
    (deployments, "delete"),
]


@pytest.mark.parametrize("step", DELETION, ids=[name for _, name in DELETION])
def test_a_killed_deletion(small: Connected, tmp_path: Path, step: tuple[Any, str]) -> None:
    for each in (small.server, small.cloud):
        assert small.sync(each).state == JobState.SUCCESS
    server = small.deployment(small.server)
    job = delete_deployment.request_deletion(server, requested_by=None)
    kill(job, step, tmp_path / "there")
    take_up_again(job)
    assert not Deployment.objects.filter(pk=server.pk).exists()
    assert not LicenseSyncJob.objects.filter(pk=job.pk).exists()
    assert_nothing_left_over(small.enterprise)
    logins = {frozenset({("cloud", login)}) for login in ("defunkt", "mona-lisa", "pj")}
    assert people(small.enterprise) == logins
    count = license_queries.current_count(Enterprise.objects.get(pk=small.enterprise.pk))
    assert count is not None
    assert (count.consumed, count.accounts) == (3, 3)
