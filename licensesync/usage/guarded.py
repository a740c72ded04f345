"""Writes into the tables that stay, which stop once their writer may not write any more.

A worker that was taken for dead may wake up. So whoever counts an enterprise gives a check (`by`), and every write
transaction here begins with it, also those on another connection (`appending`, `beside`). SQLite lets one connection
write at a time, so whoever writes much there does it in short transactions and lets others in between.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from itertools import islice
from typing import Any, Protocol

from django.db import connection, transaction

from licensesync.usage import bulk
from licensesync.usage.bulk import Append, Outcome, Params, Progress, Row

SQLITE_BATCH = 10_000  # rows of one write transaction: some 100 ms
SQLITE_SHARE = 0.25  # how long we then stay away, as a share of the time that the batch took

_check: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)


@contextmanager
def by(check: Callable[[], None]) -> Iterator[None]:
    """Run `check` within every write transaction of this module. It raises when the writer may not write any more."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


@contextmanager
def writing() -> Iterator[None]:
    """A write transaction after which SQLite's other writers get their turn: its lock is not handed out in order."""
    started = time.monotonic()
    with transaction.atomic():
        if check := _check.get():
            check()
        yield
    if bulk.is_sqlite() and not connection.in_atomic_block:
        time.sleep((time.monotonic() - started) * SQLITE_SHARE)


def write(sql: str, params: Params = ()) -> int:
    """Run one statement that writes few rows; gives how many."""
    with writing():
        return bulk.execute(sql, params)


def write_by_line(sql: str, params: Sequence[Any], *, lines: int, progress: Progress) -> None:
    """Run a statement for the lines 1 to `lines` of a temporary table: all at once, on SQLite batch by batch.

    The statement ends with two parameters, the first and the last line of the batch.
    """
    size = SQLITE_BATCH if bulk.is_sqlite() else max(lines, 1)
    for first in range(1, lines + 1, size):
        last = min(first + size - 1, lines)
        write(sql, [*params, first, last])
        progress(last)


def write_until_done(sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement until it changes nothing. It ends with one parameter, how many rows it may change at once."""
    changed, at_once = 0, SQLITE_BATCH if bulk.is_sqlite() else 1_000_000_000
    while True:
        count = write(sql, [*params, at_once])
        changed += count
        if count < at_once:
            return changed


def load(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Append rows to a table, on SQLite in short transactions; gives how many."""
    if not bulk.is_sqlite():
        with writing():
            return bulk.insert(table, columns, rows)
    count, rows = 0, iter(rows)
    while batch := list(islice(rows, SQLITE_BATCH)):
        with writing():
            count += bulk.insert(table, columns, batch)
    return count


@contextmanager
def appending(table: str, columns: Sequence[str]) -> Iterator[Append]:
    """Gives a function that appends rows to a table, while queries run on the connection.

    PostgreSQL takes them on a connection of its own, as one COPY, so it writes while the next rows are made; they are
    committed at the end of the block, and until then the turn stays held. SQLite takes them in short transactions.
    """
    if bulk.is_sqlite() or connection.in_atomic_block:
        yield lambda rows: load(table, columns, rows)
        return
    writer = connection.copy()
    try:
        with writer.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            # An index for searches puts what is new aside and merges it bit by bit: larger bits cost a seventh less.
            cursor.execute("SET gin_pending_list_limit = '32MB'")
            cursor.execute("SET work_mem = '128MB'")
        with (
            writer.wrap_database_errors,
            writing(),
            writer.connection.transaction(),
            writer.cursor() as cursor,
            bulk.copying(cursor, table, columns, queued=True) as append,
        ):
            yield append
    finally:
        writer.close()


class Beside(Protocol):
    def __call__(self, work: Callable[[], Outcome], /) -> Callable[[], Outcome]: ...


@contextmanager
def beside() -> Iterator[Beside]:
    """Gives a function that takes work for another connection, to be done there in order while the block goes on. That
    function returns another one, which waits for the outcome. At the end of the block all is done.

    Such work sees neither our temporary tables nor what a transaction of ours has not ended yet. On SQLite, where one
    connection writes at a time, it is done at once.
    """
    if bulk.is_sqlite() or connection.in_atomic_block:
        yield _at_once
        return
    with ThreadPoolExecutor(1, "beside") as other:
        given: list[Future[Any]] = [other.submit(bulk.prepare_session)]  # it writes nothing, so it needs no guard
        context = copy_context()  # with the same guard

        def later(work: Callable[[], Outcome], /) -> Callable[[], Outcome]:
            future = other.submit(context.run, work)
            given.append(future)
            return future.result

        try:
            yield later
            for future in given:
                future.result()
        finally:
            for future in given:  # what has not begun where something failed
                future.cancel()
            other.submit(_close)


def _close() -> None:
    connection.close()  # that of the thread we are in


def _at_once(work: Callable[[], Outcome], /) -> Callable[[], Outcome]:
    outcome = work()
    return lambda: outcome
