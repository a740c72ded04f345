"""Commands on a data directory or a database that is not there, or has no tables: a sentence, no traceback."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import MANAGE, product_environment


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
    ended = manage(tmp_path, *words)
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


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    """A table that this version has by its own account is missing: no `migrate` would bring it."""
    assert manage(tmp_path, "migrate", "--verbosity", "0").returncode == 0
    database = sqlite3.connect(tmp_path / "licensesync.sqlite3")
    database.execute("DROP TABLE operations_seen")
    database.close()
    ended = manage(tmp_path, "alive", "worker")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


def test_who_is_not_alive_is_named(tmp_path: Path) -> None:
    assert manage(tmp_path, "migrate", "--verbosity", "0").returncode == 0
    ended = manage(tmp_path, "alive", "scheduler")
    assert ended.returncode == 1
    assert ended.stderr == "CommandError: scheduler was not seen within the last minute.\n"


@pytest.mark.parametrize("words", [("alive", "worker"), ("doctor",), ("consumed_licenses", "acme")])
def test_whoever_only_reads_makes_no_data_directory(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = manage(tmp_path, *words, "--data-dir", str(tmp_path / "mistyped"))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"There is no data directory {tmp_path / 'mistyped'}. Check --data-dir")
    assert not (tmp_path / "mistyped").exists()
    assert manage(tmp_path, words[0], "--help", "--data-dir", str(tmp_path / "mistyped")).returncode == 0
