"""docs/operations.md, done as it says: several machines on PostgreSQL and Redis, one worker killed, Redis away for a
while, a backup that is needed. Without containers, with the commands that stand there."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.conf import settings

from licensesync.simulated_github import SimulatedGitHub, SimulatedServer, running
from licensesync.simulated_github.trouble import Trouble
from tests import worlds
from tests.config.showing import license_page
from tests.config.test_keeping import BRING_BACK, KEEP
from tests.docker.test_compose import status
from tests.product import MANAGE, STOP_SECONDS, product_environment, services

pytestmark = [
    pytest.mark.skipif(
        not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")),
        reason="DATABASE_URL and REDIS_URL not set",
    ),
    pytest.mark.skipif(
        not all(map(shutil.which, ("redis-server", "pg_dump", "pg_restore"))),
        reason="redis-server and PostgreSQL's tools are not installed",
    ),
]
PAGE = (MANAGE.parent / "docs" / "operations.md").read_text()
QUICK = {"LICENSESYNC_HEARTBEAT_SECONDS": "0.5", "LICENSESYNC_STALLED_SECONDS": "5", "LICENSESYNC_SWEEP_SECONDS": "1"}
PATIENCE = 180
PEOPLE = 30


def commands() -> dict[str, list[str]]:
    """Those of the page that run one part, by the part."""
    lines = re.findall(r"^uv run manage\.py (up --only (\w+).*)$", PAGE, re.MULTILINE)
    return {part: words.split() for words, part in lines}


def test_the_page_has_a_command_for_each_part() -> None:
    assert set(commands()) == {"web", "worker", "upkeep", "scheduler"}


@contextmanager
def redis_server(port: int, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


@contextmanager
def machine(environment: dict[str, str], words: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One command of the page in a session of its own; what is left of it at the end is killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(MANAGE), *words], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def test_it_runs_survives_and_is_brought_back(tmp_path: Path) -> None:
    server = SimulatedServer(
        host="ghes.octo.example",
        accounts=[worlds.account(n, f"user-{n}", f"user-{n}@octo.example") for n in range(1, PEOPLE + 1)],
        token="a-token",
        build_asks=0,
    )
    web, redis = free_port(), free_port()
    with ExitStack() as stack:
        urls = stack.enter_context(services())
        address = stack.enter_context(running(SimulatedGitHub([server], None))).servers[server.host]
        environment = product_environment(
            tmp_path / "data",
            DATABASE_URL=urls["DATABASE_URL"], REDIS_URL=f"redis://127.0.0.1:{redis}/0",
            LICENSESYNC_SECRET_KEY=settings.SECRET_KEY, LICENSESYNC_CONNECT_ALLOW="127.0.0.1", **QUICK,
        )  # fmt: skip

        def manage(*words: str, stdin: str = "") -> str:
            answer = subprocess.run(
                [sys.executable, str(MANAGE), *words], env=environment, input=stdin, capture_output=True, text=True,
                check=False, timeout=PATIENCE,
            )  # fmt: skip
            assert answer.returncode == 0, answer.stderr
            return answer.stdout

        def job() -> tuple[Any, ...]:
            with psycopg.connect(urls["DATABASE_URL"]) as connection:
                rows = connection.execute("SELECT state, attempts, phase FROM syncing_licensesyncjob")
                return rows.fetchone() or ()

        def readiness() -> int:
            return status(f"http://127.0.0.1:{web}/readyz")

        def run(part: str, name: str) -> "subprocess.Popen[bytes]":
            words = [word.replace(":8000", f":{web}") for word in commands()[part]]
            return stack.enter_context(machine(environment, words, tmp_path / f"{name}.log"))

        with redis_server(redis, tmp_path):
            parts = {name: run(name, name) for name in ("web", "upkeep", "scheduler")}
            first = run("worker", "first")
            wait_until(lambda: readiness() == 200)

            # One of two workers is killed during a sync, which then ends well.
            manage("bootstrap", "--enterprise", "octo", "--owner", "o@octo.example", "--seats", "50")
            manage(
                "connect", "octo", "server", "--url", address, "--host", server.host, "--login", server.login,
                "--token-stdin", stdin="a-token\n",
            )  # fmt: skip
            server.expect(Trouble(path="all_users.csv", delay_seconds=PATIENCE))
            manage("sync", "octo", "--all")
            wait_until(lambda: job() == ("RUNNING", 1, "fetching"))
            parts["second"] = run("worker", "second")
            kill_all_of(first)
            wait_until(lambda: job()[0] == "SUCCESS")
            assert job() == ("SUCCESS", 2, "")
            before = license_page(environment)
            assert f"{PEOPLE}" in before
            wait_until(lambda: readiness() == 200)

        # Redis is stopped.
        wait_until(lambda: readiness() == 503)
        assert status(f"http://127.0.0.1:{web}/healthz") == 200
        with redis_server(redis, tmp_path):
            wait_until(lambda: readiness() == 200)

            # Backup, wipe, restore.
            for process in parts.values():
                process.send_signal(signal.SIGTERM)
            assert {name: each.wait(STOP_SECONDS) for name, each in parts.items()} == dict.fromkeys(parts, 0)
        dump, database = str(tmp_path / "licensesync.dump"), urls["DATABASE_URL"]
        subprocess.run([*KEEP, dump, database], check=True, timeout=PATIENCE)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        subprocess.run([*BRING_BACK, database, dump], check=True, timeout=PATIENCE)
        assert license_page(environment) == before


def kill_all_of(process: "subprocess.Popen[bytes]") -> None:
    """As a machine dies: `up` and everything that it started, at once."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
