"""The running product for tests: `manage.py up` as a person would start it, on data of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg
from redis import Redis

MANAGE = Path(__file__).parent.parent / "manage.py"
START_SECONDS = 120
STOP_SECONDS = 40


@dataclass
class Product:
    process: "subprocess.Popen[bytes]"
    output: Path
    data_dir: Path
    environment: dict[str, str] = field(repr=False)  # it may hold passwords

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return self._said(r"LicenseSync runs at (\S+)/ ")

    @property
    def first_owner_link(self) -> str:
        wait_for(self, "first owner, once:")
        return self._said(r"first owner, once: (\S+)")

    def said(self) -> str:
        return self.output.read_text()

    def family(self) -> list[psutil.Process]:
        """Every process below `up`."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, words: str) -> psutil.Process:
        """The one child of `up` that was started with these words, in this order."""
        children = psutil.Process(self.process.pid).children()
        pattern = r"\b.*\b".join(words.split())
        return next(child for child in children if re.search(pattern, " ".join(child.cmdline())))

    def manage(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Another command on the same data, in the foreground."""
        command = [sys.executable, str(MANAGE), *words]
        return subprocess.run(
            command, input=stdin, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def _said(self, pattern: str) -> str:
        match = re.search(pattern, self.said())
        assert match, self.said()
        return match[1]


def product_environment(data_dir: Path, **more: str) -> dict[str, str]:
    """The environment of an embedded product: SQLite and files, whatever the tests themselves run on."""
    ours = ("DATABASE_", "REDIS_", "LICENSESYNC_", "DJANGO_")
    rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return rest | {"LICENSESYNC_DATA_DIR": str(data_dir)} | more


def start(data_dir: Path, *words: str, environment: dict[str, str] | None = None) -> Product:
    """Start it on a free port. It may not answer yet."""
    environment = environment or product_environment(data_dir)
    output = data_dir.with_name(f"{data_dir.name}.output")
    command = [sys.executable, str(MANAGE), "up", "--bind", "127.0.0.1:0", *words]
    with output.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    return Product(process, output, data_dir, environment)


def wait_for(product: Product, pattern: str, seconds: float = START_SECONDS) -> None:
    """Until the product has said this, and the line is whole."""
    deadline = time.monotonic() + seconds
    while not re.search(pattern + r".*\n", product.said()):
        assert product.process.poll() is None, f"It ended:\n{product.said()}"
        assert time.monotonic() < deadline, f"It never said {pattern!r}:\n{product.said()}"
        time.sleep(0.1)


@contextmanager
def running(data_dir: Path, *words: str, environment: dict[str, str] | None = None) -> Iterator[Product]:
    """The product, answering; stopped afterwards in whatever state it is."""
    product = start(data_dir, *words, environment=environment)
    try:
        wait_for(product, "LicenseSync runs at")
        yield product
    finally:
        if product.process.poll() is None:
            product.stop()


_taken: set[int] = set()


@contextmanager
def redis_of_its_own() -> Iterator[str]:
    """REDIS_URL with a number that no other product of this run uses, emptied: a worker of one product would take the
    messages of another, and do nothing with them."""
    url = urlsplit(os.environ["REDIS_URL"])
    ours = int(url.path.strip("/") or 0)
    number = next(number for number in range(ours + 1, 16) if number not in _taken)
    _taken.add(number)
    try:
        own = url._replace(path=f"/{number}").geturl()
        with Redis.from_url(own) as connection:
            connection.flushdb()
        yield own
    finally:
        _taken.discard(number)


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL for a product beside the tests: a new database, another Redis number."""
    name = f"licensesync_product_{uuid4().hex[:8]}"
    database = urlsplit(os.environ["DATABASE_URL"])
    with (
        redis_of_its_own() as redis,
        psycopg.connect(database._replace(path="/postgres").geturl(), autocommit=True) as connection,
    ):
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield {
                "DATABASE_URL": database._replace(path=f"/{name}").geturl(),
                "REDIS_URL": redis,
            }
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def all_gone(processes: Sequence[psutil.Process], seconds: float) -> bool:
    _gone, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive
