"""Many rows at once, on PostgreSQL and on SQLite.

Statements and their rows, temporary tables, and what a connection needs for them; what is to stay is written by
`guarded`. PostgreSQL takes rows by COPY and works set by set. On SQLite temporary tables are written outside any
transaction of the main database; they lie in a file of their own.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg import Copy
from psycopg.copy import QueuedLibpqWriter
from psycopg.errors import LockNotAvailable
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.json import set_json_dumps

Row = Sequence[Any]
Params = Sequence[Any] | Mapping[str, Any]
Append = Callable[[Iterable[Row]], int]  # gives how many rows it took
Progress = Callable[[int], None]  # rows done so far; may raise to stop the work
Outcome = TypeVar("Outcome")

STREAM_BATCH = 5_000  # rows that `stream` holds at once


@cache
def is_sqlite() -> bool:
    """Asked for every time of every row, so remembered: a process has one kind of database."""
    return connection.vendor == "sqlite"


def differs() -> str:
    """The operator that compares two rows of values, null being a value like others."""
    return "IS NOT" if is_sqlite() else "IS DISTINCT FROM"


def stored_time(moment: datetime | None) -> datetime | str | None:
    """A time as the database keeps it, for rows that do not go through the ORM."""
    if moment is None or not is_sqlite():
        return moment
    return str(moment.astimezone(UTC).replace(tzinfo=None))


def time_parameter(placeholder: str) -> str:
    """A `stored_time` among the columns of a SELECT, where PostgreSQL can't tell its type."""
    return placeholder if is_sqlite() else f"CAST({placeholder} AS timestamptz)"


def execute(sql: str, params: Params = ()) -> int:
    """Run one statement; gives the number of rows that it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def rows(sql: str, params: Params = ()) -> list[Row]:
    """All rows of a query that has few."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def row(sql: str, params: Params = ()) -> Row:
    """The first row, an empty one without any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone() or ()


def value(sql: str, params: Params = ()) -> Any:
    """The first value of the first row, None without a row."""
    return next(iter(row(sql, params)), None)


def stream(sql: str, params: Params = ()) -> Iterator[Row]:
    """The rows of a query in its order, never all at once; other statements may run on the connection meanwhile."""
    if is_sqlite():
        yield from _stream_from_copy(sql, params)
        return
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(STREAM_BATCH):
            yield from rows


def stream_ahead(sql: str, params: Params = ()) -> Iterator[Row]:
    """As `stream`, but PostgreSQL gets the next rows while these are looked at. No other statement may run on the
    connection meanwhile."""
    if is_sqlite():
        yield from _stream_from_copy(sql, params)
        return
    with connection.chunked_cursor() as cursor, ThreadPoolExecutor(1, "ahead") as reader:
        # Django's own sets the time zone that the connection has anyway, and takes four times as long.
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(sql, params)
        ahead = reader.submit(cursor.fetchmany, STREAM_BATCH)
        while rows := ahead.result():
            ahead = reader.submit(cursor.fetchmany, STREAM_BATCH)
            yield from rows


_copies = itertools.count(1)


def _stream_from_copy(sql: str, params: Params) -> Iterator[Row]:
    """On SQLite an unfinished SELECT holds an old state of the database, on top of which its connection can't write
    once another has written. So the result is put into a temporary table and read from there bit by bit."""
    copy, last = f"stream_{next(_copies)}", 0
    execute(f"CREATE TEMPORARY TABLE {copy} AS {sql}", params)
    try:
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT * FROM temp.{copy} WHERE rowid > %s AND rowid <= %s", [last, last + STREAM_BATCH]
                )
                rows = cursor.fetchall()
            if not rows:
                return
            yield from rows
            last += STREAM_BATCH
    finally:
        drop_temporary_tables(copy)


@contextmanager
def unbuffered() -> Iterator[None]:
    """Within the block PostgreSQL hands the rows of a `stream` out as it finds them; outside of a transaction it stores
    all of them first. The block is one transaction: temporary tables are all that it may write."""
    if is_sqlite():
        yield
        return
    with transaction.atomic():
        yield


def new_temporary_table(name: str, columns: str) -> None:
    """An empty temporary table of this connection, instead of one that an earlier job may have left."""
    drop_temporary_tables(name)
    execute(f"CREATE TEMPORARY TABLE {name} ({columns})")


def drop_temporary_tables(*names: str) -> None:
    for name in names:
        execute(f"DROP TABLE IF EXISTS {_temporary(name)}")


def _temporary(name: str) -> str:
    return f"temp.{name}" if is_sqlite() else f"pg_temp.{name}"


def prepare_session() -> None:
    """Make the database fit for a whole list, until the connection is closed.

    SQLite gets a larger cache than a page needs. PostgreSQL sorts and joins in memory (its default of 4 MB is meant for
    pages), looks few rows up by their index (its default is meant for disks that turn, where it reads the whole table
    instead), and does not compile statements, which takes up to a second each. ANALYZE looks at a fifth of the usual
    rows: all of them took an eighth of the time of 100,000 accounts. Nor does it wait for the disk at the end of every
    batch: what a crash takes away of those was visible to nobody, and the job starts again.
    """
    if is_sqlite():
        execute("PRAGMA cache_size = -32000")
        return
    execute("SET work_mem = '128MB'")
    execute("SET random_page_cost = 1.1")
    execute("SET jit = off")
    execute("SET default_statistics_target = 20")
    # While a list is read, the transaction that holds the turn has nothing to say.
    execute("SET idle_in_transaction_session_timeout = 0")
    execute("SET synchronous_commit = off")


def end_statements_after(seconds: float) -> None:
    """Until the connection is closed PostgreSQL ends each statement that takes longer (OperationalError)."""
    if not is_sqlite():
        execute(f"SET statement_timeout = {seconds * 1000:.0f}")


def commit_durably() -> None:
    """Within a transaction: let its end wait until the disk has it, and with it all that was written before."""
    if not is_sqlite():
        execute("SET LOCAL synchronous_commit = on")


def analyze(*tables: str) -> None:
    """Tell PostgreSQL how large new temporary tables are; without it, it plans for a few rows. Of "table (columns)" it
    looks at these alone; autovacuum looks at all later, as if the table had not been analyzed."""
    if not is_sqlite():
        for table in tables:
            execute(f"ANALYZE {table}")


def merge_pending(index: str) -> None:
    """Let a PostgreSQL index for searches (GIN) merge its pending list, which every search has to read through. Only
    the owner of the index may; else the next VACUUM does it. If one is at it now, there is no need."""
    merge = """SELECT gin_clean_pending_list(oid::regclass) FROM pg_class
               WHERE oid = to_regclass(%s) AND pg_has_role(relowner, 'USAGE')"""
    if not is_sqlite():
        unless_held(lambda: execute(merge, [index]))


def unless_held(work: Callable[[], Outcome]) -> Outcome | None:
    """What `work` gives, in a transaction of its own; None where PostgreSQL waits longer than a second for a lock."""
    try:
        with transaction.atomic():
            if not is_sqlite():
                execute("SET LOCAL lock_timeout = '1s'")
            return work()
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return None


def load_temporary(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Append rows to a temporary table; gives how many."""
    if not is_sqlite() or connection.in_atomic_block:
        return insert(table, columns, rows)
    # A deferred transaction that only writes temporary tables never asks for the lock of the main database.
    execute("BEGIN DEFERRED")
    try:
        count = insert(table, columns, rows)
    except BaseException:
        with suppress(DatabaseError):  # it may have rolled back by itself
            execute("ROLLBACK")
        raise
    execute("COMMIT")
    return count


