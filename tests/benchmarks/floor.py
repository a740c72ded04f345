"""The least that any program must do for the same outcome: decode the file with types, and load the same rows.

The rows are those that the product has just written, read out of its tables beforehand, in the form that the database
takes fastest. They go into empty tables with the same indexes, in one go. Matching, comparing with the last list,
progress, and taking turns with other writers are not in it, nor are foreign keys.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter

import msgspec
from django.apps import apps
from django.db import ProgrammingError, connection

from licensesync.usage.models import Generational

BLOCK_BYTES = 1 << 20
BLOCK_ROWS = 10_000


class _Email(msgspec.Struct):
    email: str
    primary: bool


class _User(msgspec.Struct):
    user_id: int
    login: str
    profile_name: str
    site_admin: bool
    suspended: bool
    created_at: datetime
    emails: list[_Email]


class _Export(msgspec.Struct):
    users: list[_User]


def decode(path: Path) -> float:
    """Seconds for the file as typed objects, all at once in memory."""
    started = perf_counter()
    msgspec.json.decode(path.read_bytes(), type=_Export)
    return perf_counter() - started


def load(generation: int) -> tuple[float, int]:
    """Seconds for the rows that came with a generation, and how many they are."""
    tables = [model._meta.db_table for model in apps.get_models() if issubclass(model, Generational)]
    with tempfile.TemporaryDirectory(prefix="licensesync-floor-") as directory:
        if connection.vendor == "sqlite":
            return _load_sqlite(tables, generation, Path(directory) / "floor.sqlite3")
        return _load_postgresql(tables, generation, Path(directory))


def settle() -> None:
    """Let the database finish what was written before, as it would have in the week between two lists."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            cursor.execute("VACUUM (ANALYZE)")
            with suppress(ProgrammingError):  # not everybody may
                cursor.execute("CHECKPOINT")


def _load_postgresql(tables: Sequence[str], generation: int, directory: Path) -> tuple[float, int]:
    count = 0
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA floor")
        for table in tables:
            cursor.execute(f"CREATE TABLE floor.{table} (LIKE {table} INCLUDING ALL)")
            rows = f"SELECT * FROM {table} WHERE valid_from = {generation}"
            with cursor.copy(f"COPY ({rows}) TO STDOUT (FORMAT binary)") as copy, open(directory / table, "wb") as file:
                file.writelines(copy)
        settle()
        started = perf_counter()
        for table in tables:
            load = f"COPY floor.{table} FROM STDIN (FORMAT binary)"
            with open(directory / table, "rb") as file, cursor.copy(load) as copy:
                while block := file.read(BLOCK_BYTES):
                    copy.write(block)
            count += cursor.rowcount
        # As the product leaves it: an index for searches puts what is new aside, where each search reads through it.
        cursor.execute(
            """SELECT gin_clean_pending_list(i.oid::regclass) FROM pg_class i JOIN pg_am a ON a.oid = i.relam
               WHERE i.relkind = 'i' AND a.amname = 'gin' AND i.relnamespace = 'floor'::regnamespace"""
        )
        seconds = perf_counter() - started
        cursor.execute("DROP SCHEMA floor CASCADE")
    return seconds, count


def _load_sqlite(tables: Sequence[str], generation: int, path: Path) -> tuple[float, int]:
    """One transaction, and the clock stands still while the next rows are read."""
    settings = connection.settings_dict
    seconds, count = 0.0, 0
    with closing(sqlite3.connect(settings["NAME"])) as source, closing(sqlite3.connect(path)) as target:
        target.executescript(settings["OPTIONS"]["init_command"])
        for table in tables:
            for (definition,) in source.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC", [table]
            ):
                target.execute(definition)
        for table in tables:
            rows = source.execute(f"SELECT * FROM {table} WHERE valid_from = ?", [generation])
            insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows.description))})"
            while block := rows.fetchmany(BLOCK_ROWS):
                started = perf_counter()
                target.executemany(insert, block)
                seconds += perf_counter() - started
                count += len(block)
        started = perf_counter()
        target.commit()
        seconds += perf_counter() - started
    return seconds, count
