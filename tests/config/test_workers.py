"""Real workers, as `up` starts them: busy ones, killed ones, and ones that are asked to stop."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from licensesync.config.management.commands import up
from tests.flows.lists import account, server_export
from tests.product import MANAGE, Product, product_environment, running, services, wait_for

QUICK = {"LICENSESYNC_HEARTBEAT_SECONDS": "0.5", "LICENSESYNC_STALLED_SECONDS": "3", "LICENSESYNC_SWEEP_SECONDS": "1"}


@contextmanager
def product_of(data_dir: Path, *words: str, **more: str) -> Iterator[Product]:
    """A product on the same kind of database and queue as the tests."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        with (
            services() as urls,
            running(data_dir, *words, environment=product_environment(data_dir, **urls, **more)) as product,
        ):
            yield product
    else:
        with running(data_dir, *words, environment=product_environment(data_dir, **more)) as product:
            yield product


@contextmanager
def worker(product: Product, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The worker that `up` would start beside this product, with more words on its command line."""
    [program] = [each for each in up.programs_of(None, product.url) if each.name == "worker"]
    environment = product.environment | {"PYTHONPATH": str(MANAGE.parent)}
    with (product.data_dir.parent / "worker.output").open("wb") as output:
        process = subprocess.Popen(
            [*program.command, *words], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def told(product: Product, script: str, **values: Any) -> Any:
    """What a script prints as JSON that runs in the product's own environment."""
    assigned = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    answer = product.manage("shell", "--no-imports", "-c", assigned + PREPARED + script)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


PREPARED = """
import json, os, signal, time
from django.db import connection
from licensesync.enterprises.models import Enterprise
from licensesync.flows import receive_usage
from licensesync.syncing import services as syncing
from licensesync.syncing.models import LicenseSyncJob, UsageFile
from licensesync.syncing.working import at_work

def wait_for(what, seconds=60):
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.1)
    return time.monotonic() - began
"""
DELIVERED = """
with open(path, "rb") as content:
    file = receive_usage.receive_file(
        content, enterprise=Enterprise.objects.get(slug="octo"), name="list", uploaded_by=None
    )
def has_become_a_job():
    file.refresh_from_db()
    return file.job_id
"""
ADDED = (
    DELIVERED
    + """
recognised_after = wait_for(has_become_a_job)
job = file.job
"""
)


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[int], str]:
    """A list with so many accounts, as a file."""

    def write(count: int) -> str:
        path = tmp_path / "list.json"
        path.write_bytes(server_export(account(n, f"user-{n}@octo.example") for n in range(1, count + 1)))
        return str(path)

    return write


def enterprise_in(product: Product) -> None:
    assert product.manage("bootstrap", "--enterprise", "octo", "--owner", "owner@octo.example").returncode == 0


def test_a_killed_worker_is_noticed_while_all_others_are_busy(
    tmp_path: Path, data_dir: Path, listed: Callable[[int], str]
) -> None:
    """Both processes of the worker hold on to something long. A file is recognised all the same, and the job of a
    third worker that is killed is taken from it; it is done as soon as one of the two is free."""
    held = tmp_path / "held"
    held.mkdir()
    parts = ("--only", "web", "--only", "upkeep", "--only", "scheduler")
    with product_of(data_dir, *parts, **QUICK) as product:
        enterprise_in(product)
        with worker(product, "--include", "tests.config.long_tasks"):
            outcome = told(
                product,
                """
from pathlib import Path
from celery import current_app
for _ in range(2):
    current_app.send_task("tests.hold", args=[held], queue="interactive")
wait_for(lambda: len(list(Path(held).glob("held-*"))) == 2)
"""
                + ADDED
                + """
connection.close()
third = os.fork()
if third == 0:
    with at_work(syncing.claim(job.pk)):
        time.sleep(600)
def state(*wanted):
    job.refresh_from_db()
    return job.state in wanted
wait_for(lambda: state("RUNNING"))
os.kill(third, signal.SIGKILL)
os.waitpid(third, 0)
reaped_after = wait_for(lambda: state("PENDING"))
Path(held, "let-go").touch()
wait_for(lambda: state("SUCCESS", "FAILURE"))
print(json.dumps([recognised_after, reaped_after, job.state, job.attempts, job.licenses_after]))
""",
                held=str(held),
                path=listed(50),
            )
    recognised_after, reaped_after, *end = outcome
    assert recognised_after < 15
    assert reaped_after < 3 + 1 + 15  # STALLED_SECONDS, SWEEP_SECONDS, and a machine that is busy
    assert end == ["SUCCESS", 2, 50]


@pytest.mark.parametrize(
    ("accounts", "patience", "end"), [(30_000, "24", ["SUCCESS", 1]), (150_000, "0", ["PENDING", 0])]
)
def test_asked_to_stop_a_worker_finishes_or_gives_the_job_back(
    data_dir: Path, listed: Callable[[int], str], accounts: int, patience: str, end: list[Any]
) -> None:
    more = {"LICENSESYNC_HAND_BACK_SECONDS": patience, "LICENSESYNC_HEARTBEAT_SECONDS": "0.2"}
    with product_of(data_dir, **more) as product:
        enterprise_in(product)
        job = told(
            product,
            ADDED
            + """
def is_running():
    job.refresh_from_db()
    return job.state != "PENDING"
wait_for(is_running)
print(json.dumps(job.pk))
""",
            path=listed(accounts),
        )
        began = time.monotonic()
        product.child("celery worker worker").terminate()
        stopped = r"The worker stopped by itself \(exit code 0\)"
        wait_for(product, stopped)
        assert time.monotonic() - began < 25
        product.stop()
        outcome = told(
            product,
            "row = LicenseSyncJob.objects.get(pk=job); print(json.dumps([row.state, row.attempts, row.problem_code]))",
            job=job,
        )
    assert outcome[:2] == end


def test_who_was_not_stopped_leaves_newer_tables_to_others(data_dir: Path, listed: Callable[[int], str]) -> None:
    """A worker of this version, while a newer one has migrated: a file waits for others, and is not failed."""
    with product_of(data_dir, **QUICK) as product:
        enterprise_in(product)
        left, *end = told(
            product,
            """
from django.db.migrations.recorder import MigrationRecorder
MigrationRecorder(connection).record_applied("usage", "9999_of_a_newer_version")
"""
            + DELIVERED
            + """
time.sleep(4)  # several sweeps
file.refresh_from_db()
left = file.state
MigrationRecorder(connection).record_unapplied("usage", "9999_of_a_newer_version")
wait_for(has_become_a_job)
def is_over():
    file.job.refresh_from_db()
    return file.job.finished_at
wait_for(is_over)
print(json.dumps([left, file.job.state, file.job.attempts]))
""",
            path=listed(20),
        )
        assert "left_to_newer_version" in product.said()
    assert left == "RECOGNISING"
    assert end == ["SUCCESS", 1]
