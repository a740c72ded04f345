"""`manage.py up` as a real process: what it says, what it leaves behind."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from licensesync.config.in_use import one_at_a_time
from licensesync.config.management.commands import up
from tests.product import Product, all_gone, product_environment, running, services, start, wait_for

FAMILY = 8  # web and its two, worker and its two, upkeep, scheduler

on_services = pytest.mark.skipif(
    not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")), reason="DATABASE_URL and REDIS_URL not set"
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One for all tests that leave it running."""
    with running(tmp_path_factory.mktemp("up") / "data") as product:
        yield product


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_starts_from_nothing(product: Product) -> None:
    assert status(product.url + "/") < 500
    assert product.first_owner_link.startswith(product.url)
    assert status(product.first_owner_link) == 200
    assert "Traceback" not in product.said()


def test_data_is_for_our_eyes_only(product: Product) -> None:
    open_to_others = []
    for path in (product.data_dir, *product.data_dir.rglob("*")):
        with suppress(FileNotFoundError):  # messages come and go meanwhile
            if path.stat().st_mode & 0o077:
                open_to_others.append(path)
    assert open_to_others == []


def test_commands_print_links_that_lead_to_it(product: Product) -> None:
    made = product.manage("bootstrap", "--enterprise", "acme", "--owner", "owner@example.com")
    assert json.loads(made.stdout)["password_link"].startswith(f"{product.url}/")
    link = product.manage("reset_password", "owner@example.com").stdout.strip()
    assert link.startswith(f"{product.url}/")
    assert status(link) == 200


def test_a_second_one_on_the_same_data_is_refused(product: Product) -> None:
    again = product.manage("up", "--bind", "127.0.0.1:0")
    assert again.returncode == 1
    assert f"LicenseSync runs on {product.data_dir} already. Stop it, or name another --data-dir." in again.stderr
    assert (product.data_dir / "address").read_text() == product.url


