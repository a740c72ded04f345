"""The move from the embedded database to PostgreSQL: every row of every table, in one transaction, then counted."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TARGET = "moved_to"
CHUNK = 10_000
# What `migrate` itself writes into a new database; it gives way to the rows that are moved.
MADE_BY_MIGRATING = ("django_content_type", "auth_permission")


class MoveError(Exception):
    """It can't be moved there; the message says why. The embedded database is as it was."""


def move(database: Path, target: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Copy the tables of a SQLite database that nobody uses into an empty PostgreSQL; gives each with its rows.

    `target` is as in Django's DATABASES. MoveError: there is something in it, or not all of it arrived there.
    """
    connections.settings[TARGET] = {**connections.settings["default"], **target}
    connection = connections[TARGET]
    try:
        _check_is_empty(connection)
        call_command("migrate", database=TARGET, interactive=False, verbosity=0)
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source:
            counts = _copy_all(source, connection)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield from counts.items()
    finally:
        connection.close()
        del connections[TARGET], connections.settings[TARGET]


def _check_is_empty(connection: BaseDatabaseWrapper) -> None:
    there = set(connection.introspection.table_names())
    if there and "django_migrations" not in there:
        raise MoveError("There are tables of another program in that database. Make a new one, with createdb.")
    for table in there - {"django_migrations", *MADE_BY_MIGRATING}:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")
            if cursor.fetchone()[0]:
                raise MoveError(f"That database is not empty: {table} has rows. Make a new one, with createdb.")


def _copy_all(source: sqlite3.Connection, target: BaseDatabaseWrapper) -> dict[str, int]:
    """All or nothing. Keys are checked at the end of the transaction, so the order of the tables does not matter."""
    all_models = [each for each in apps.get_models(include_auto_created=True) if each._meta.managed]
    counts: dict[str, int] = {}
    with transaction.atomic(using=TARGET):
        with target.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")  # in which SQLite keeps times, without saying so
            cursor.execute(f"TRUNCATE {', '.join(MADE_BY_MIGRATING)} CASCADE")
        for model in sorted(all_models, key=lambda each: each._meta.db_table):
            counts[model._meta.db_table] = _copy_table(source, target, model)
        with target.cursor() as cursor:
            for statement in target.ops.sequence_reset_sql(no_style(), all_models):
                cursor.execute(statement)
            for table, count in counts.items():
                cursor.execute(f"SELECT count(*) FROM {target.ops.quote_name(table)}")
                if (arrived := cursor.fetchone()[0]) != count:
                    raise MoveError(f"Of {count} rows of {table}, {arrived} arrived. Nothing was kept there.")
    return counts


def _copy_table(source: sqlite3.Connection, target: BaseDatabaseWrapper, model: type[models.Model]) -> int:
    """As text, which each column of PostgreSQL reads as its own type. Gives the rows that SQLite counts."""
    quote = target.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(field.column) for field in model._meta.concrete_fields)
    rows = source.execute(f"SELECT {columns} FROM {table}")
    with target.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        while chunk := rows.fetchmany(CHUNK):
            for row in chunk:
                copy.write_row(row)
    return int(source.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
