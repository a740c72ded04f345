"""Backup, restore, and the move to PostgreSQL: whatever happens, nothing is lost and nothing is half there."""

import io
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangosMigrate
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from licensesync.config import keeping
from licensesync.config.in_use import InUseError, alone, in_use
from licensesync.config.keeping import DATABASE, READY, KeepingError
from licensesync.config.management.commands import up
from licensesync.config.management.embedded import cleared_away_when_terminated
from tests.config.showing import license_page
from tests.flows.lists import account, cloud_list, cloud_user, server_export
from tests.product import MANAGE, Product, product_environment

Manage = Callable[..., "subprocess.CompletedProcess[str]"]

on_postgresql = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="DATABASE_URL not set"
)


def test_a_backup_that_is_terminated_leaves_no_copy(tmp_path: Path) -> None:
    """A scheduler that loses its patience sends SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)

    def back_up() -> None:
        with cleared_away_when_terminated(), tempfile.TemporaryDirectory(prefix=".backup-", dir=tmp_path):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)

    with pytest.raises(SystemExit) as ended:
        back_up()
    assert ended.value.code == 143
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) == before


def manage(data_dir: Path, *words: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    """A command on the embedded database of a directory."""
    command = [sys.executable, str(MANAGE), *words]
    environment = product_environment(data_dir, **more)
    return subprocess.run(
        command, input=stdin, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def done(answer: "subprocess.CompletedProcess[str]") -> str:
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


FILL = """
from pathlib import Path
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangosMigrate
from licensesync.enterprises import connections
from licensesync.enterprises.models import Deployment
call_command("bootstrap", "--enterprise", "octo", "--owner", "o@octo.example", "--seats", "9", "--token")
call_command("import_usage", "octo", f"{folder}/cloud.json", f"{folder}/server.json")
server = Deployment.objects.get(kind="server")
connections.connect(server, url="https://ghes.example", login="a", token="a-token-to-keep", connected_by=None)
"""
SHOW = """
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangosMigrate
from licensesync.enterprises import connections
from licensesync.enterprises.models import Connection
call_command("consumed_licenses", "octo", "--format", "json")
print(connections.token_of(Connection.objects.get()))
"""


@pytest.fixture(scope="module")
def filled(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an enterprise, its people and a connection; only to be read."""
    data_dir = Path(shutil.copytree(migrated, tmp_path_factory.mktemp("filled") / "data"))
    (data_dir.parent / "cloud.json").write_bytes(
        cloud_list(cloud_user(f"user{n}", f"user-{n}@octo.example") for n in range(20))
    )
    (data_dir.parent / "server.json").write_bytes(
        server_export(account(n, f"user-{n}@octo.example", login=f"ü-{n}") for n in range(10, 40))
    )
    done(manage(data_dir, "shell", "--no-imports", "-c", f"folder = {str(data_dir.parent)!r}\n{FILL}"))
    return data_dir


@pytest.fixture
def archive(filled: Path, tmp_path: Path) -> Path:
    path = tmp_path / "kept.tar"
    keeping.back_up(path, data_dir=filled)
    return path


def rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is in a SQLite database."""
    with sqlite3.connect(database) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        found = {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables.fetchall()}
    connection.close()
    return found


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "in-use")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_is_restored_is_what_was_kept(filled: Path, archive: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    empty = tmp_path / "empty"
    assert "Restored what version" in done(manage(empty, "restore", str(archive)))
    assert rows(empty / DATABASE) == rows(filled / DATABASE)
    for name in ("secret-key", "encryption-key"):
        assert (empty / name).read_bytes() == (filled / name).read_bytes()
        assert stat.S_IMODE((empty / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in archive.parent.iterdir()) == ["empty", "kept.tar"], "something is left over"
    assert license_page(product_environment(empty)) == license_page(product_environment(filled))


def test_while_it_runs_it_can_be_kept_but_not_replaced(running_product: Product, archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InUseError, match="LicenseSync runs on"):
        keeping.restore(archive, data_dir=running_product.data_dir, force=True)
    if (running_product.data_dir / DATABASE).exists():
        keeping.back_up(tmp_path / "live.tar", data_dir=running_product.data_dir)
        keeping.restore(tmp_path / "live.tar", data_dir=new_directory(tmp_path))
        assert rows(tmp_path / "new" / DATABASE).keys() == rows(running_product.data_dir / DATABASE).keys()


def test_what_is_there_is_replaced_only_when_asked(archive: Path, filled: Path, tmp_path: Path) -> None:
    here = new_directory(tmp_path)
    keeping.restore(archive, data_dir=here)
    with sqlite3.connect(here / DATABASE) as connection:
        connection.execute("UPDATE enterprises_enterprise SET slug = 'other'")
    connection.close()
    with pytest.raises(KeepingError, match="Replace it, and all in it, with --force"):
        keeping.restore(archive, data_dir=here)
    assert rows(here / DATABASE) != rows(filled / DATABASE)
    keeping.restore(archive, data_dir=here, force=True)
    assert rows(here / DATABASE) == rows(filled / DATABASE)


def test_it_is_one_moment_even_while_another_writes(filled: Path, tmp_path: Path) -> None:
    """What a transaction that is not over has written is not in it."""
    with sqlite3.connect(filled / DATABASE) as writer:
        writer.execute("DELETE FROM licenses_consumedlicense")
        keeping.back_up(tmp_path / "kept.tar", data_dir=filled)
        writer.rollback()
    writer.close()
    keeping.restore(tmp_path / "kept.tar", data_dir=new_directory(tmp_path))
    assert rows(tmp_path / "new" / DATABASE) == rows(filled / DATABASE)


def new_directory(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


def test_only_usage_files_that_are_needed_are_in_it(filled: Path, tmp_path: Path) -> None:
    """Those that were taken in are not; one that waits, and one whose job failed and can be tried again, are."""
    here = new_directory(tmp_path)
    keeping.back_up(tmp_path / "kept.tar", data_dir=filled)
    keeping.restore(tmp_path / "kept.tar", data_dir=here)
    assert not (here / "uploads").exists()
    names = ["0" * 32, "1" * 32, "2" * 32]
    (here / "uploads").mkdir()
    for name in names:
        (here / "uploads" / name).write_bytes(name.encode())
    with sqlite3.connect(here / DATABASE) as connection:
        connection.execute("UPDATE syncing_usagefile SET stored_name = ? WHERE id = 1", [names[0]])
        connection.execute("UPDATE syncing_usagefile SET stored_name = ?, job_id = NULL WHERE id = 2", [names[1]])
    connection.close()
    kept = keeping.back_up(tmp_path / "second.tar", data_dir=here)
    assert [name for name in kept.files if name.startswith("uploads")] == [f"uploads/{names[1]}"]
    again = tmp_path / "again"
    again.mkdir()
    keeping.restore(tmp_path / "second.tar", data_dir=again)
    assert (again / "uploads" / names[1]).read_bytes() == names[1].encode()


def test_a_backup_does_not_replace_a_file_unasked(filled: Path, archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(KeepingError, match="is there already"):
        keeping.back_up(archive, data_dir=filled)
    assert archive.read_bytes() == before
    keeping.back_up(archive, data_dir=filled, force=True)
    with pytest.raises(KeepingError, match="There is no folder"):
        keeping.back_up(archive.parent / "nowhere" / "kept.tar", data_dir=filled)


def rewritten(archive: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    with tarfile.open(archive) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    change(members)
    with tarfile.open(archive, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def cut_off(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def changed(archive: Path) -> None:
    rewritten(archive, lambda files: files.update({DATABASE: files[DATABASE][:-100] + b"x" * 100}))


def without_its_list(archive: Path) -> None:
    rewritten(archive, lambda files: files.pop("backup.json"))


def with_another_path(archive: Path) -> None:
    rewritten(archive, lambda files: files.update({"../outside": b"", "backup.json": files.pop("backup.json")}))


def of_another_format(archive: Path) -> None:
    rewritten(archive, lambda files: files.update({"backup.json": json.dumps({"format": 99}).encode()}))


def no_archive(archive: Path) -> None:
    archive.write_text("Dear diary")


def of_a_newer_version(archive: Path) -> None:
    folder = archive.parent / "newer"
    folder.mkdir()
    keeping.restore(archive, data_dir=folder)
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('usage', '9999_later', '')")
    connection.close()
    keeping.back_up(archive, data_dir=folder, force=True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut_off, "can't be restored|cut off"),
        (changed, "damaged"),
        (without_its_list, "damaged"),
        (with_another_path, "outside does not belong"),
        (of_another_format, "another version"),
        (no_archive, "is no backup of LicenseSync"),
        (of_a_newer_version, "newer version"),
    ],
)
def test_a_bad_archive_changes_nothing(archive: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str) -> None:
    here = new_directory(tmp_path)
    keeping.restore(archive, data_dir=here)
    before = everything(here)
    spoil(archive)
    with pytest.raises(KeepingError, match=says):
        keeping.restore(archive, data_dir=here, force=True)
    assert everything(here) == before


def test_an_interrupted_restore_is_finished_later(
    archive: Path, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power goes before the first file of the old state is replaced. The write-ahead log of the old database must
    not reach the new one."""
    here = new_directory(tmp_path)
    (here / "fetches" / "7").mkdir(parents=True)
    (here / f"{DATABASE}-wal").write_bytes(b"of the old one")

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "finish_restore", lambda _here: None)
        keeping.restore(archive, data_dir=here)
    assert (here / READY).exists()
    keeping.finish_restore(here)
    assert rows(here / DATABASE) == rows(filled / DATABASE)
    assert not (here / READY).exists()
    assert not (here / "fetches" / "7").exists()
    assert (here / "secret-key").read_bytes() == (filled / "secret-key").read_bytes()