@contextmanager
def filling(table: str, columns: Sequence[str]) -> Iterator[Append]:
    """Gives a function that appends rows to a temporary table. PostgreSQL takes them while the next ones are made; no
    other statement may run on the connection meanwhile, and no row stays when the block fails."""
    if is_sqlite():
        yield lambda rows: load_temporary(table, columns, rows)
        return
    with connection.cursor() as cursor, copying(cursor, table, columns, queued=True) as append:
        yield append


def insert(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Append rows to any table, within whichever transaction there is; gives how many."""
    with connection.wrap_database_errors, connection.cursor() as cursor:
        if not is_sqlite():
            with copying(cursor, table, columns) as append:
                return append(rows)
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", list(rows))
        return int(cursor.rowcount)


@contextmanager
def copying(cursor: Any, table: str, columns: Sequence[str], *, queued: bool = False) -> Iterator[Append]:
    """Gives a function that appends rows to a table of PostgreSQL by COPY; `queued`: sent while the next ones are made,
    from a queue of 32 MiB at most. A column of JSON takes its text.

    It is COPY's binary form: writing rows takes three fifths of the time that it takes as text.
    """
    names = ", ".join(columns)
    cursor.execute(f"SELECT {names} FROM {table} LIMIT 0")
    types = [column.type_code for column in cursor.description]
    set_json_dumps(str, cursor.cursor)
    writer = QueuedLibpqWriter(cursor.cursor) if queued else None
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)", writer=writer) as copy:
        copy.set_types(types)
        yield partial(_write_rows, copy)


def _write_rows(copy: Copy, rows: Iterable[Row]) -> int:
    count = 0
    for each in rows:
        copy.write_row(each)
        count += 1
    return count
