"""`uv run python -m tests.benchmarks.workers`: how many lists two, four, eight worker processes take in, on one
PostgreSQL and one Redis; that nothing is there twice and nothing lost is checked."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.benchmarks import report
from tests.benchmarks.databases import Database

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Load:
    enterprises: int
    instances: int  # of each enterprise
    accounts: int  # of each instance

    @property
    def words(self) -> tuple[str, ...]:
        return (str(self.enterprises), str(self.instances), str(self.accounts))

    @property
    def total(self) -> int:
        return self.enterprises * self.instances * self.accounts


def measure(database: Database, redis_url: str, load: Load, *, processes: int) -> dict[str, float]:
    """Two workers share the processes, and two schedulers run, one of them by mistake. `redis_url` is emptied."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    with database.fresh() as environment:
        environment |= {
            "REDIS_URL": redis_url,
            "LICENSESYNC_WORKER_PROCESSES": str(processes // 2),
            "DJANGO_SETTINGS_MODULE": "licensesync.config.settings",
        }
        _step("fill", load, environment)
        with (
            _running(environment, "worker"),
            _running(environment, "worker", "scheduler"),
            _running(environment, "upkeep", "scheduler"),
        ):
            while (found := _step("outcome", load, environment)).get("open"):
                time.sleep(5)
        return found


@contextmanager
def _running(environment: dict[str, str], *parts: str) -> Iterator[None]:
    only = [word for part in parts for word in ("--only", part)]
    process = subprocess.Popen([sys.executable, "manage.py", "up", *only], cwd=PROJECT, env=environment)
    with ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.terminate)
        yield


def _step(name: str, load: Load, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.many", name, *load.words]
    answer = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1]) or {}


def line(processes: int, load: Load, found: dict[str, float]) -> str:
    jobs = load.enterprises * load.instances
    seconds = found["seconds"]
    return (
        f"| {processes} | {jobs:,} | {load.accounts:,} | {seconds:.0f} | {60 * jobs / seconds:.0f} "
        f"| {load.total / seconds:,.0f} | {found['licenses']:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.workers", description=__doc__)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="a database is made beside it")
    parser.add_argument("--redis-url", default=os.environ.get("REDIS_URL"), help="this number of it is emptied")
    parser.add_argument("--processes", default="2,4,8", help="default: %(default)s")
    parser.add_argument("--enterprises", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--instances", type=int, default=10, help="of each enterprise (default: %(default)s)")
    parser.add_argument("--accounts", type=int, default=5000, help="of each instance (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into this page as well")
    arguments = parser.parse_args()
    load = Load(arguments.enterprises, arguments.instances, arguments.accounts)
    database = Database(arguments.database_url)
    lines = [
        "| Processes | Lists | Accounts of each | Seconds | Lists a minute | Accounts a second | Licenses |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for processes in map(int, arguments.processes.split(",")):
        found = measure(database, arguments.redis_url, load, processes=processes)
        lines.append(line(processes, load, found))
        sys.stderr.write(f"{lines[-1]}\n")
    text = "\n".join([report.machine([database]), "", *lines])
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        report.write(arguments.write, report.WORKERS, text)


if __name__ == "__main__":
    main()
