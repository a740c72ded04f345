"""Commands on a data directory or a database that is not there, or has no tables: a sentence, no traceback."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from licensesync.config import version
from tests.flows.lists import account, server_export
from tests.product import MANAGE, product_environment, services


def manage(data_dir: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(MANAGE), *words],
        env=product_environment(data_dir, **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("words", [("alive", "worker"), ("rotate_keys",), ("reset_password", "owner@example.com")])
def test_a_database_without_tables(tmp_path: Path, words: tuple[str, ...]) -> None:
    keys = ",".join(Fernet.generate_key().decode() for _ in range(2))  # with one there is nothing to rotate
    ended = manage(tmp_path, *words, LICENSESYNC_ENCRYPTION_KEYS=keys)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("The database has no tables yet. Run manage.py migrate or manage.py up.")
    assert "--data-dir" in sentence


def test_the_doctor_finds_that_the_tables_are_missing(tmp_path: Path) -> None:
    ended = manage(tmp_path, "doctor")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "WRONG  Migrations: The database has no tables yet.\n       To do: Run manage.py migrate" in ended.stdout
    assert "Workers" not in ended.stdout, "nobody can tell without the tables"
    assert "Disk: " in ended.stdout


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    for words in (("rotate_keys",), ("migrate",)):
        ended = manage(tmp_path, *words, DATABASE_URL=url)
        assert ended.returncode == 1
        assert ended.stderr.startswith("Database: It does not answer: ")
        assert "correct DATABASE_URL" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_defect_keeps_its_traceback(data_dir: Path) -> None:
    """A table that this version has by its own account is missing: no `migrate` would bring it."""
    database = sqlite3.connect(data_dir / "licensesync.sqlite3")
    database.execute("DROP TABLE operations_seen")
    database.close()
    ended = manage(data_dir, "alive", "worker")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


def test_who_is_not_alive_is_named(data_dir: Path) -> None:
    ended = manage(data_dir, "alive", "scheduler")
    assert ended.returncode == 1
    assert ended.stderr == "CommandError: scheduler was not seen within the last minute.\n"


@pytest.mark.parametrize("words", [("migrate",), ("up", "--bind", "127.0.0.1:0")])
def test_a_file_that_is_no_database(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = tmp_path / "licensesync.sqlite3"
    file.write_text("nothing that SQLite knows. " * 100)
    ended = manage(tmp_path, *words)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"Database: It does not answer: file is not a database. Check who owns {file}, or restore a backup.\n"
    )


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="DATABASE_URL not set")
def test_a_user_who_may_not_make_the_extension_is_told_what_to_do(tmp_path: Path) -> None:
    with services() as environment:
        url = environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as owner:
            name = f"plain_{uuid4().hex[:8]}"
            owner.execute(f"CREATE ROLE {name} LOGIN")
            owner.execute(f"GRANT ALL ON SCHEMA public TO {name}")
        try:
            as_plain = make_conninfo(url, user=name)
            parts = conninfo_to_dict(as_plain)
            plain = f"postgresql://{name}@{parts['host']}:{parts['port']}/{parts['dbname']}"
            ended = manage(tmp_path / "data", "migrate", "--verbosity", "0", DATABASE_URL=plain)
        finally:
            with psycopg.connect(url, autocommit=True) as owner:
                owner.execute(f"DROP OWNED BY {name}")
                owner.execute(f"DROP ROLE {name}")
    assert ended.returncode == 1
    [sentence] = ended.stderr.splitlines()
    assert "run in it: CREATE EXTENSION pg_trgm. Then start again." in sentence


@pytest.mark.skipif(not Path("/sys").is_dir(), reason="only Linux has it")
@pytest.mark.parametrize("name", ["in-use", "secret-key", "queue"])
def test_what_is_not_ours_is_named(data_dir: Path, name: str) -> None:
    theirs = data_dir / name
    elsewhere = Path("/sys/kernel")  # where nobody makes files, not even root, who may do anything with those of others
    if theirs.is_dir():
        shutil.rmtree(theirs)
        theirs.symlink_to(elsewhere)
    else:
        theirs.unlink(missing_ok=True)
        theirs.symlink_to(elsewhere / "nobody")
    ended = manage(data_dir, "up", "--bind", "127.0.0.1:0")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert str(data_dir) in ended.stderr


def test_an_import_that_is_interrupted_leaves_nothing_to_workers(data_dir: Path) -> None:
    exports = [str(data_dir / name) for name in ("long", "short")]
    for path, size in zip(exports, (60_000, 2), strict=True):
        Path(path).write_bytes(server_export([account(number + 1) for number in range(size)], host=f"{size}.example"))
    assert manage(data_dir, "bootstrap", "--enterprise", "acme", "--owner", "owner@example.com").returncode == 0
    command = [sys.executable, str(MANAGE), "import_usage", "acme", *exports]
    process = subprocess.Popen(command, env=product_environment(data_dir), stderr=subprocess.PIPE, text=True)
    with closing(sqlite3.connect(data_dir / "licensesync.sqlite3")) as database:
        states = "SELECT state FROM syncing_licensesyncjob"
        while database.execute(states).fetchall() != [("RUNNING",)]:
            assert process.poll() is None
            time.sleep(0.05)
        said = None
        while said is None:  # Python drops an interrupt that comes while it tidies up
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                said = process.communicate(timeout=10)[1]
        assert said.splitlines()[-1] == "Stopped."
        assert "Traceback" not in said
        assert process.returncode == 130
        assert database.execute(states).fetchall() == [("CANCELED",)]
        assert database.execute("SELECT state FROM syncing_usagefile ORDER BY id DESC").fetchone() == ("DISCARDED",)
        for table in ("usage_serveruseraccount", "licenses_count"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), "nothing half-written"


@pytest.mark.parametrize("words", [("--version",), ("version",), ("up", "--version")])
def test_the_version_is_ours(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert manage(tmp_path, *words).stdout == f"LicenseSync {version()}\n"


@pytest.mark.parametrize(
    "words", [("alive", "worker"), ("doctor",), ("consumed_licenses", "acme"), ("backup", "a.tar")]
)
def test_whoever_needs_one_makes_no_data_directory(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = manage(tmp_path, *words, "--data-dir", str(tmp_path / "mistyped"))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"There is no data directory {tmp_path / 'mistyped'}. Check --data-dir")
    assert not (tmp_path / "mistyped").exists()
    assert manage(tmp_path, words[0], "--help", "--data-dir", str(tmp_path / "mistyped")).returncode == 0