def test_the_start_finishes_a_restore_and_does_not_disturb_one(
    archive: Path, filled: Path, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = settings.DATA_DIR = new_directory(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "finish_restore", lambda _here: None)
        keeping.restore(archive, data_dir=here)
    with alone(here), pytest.raises(CommandError, match="Nothing was started"), up.data_directory(shared=True):
        pass
    with up.data_directory(shared=True):
        assert rows(here / DATABASE) == rows(filled / DATABASE)
        assert not (here / READY).exists()


def test_a_database_that_somebody_has_open_is_not_replaced(archive: Path, tmp_path: Path) -> None:
    here = new_directory(tmp_path)
    keeping.restore(archive, data_dir=here)
    other = sqlite3.connect(here / DATABASE)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("SELECT 1 FROM users_user").fetchone()
    with pytest.raises(InUseError, match="Another program has"):
        keeping.restore(archive, data_dir=here, force=True)
    other.close()
    keeping.restore(archive, data_dir=here, force=True)


def test_a_broken_database_can_be_replaced(archive: Path, filled: Path, tmp_path: Path) -> None:
    here = new_directory(tmp_path)
    (here / DATABASE).write_bytes(b"no database at all" * 1000)
    keeping.restore(archive, data_dir=here, force=True)
    assert rows(here / DATABASE) == rows(filled / DATABASE)


def test_many_use_a_directory_or_one_is_alone(tmp_path: Path) -> None:
    with in_use(tmp_path), in_use(tmp_path), pytest.raises(InUseError), alone(tmp_path):
        pass
    with alone(tmp_path), pytest.raises(InUseError), in_use(tmp_path):
        pass


def test_postgresql_is_kept_otherwise(tmp_path: Path) -> None:
    elsewhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    refused = manage(tmp_path, "backup", "x.tar", **elsewhere)
    assert refused.returncode == 1
    assert "This is for the embedded database" in refused.stderr


# PostgreSQL ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The address of a new PostgreSQL database."""
    name = f"licensesync_moved_{uuid4().hex[:8]}"
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield url._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@on_postgresql
def test_everything_moves_to_postgresql_once(filled: Path, empty_database: str, tmp_path: Path) -> None:
    said = done(manage(filled, "move_to_postgresql", empty_database))
    there = {"DATABASE_URL": empty_database}
    before = rows(filled / DATABASE)
    with psycopg.connect(empty_database) as connection:
        for table, expected in before.items():
            if table != "django_migrations":
                [count] = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or [None]
                assert count == len(expected), table
                assert f"{table}: {count}\n" in said
    shown = done(manage(filled, "shell", "--no-imports", "-c", SHOW, **there))
    assert shown == done(manage(filled, "shell", "--no-imports", "-c", SHOW))
    assert "a-token-to-keep" in shown, "the seal of the token is not good any more"
    # The next rows get numbers of their own.
    (tmp_path / "more.json").write_bytes(server_export([account(1, "new@octo.example")], host="second.example"))
    done(manage(filled, "import_usage", "octo", str(tmp_path / "more.json"), **there))

    again = manage(filled, "move_to_postgresql", empty_database)
    assert again.returncode == 1
    assert "That database is not empty" in again.stderr
    assert rows(filled / DATABASE) == before


@on_postgresql
@pytest.mark.skipif(not (shutil.which("pg_dump") and shutil.which("pg_restore")), reason="pg_dump is not installed")
def test_postgresql_is_kept_with_its_own_tools(filled: Path, empty_database: str, tmp_path: Path) -> None:
    """As docs/operations.md says: what pg_dump keeps, pg_restore puts into a new database. Over one that was upgraded
    since, it would fail."""
    done(manage(filled, "move_to_postgresql", empty_database))
    show = ("shell", "--no-imports", "-c", SHOW)
    before = done(manage(filled, *show, DATABASE_URL=empty_database))
    dump = tmp_path / "licensesync.dump"
    subprocess.run([*KEEP, str(dump), empty_database], check=True, timeout=60)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")  # as a new database is
        connection.execute("CREATE SCHEMA public")
    subprocess.run([*BRING_BACK, empty_database, str(dump)], check=True, timeout=60)
    assert done(manage(filled, *show, DATABASE_URL=empty_database)) == before


KEEP = ("pg_dump", "--format=custom", "--no-owner", "--file")
BRING_BACK = (
    "pg_restore",
    "--no-owner",
    "--exit-on-error",
    "--single-transaction",
    "--dbname",
)


def test_the_page_about_operations_says_so_too() -> None:
    page = (MANAGE.parent / "docs" / "operations.md").read_text()
    assert " ".join(KEEP) in page
    assert " ".join(BRING_BACK) in page


@on_postgresql
def test_nothing_moves_into_the_tables_of_another_program(filled: Path, empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE TABLE recipes (name text)")
    refused = manage(filled, "move_to_postgresql", empty_database)
    assert refused.returncode == 1
    assert "tables of another program" in refused.stderr


@on_postgresql
def test_a_move_that_fails_leaves_nothing_behind(filled: Path, empty_database: str, tmp_path: Path) -> None:
    """A text that PostgreSQL does not take ends it in words; then it can be moved there all the same."""
    here = new_directory(tmp_path)
    keeping.back_up(tmp_path / "kept.tar", data_dir=filled)
    keeping.restore(tmp_path / "kept.tar", data_dir=here)
    with sqlite3.connect(here / DATABASE) as connection:
        connection.execute("UPDATE users_user SET email = 'o' || char(0)")
    connection.close()
    refused = manage(here, "move_to_postgresql", empty_database)
    assert refused.returncode == 1
    assert "Nothing was moved." in refused.stderr
    assert "Traceback" not in refused.stderr
    done(manage(filled, "move_to_postgresql", empty_database))


# Migrating -----------------------------------------------------------------------------------------------------------


@on_postgresql
def test_many_machines_may_start_at_once(empty_database: str, tmp_path: Path) -> None:
    """Each migrates at its start; one does, the others wait, and find nothing left to do."""
    environment = product_environment(tmp_path / "data", DATABASE_URL=empty_database)
    command = [sys.executable, str(MANAGE), "migrate", "--verbosity", "0"]
    machines = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(3)]
    for machine in machines:
        _, error = machine.communicate(timeout=120)
        assert (machine.returncode, error) == (0, b"")


@on_postgresql
def test_a_table_that_is_in_use_is_waited_for_in_short_turns(db: None) -> None:
    """Whoever waits for a table makes all others wait behind it. So it gives up soon, and tries again."""
    tries = []

    def hold_on(*_: object, **__: object) -> None:
        tries.append(connection.cursor().execute("SHOW lock_timeout").fetchone()[0])
        if len(tries) < 3:
            raise OperationalError("canceling statement due to lock timeout") from LockNotAvailable()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DjangosMigrate, "handle", hold_on)
        patch.setattr(time, "sleep", lambda _seconds: None)
        call_command("migrate", verbosity=0)
    assert tries == ["5s"] * 3
    assert connection.cursor().execute("SHOW lock_timeout").fetchone()[0] == "0"