def test_messages_do_not_pile_up(product: Product) -> None:
    """The scheduler sends, the worker takes."""
    messages = product.data_dir / "queue" / "messages"
    deadline = time.monotonic() + 20
    while list(messages.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(messages.iterdir())


def test_a_worker_that_is_long_gone_is_forgotten_by_those_that_run(product: Product) -> None:
    for name in ("worker", "upkeep"):  # each forgets as it starts, too
        wait_for(product, rf"{name}@\S+ ready\.")
    with closing(sqlite3.connect(product.data_dir / "licensesync.sqlite3", isolation_level=None)) as database:
        ago = "'worker@gone', '', '1.0.0', '2026-01-01 00:00:00', '2026-01-01 00:00:00'"
        database.execute(f"INSERT INTO operations_seen (name, queues, version, started_at, seen_at) VALUES ({ago})")
        asked = "SELECT count(*) FROM operations_seen WHERE name = 'worker@gone'"
        deadline = time.monotonic() + 40
        while database.execute(asked).fetchone()[0] and time.monotonic() < deadline:
            time.sleep(0.5)
        assert database.execute(asked).fetchone() == (0,)


def test_a_part_that_dies_is_started_again(product: Product) -> None:
    worker = product.child("celery worker")
    worker.kill()
    wait_for(product, r"The worker stopped by itself \(SIGKILL\) and starts again in 1 s\.")
    deadline = time.monotonic() + 20
    while len(product.family()) < FAMILY and time.monotonic() < deadline:
        time.sleep(0.1)
    assert product.child("celery worker").pid != worker.pid
    assert status(product.url + "/") < 500


def test_as_many_processes_as_are_set(settings: Settings) -> None:
    settings.WEB_PROCESSES, settings.WORKER_PROCESSES = 3, 5
    with socket.create_server(("127.0.0.1", 0)) as listener:
        programs = up.programs_of(listener, "http://127.0.0.1")
    web, worker = (" ".join(each.command) for each in programs if each.name in ("web", "worker"))
    assert "--workers 3 " in web
    assert "--concurrency 5 " in worker


@pytest.fixture(scope="module")
def impatient(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A web server of one process that lets whoever stalls go after a second."""
    data_dir = Path(shutil.copytree(migrated, tmp_path_factory.mktemp("impatient") / "data"))
    few = {"LICENSESYNC_WEB_STALL_SECONDS": "1", "LICENSESYNC_WEB_PROCESSES": "1"}
    with running(data_dir, "--only", "web", environment=product_environment(data_dir, **few)) as product:
        yield product


def test_requests_that_never_end_keep_nobody_out(impatient: Product) -> None:
    product = impatient
    with ExitStack() as open_ones:
        address = urlsplit(product.url)
        for words in (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"POST /sign-in HTTP/1.1\r\nContent-Length: 99\r\n\r\na=b"):
            for _ in range(10):  # there are eight threads
                stalled = socket.create_connection((address.hostname or "", address.port or 0))
                open_ones.enter_context(stalled).sendall(words)
        assert status(product.url + "/healthz") == 200
        open_ones.close()  # gunicorn waits two seconds for each that does not hang up, one after the other
        token = json.loads(product.manage("bootstrap", "--enterprise", "a", "--owner", "a@b.example", "--token").stdout)
        headers = f"Host: {address.netloc}\r\nAuthorization: Bearer {token['token']}\r\nTransfer-Encoding: chunked\r\n"
        with socket.create_connection((address.hostname or "", address.port or 0)) as pipe:
            pipe.sendall(f"POST /api/v3/enterprises/a/usage HTTP/1.1\r\n{headers}\r\n3\r\nid,\r\n".encode())
            assert b"The body stopped before it was complete." in pipe.makefile("rb").read()
        with socket.create_connection((address.hostname or "", address.port or 0)) as pipe:
            pipe.sendall(f"POST /api/v3/enterprises/a/usage HTTP/1.1\r\n{headers}\r\nzz\r\n".encode())
            assert b"The body is not in chunks as its headers say." in pipe.makefile("rb").read()
        assert "Traceback" not in product.said()


def test_who_does_not_take_a_file_is_let_go(impatient: Product) -> None:
    """As who takes no other answer. Six times the largest file are more than the system keeps of a connection."""
    product, static = impatient, impatient.data_dir / "static"
    address = urlsplit(product.url)
    size, path = max((each.stat().st_size, each) for each in static.rglob("*.*.js"))
    asked = f"GET /static/{path.relative_to(static)} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0)) as idle:
        idle.sendall(6 * asked.encode())
        idle.recv(1)
        deadline = time.monotonic() + 30
        while _is_held(product, idle) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not _is_held(product, idle)
        taken = 1
        with suppress(ConnectionResetError):
            while more := idle.recv(1 << 20):
                taken += len(more)
        assert taken < 6 * size
    assert "Traceback" not in product.said()


def _is_held(product: Product, client: socket.socket) -> bool:
    """Whether a process of the product still has the other end."""
    ends = (end for each in product.family() for end in each.net_connections("tcp"))
    return any(end.raddr[1:] == client.getsockname()[1:] for end in ends)


def test_a_machine_can_read_what_the_web_server_says_itself(data_dir: Path) -> None:
    environment = product_environment(data_dir, LICENSESYNC_LOG_FORMAT="json")
    with running(data_dir, "--only", "web", environment=environment) as product:
        address = urlsplit(product.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as client:
            client.sendall(b"GET /setup/0123456789abcdef HTTP/9.9\r\n\r\n")
            client.recv(100)
        wait_for(product, "Invalid request", seconds=10)
        line = next(each for each in product.said().splitlines() if "Invalid request" in each)
        assert json.loads(line)["event"] == "Invalid request: Invalid HTTP Version: (9, 9)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_with_everything_it_started(data_dir: Path, number: signal.Signals) -> None:
    with running(data_dir) as product:
        assert (product.data_dir / "address").read_text() == product.url
        family = product.family()
        assert len(family) >= FAMILY - 2  # a worker may still be bringing up its two
        assert product.stop(number) == 0
        assert all_gone(family, 0)
        assert not (product.data_dir / "address").exists()
        assert "Stopping." in product.said()
        assert "Traceback" not in product.said()


def test_nothing_is_orphaned_when_it_is_killed(data_dir: Path) -> None:
    with running(data_dir) as product:
        family = product.family()
        product.stop(signal.SIGKILL)
        assert all_gone(family, 20)


def test_a_port_in_use_ends_it_in_words_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        product = start(tmp_path / "data", "--bind", f"127.0.0.1:{port}")
        assert product.process.wait(30) == 1
    assert f"127.0.0.1:{port} can't be listened on (address already in use)" in product.said()
    assert not (tmp_path / "data" / "licensesync.sqlite3").exists()


@pytest.mark.parametrize("bind", ["8000", "127.0.0.1:", "127.0.0.1:http", ":8000", "127.0.0.1:70000"])
def test_a_wrong_address_is_refused_in_words(bind: str) -> None:
    with pytest.raises(CommandError, match="write it like 127"):
        up.listen(bind)


def test_an_unknown_host_is_refused_in_words() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.invalid:8000 can't be listened on"):
        up.listen("nowhere.invalid:8000")


def test_an_address_of_another_machine_has_nobody_to_stop() -> None:
    with pytest.raises(CommandError, match="Choose another address with --bind"):
        up.listen("192.0.2.1:8000")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_while_it_is_still_being_prepared(data_dir: Path, number: signal.Signals) -> None:
    """What was made up so far is taken back: half an example would stay so."""
    product = start(data_dir, "--demo")
    wait_for(product, "job_done")
    assert product.stop(number) == 0
    assert "Stopped before anything was started." in product.said()
    assert "Traceback" not in product.said()
    with closing(sqlite3.connect(data_dir / "licensesync.sqlite3")) as database:
        for table in ("users_user", "enterprises_enterprise", "syncing_licensesyncjob", "usage_clouduser"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_what_pages_are_made_with_is_collected_by_one_machine_at_a_time(data_dir: Path) -> None:
    with ExitStack() as meanwhile:
        meanwhile.enter_context(one_at_a_time(data_dir, "collecting"))  # as another machine that starts as well
        product = start(data_dir, "--only", "web")
        try:
            while not (data_dir / "address").exists():
                assert product.process.poll() is None, product.said()
                time.sleep(0.1)
            time.sleep(3)
            assert not (data_dir / "static").exists()
            meanwhile.close()
            wait_for(product, "LicenseSync runs at")
            assert (data_dir / "static" / "staticfiles.json").exists()
        finally:
            product.process.terminate()
            product.process.wait(60)


def test_an_address_of_the_new_kind() -> None:
    with up.listen("[::1]:0") as listener:
        assert listener.getsockname()[0] == "::1"


def test_a_database_that_does_not_answer_ends_it_in_words(tmp_path: Path) -> None:
    environment = product_environment(tmp_path / "data", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    product = start(tmp_path / "data", environment=environment)
    assert product.process.wait(30) == 1
    assert "Database: It does not answer: " in product.said()
    assert "Start the database, or correct DATABASE_URL." in product.said()
    assert "Traceback" not in product.said()


def test_says_what_others_need_when_it_listens_everywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up, "answers", lambda _host, _port: True)
    monkeypatch.setattr(up, "first_owner_path", lambda: None)
    greeting = up.Greeting("127.0.0.1", 8000, "http://127.0.0.1:8000", ask_for_address=True)
    greeting.say_once_web_answers()
    greeting.say_once_web_answers()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("LicenseSync runs at http://127.0.0.1:8000/ ")
    assert "until LICENSESYNC_URL says what people type" in lines[1]


@on_services
def test_runs_on_postgresql_and_redis(tmp_path: Path) -> None:
    with services() as urls:
        environment = product_environment(tmp_path / "data", **urls)
        with running(tmp_path / "data", environment=environment) as product:
            assert status(product.first_owner_link) == 200
            assert not (product.data_dir / "licensesync.sqlite3").exists()
            assert not (product.data_dir / "queue").exists()
            assert product.stop() == 0
