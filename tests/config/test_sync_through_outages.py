"""What goes away while a running product syncs: its worker, its queue, and the hours in which nobody scheduled."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NobodyAnswers

from licensesync.simulated_github import SimulatedCloud, SimulatedGitHub, Trouble, running
from tests import worlds
from tests.config.test_workers import QUICK, enterprise_in, product_of, told, worker
from tests.product import Product, product_environment
from tests.product import running as running_product_of

CONNECT_CLOUD = """
from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection
from licensesync.flows import sync_now
from licensesync.licenses.queries import current_count
from licensesync.syncing.models import Trigger

enterprise = Enterprise.objects.get(slug="octo")
cloud = deployments.cloud_of(enterprise)
if not Connection.objects.filter(deployment=cloud).exists():
    connections.connect(cloud, url=url, cloud_slug=slug, token=token, connected_by=None)
"""
CLICKED = (
    CONNECT_CLOUD
    + """
job = sync_now.request_sync(cloud, trigger=Trigger.SYNC_NOW)
print(json.dumps([job.pk, job.state]))
"""
)
BECOMES = """
def has_become():
    row = LicenseSyncJob.objects.get(pk=job)
    return dict(state=row.state, phase=row.phase).items() >= state.items()
wait_for(has_become)
print(json.dumps(None))
"""
END = """
from licensesync.licenses.queries import current_count
job = LicenseSyncJob.objects.get(pk=job)
def is_over():
    job.refresh_from_db()
    return job.state not in ("PENDING", "RUNNING")
wait_for(is_over, seconds=110)
enterprise = Enterprise.objects.get(slug="octo")
count = current_count(enterprise)
print(json.dumps([job.state, job.problem_code, count and count.consumed]))
"""


@contextmanager
def cloud_of(licenses: int) -> Iterator[tuple[SimulatedCloud, dict[str, str]]]:
    """A cloud that is played, and what one has to know to connect to it."""
    played = worlds.generated(servers=0, licenses=licenses)
    with running(SimulatedGitHub([], played.cloud)) as addresses:
        assert played.cloud
        assert addresses.cloud
        yield played.cloud, {"url": addresses.cloud, "slug": played.cloud.slug, "token": played.cloud.token}


def until(happened: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


ALLOWED = {"LICENSESYNC_CONNECT_ALLOW": "127.0.0.1"}


def test_three_hundred_pages_a_rate_limit_and_a_new_worker(data_dir: Path) -> None:
    """GitHub asks for a pause in the middle, and later the worker is killed: hardly a page is asked for twice."""
    pages, per_page = 300, 100
    parts = ("--only", "web", "--only", "upkeep", "--only", "scheduler")
    with (
        cloud_of(pages * per_page) as (cloud, access),
        product_of(data_dir, *parts, **QUICK, **ALLOWED) as product,
    ):
        enterprise_in(product)
        cloud.slow_down(15, after=120)  # longer than a worker waits itself
        with worker(product):
            job, _ = told(product, CLICKED, **access)
            until(lambda: cloud.refused)
            told(product, BECOMES, job=job, state={"state": "PENDING", "phase": "rate_limited"})
            assert cloud.pages_asked()[121] == 1
            until(lambda: cloud.pages_asked()[200], seconds=90)
        with worker(product):
            state, problem, people = told(product, END, job=job)
    assert (state, problem, people) == ("SUCCESS", "", pages * per_page)
    asked = cloud.pages_asked()
    assert set(asked) == set(range(1, pages + 1))
    twice = {page: times for page, times in asked.items() if times > 1}
    assert twice.pop(121) == 2, "the refused one"
    assert sum(times - 1 for times in twice.values()) <= 1, "the one that the killed worker had asked for"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator["OwnRedis"]:
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server on this machine")
    redis = OwnRedis(tmp_path)
    redis.start()
    yield redis
    redis.stop()


class OwnRedis:
    """A Redis that a test may stop. As it stops, it forgets every message."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            ["redis-server", *words, "--dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self.answers)

    def answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except NobodyAnswers:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


def test_redis_stops_between_the_click_and_the_worker_and_again_during_a_run(
    data_dir: Path, own_redis: OwnRedis
) -> None:
    environment = product_environment(data_dir, REDIS_URL=own_redis.url, **QUICK, **ALLOWED)
    with (
        cloud_of(400) as (cloud, access),
        running_product_of(data_dir, environment=environment) as product,
    ):
        enterprise_in(product)
        own_redis.stop()
        job, state = told(product, CLICKED, **access)
        assert state == "PENDING", "the click counts, though nobody can be told"
        assert not cloud.seen
        own_redis.start()
        assert told(product, END, job=job) == ["SUCCESS", "", 400]

        cloud.turnover(come=7)
        cloud.expect(Trouble(after=1, times=3, delay_seconds=2))
        job, _ = told(product, CLICKED, **access)
        told(product, BECOMES, job=job, state={"state": "RUNNING"})
        own_redis.stop()
        time.sleep(3)
        own_redis.start()
        assert told(product, END, job=job) == ["SUCCESS", "", 407]
        assert_still_at_work(product, access)


def assert_still_at_work(product: Product, access: dict[str, str]) -> None:
    """The next click is carried out as well."""
    job, _ = told(product, CLICKED, **access)
    assert told(product, END, job=job)[0] == "SUCCESS"


def test_the_scheduler_catches_up_once_after_a_month_without_it(data_dir: Path) -> None:
    """Nobody clicks. The hour of the weekly sync lies a month back, as after a machine that was off."""
    with (
        cloud_of(30) as (_, access),
        product_of(data_dir, LICENSESYNC_SCHEDULE_SECONDS="1", **QUICK, **ALLOWED) as product,
    ):
        enterprise_in(product)
        jobs, hour = told(
            product,
            CONNECT_CLOUD
            + """
from datetime import timedelta
from django.utils import timezone
usual = cloud.connection.next_sync_at
connections.Connection.objects.update(next_sync_at=usual - timedelta(days=35))
jobs = LicenseSyncJob.objects.filter(deployment=cloud)
def is_done():
    return jobs.filter(state="SUCCESS").exists()
wait_for(is_done)
time.sleep(4)  # several more looks of the scheduler
cloud.connection.refresh_from_db()
following = cloud.connection.next_sync_at
hour = [following > timezone.now(), ((following - usual) % timedelta(days=7)).total_seconds()]
print(json.dumps([[[job.trigger, job.state] for job in jobs], hour]))
""",
            **access,
        )
    assert jobs == [["scheduled", "SUCCESS"]]
    assert hour == [True, 0]
