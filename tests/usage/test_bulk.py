"""Many rows at once: what goes in comes out again, whichever way it takes."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from licensesync.usage import bulk, guarded
from tests.flows.lists import account, import_one, new_enterprise, server_export

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = {
    "number": "bigint", "small": "smallint", "name": "text", "suspended": "boolean", "since": "timestamptz",
    "facts": "jsonb",
}  # fmt: skip
COLUMNS = tuple(KINDS)
_AS_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in KINDS.items())
ROWS = [
    (2**62, 3, 'tab\there, line\nthere, \\N, "quoted", Ö 名', True, datetime(2026, 3, 2, 9, 0, 0, 5, UTC), '{"a": 1}'),
    (-1, 0, "", False, datetime(1970, 1, 1, tzinfo=UTC), '["ä\\n"]'),
    (0, None, None, None, None, None),
]


def _load_temporary(rows: list[bulk.Row]) -> int:
    return bulk.load_temporary("kinds", COLUMNS, rows)


def _load(rows: list[bulk.Row]) -> int:
    return guarded.load("kinds", COLUMNS, rows)


def _fill(rows: list[bulk.Row]) -> int:
    with bulk.filling("kinds", COLUMNS) as append:
        return sum(append([row]) for row in rows)


def _append(rows: list[bulk.Row]) -> int:
    with guarded.appending("kinds", COLUMNS) as append:
        return sum(append([row]) for row in rows)


@pytest.fixture
def lasting_table() -> Iterator[None]:
    """A connection beside ours does not see our temporary tables."""
    bulk.execute(f"CREATE TABLE kinds ({_AS_COLUMNS})")
    yield
    bulk.execute("DROP TABLE kinds")


@pytest.mark.parametrize("take", [_load_temporary, _fill])
def test_rows_come_back_as_they_went_in(take: Callable[[list[bulk.Row]], int]) -> None:
    bulk.new_temporary_table("kinds", _AS_COLUMNS)
    _assert_rows_come_back(take)


@pytest.mark.usefixtures("lasting_table")
@pytest.mark.parametrize("take", [_load, _append])
def test_rows_come_back_out_of_a_lasting_table(take: Callable[[list[bulk.Row]], int]) -> None:
    _assert_rows_come_back(take)


def _assert_rows_come_back(take: Callable[[list[bulk.Row]], int]) -> None:
    rows: list[bulk.Row] = [(*row[:4], bulk.stored_time(row[4]), row[5]) for row in ROWS]
    assert take(rows) == len(rows)
    for read in (bulk.stream, bulk.stream_ahead):
        assert [_plain(*row) for row in read("SELECT * FROM kinds ORDER BY number DESC")] == [
            _plain(*row) for row in (rows[0], rows[2], rows[1])
        ]


def _plain(number: int, small: int, name: str, suspended: bool | None, since: Any, facts: str | None) -> bulk.Row:
    return number, small, name, suspended if suspended is None else bool(suspended), since, json.loads(facts or "null")


def test_half_a_list_leaves_nothing() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite takes each part on its own, and the table is made anew the next time")
    bulk.new_temporary_table("kinds", "number bigint")

    def fill_half() -> None:
        with bulk.filling("kinds", ("number",)) as append:
            append([(1,)])
            append((1 // number,) for number in (1, 0))

    with pytest.raises(ZeroDivisionError):
        fill_half()
    assert bulk.value("SELECT count(*) FROM kinds") == 0


def test_no_search_has_to_read_through_what_was_put_aside() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite searches without an index of its own")
    import_one(new_enterprise(), server_export([account(number, f"u{number}@octo.example") for number in range(1, 50)]))
    assert bulk.value("SELECT gin_clean_pending_list('license_search')") == 0


def test_a_list_does_not_wait_for_whoever_works_on_the_index() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite searches without an index of its own")
    vacuum = connection.copy()
    try:
        with vacuum.cursor() as cursor, connection.cursor() as ours:
            cursor.execute("BEGIN; REINDEX INDEX license_search")
            ours.execute("SET lock_timeout = '20s'")
            began = time.monotonic()
            bulk.merge_pending("license_search")
            assert time.monotonic() - began < 10, "it has a second of its own, and so much patience only otherwise"
            ours.execute("RESET lock_timeout")
    finally:
        vacuum.close()
