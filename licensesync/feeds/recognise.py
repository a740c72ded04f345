"""Which feed a stored file is, by its content, and what it says besides its accounts."""

import contextlib
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from licensesync.errors import NO_IDENTITIES, NOT_RECOGNISED, OUR_REPORT, WEB_PAGE, ExpectedError
from licensesync.feeds import cloud_identities, cloud_licenses, server_export, values
from licensesync.feeds.columns import USER_LISTS, plain
from licensesync.feeds.json_stream import JsonReader
from licensesync.feeds.opening import text_chunks
from licensesync.feeds.records import FeedKind, Recognition, ServerFacts
from licensesync.feeds.tables import Table

_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_SERVER_COLUMNS = frozenset({"id", "login", "email", "suspended"})
_CLOUD_COLUMNS = frozenset({"githubcomlogin", "licensetype"})
_OUR_COLUMNS = frozenset({"licensenumber", "matchedby"})  # of `licenses.csv_report`
_HEAD_KEYS = server_export.FACT_KEYS | cloud_licenses.TOTALS


def recognise(path: Path, *, max_unpacked_bytes: int) -> Recognition:
    """Look through a file once, in constant memory. What is no feed at all is refused at its beginning.

    `max_unpacked_bytes`: how large a packed file may be when unpacked.
    Raises ExpectedError: NOT_RECOGNISED, NO_IDENTITIES, WEB_PAGE, OUR_REPORT, and those of `text_chunks`, `JsonReader`
    and `Table`.
    """
    with contextlib.closing(text_chunks(path, max_unpacked_bytes=max_unpacked_bytes)) as chunks:
        first = next(chunks)
        text = itertools.chain([first], chunks)
        if first.startswith("<"):
            raise ExpectedError(WEB_PAGE if _HTML.search(first[:4096]) else NOT_RECOGNISED)
        if first.startswith(("{", "[")):
            return _recognise_json(JsonReader(text))
        return _recognise_table(Table(text))


def _recognise_table(table: Table) -> Recognition:
    columns = frozenset(map(plain, table.heading))
    if columns >= _SERVER_COLUMNS:
        return Recognition(FeedKind.SERVER_REPORT, server=ServerFacts(), rows=sum(map(len, table.blocks())))
    if columns >= _OUR_COLUMNS:  # it has GitHub's as well, and would confirm itself
        raise ExpectedError(OUR_REPORT)
    if columns >= _CLOUD_COLUMNS:
        return Recognition(FeedKind.CLOUD_REPORT, rows=sum(map(len, table.blocks())))
    raise ExpectedError(NOT_RECOGNISED)


@dataclass(slots=True)
class _Seen:
    """What a look through a JSON file found."""

    documents: int = 0
    rows: int = 0
    row_keys: frozenset[str] = frozenset()  # plain keys of the first row
    encrypted: bool = False  # a list of users was not readable
    listed: bool = False  # a list of users was readable
    head: dict[str, Any] = field(default_factory=dict)  # plain key -> value, of facts and totals
    is_answer: bool = False  # of GraphQL
    identities: cloud_identities.Look = field(default_factory=cloud_identities.Look)


def _recognise_json(reader: JsonReader) -> Recognition:
    seen = _Seen()
    for _ in reader.documents():
        seen.documents += 1
        for key in reader.members():
            _look_at_value(reader, plain(key), seen)
    if seen.identities.pages and not seen.listed:
        return _recognise_identities(seen.identities)
    kind = _kind(seen)
    if kind is FeedKind.CLOUD_LICENSES:
        return Recognition(
            kind,
            rows=seen.rows,
            total_seats_consumed=values.count(seen.head.get("totalseatsconsumed")),
            total_seats_purchased=values.count(seen.head.get("totalseatspurchased")),
        )
    return Recognition(
        kind, server=server_export.facts(seen.head), users_encrypted=seen.encrypted or not seen.listed, rows=seen.rows
    )


def _recognise_identities(found: cloud_identities.Look) -> Recognition:
    return Recognition(
        FeedKind.CLOUD_IDENTITIES,
        rows=found.rows,
        total_identities=found.total,
        more_follows=found.says_more and not found.says_last,
    )


def _look_at_value(reader: JsonReader, key: str, seen: _Seen) -> None:
    if key in USER_LISTS and reader.peek() == b"[":
        for window, count in reader.windows():
            if not seen.rows and not seen.encrypted:
                _look_at_first_row(window, seen)
            seen.rows += 0 if seen.encrypted else count
        seen.listed = True
    elif key in USER_LISTS:
        seen.encrypted = True
        reader.skip()
    elif key in server_export.FACT_GROUPS:
        group = reader.value()
        for name, value in group.items() if isinstance(group, dict) else ():
            _keep(plain(name), value, seen)
    elif key in _HEAD_KEYS:
        _keep(key, reader.value(), seen)
    elif key == "madeby":
        if reader.value() == "LicenseSync":  # `licenses.report`: it would confirm itself
            raise ExpectedError(OUR_REPORT)
    elif key == "data" and reader.peek() == b"{":
        seen.is_answer = True
        for _page in cloud_identities.pages(reader):
            cloud_identities.look(reader, seen.identities)
    else:
        reader.skip()


def _keep(key: str, value: object, seen: _Seen) -> None:
    """However often a file says something, no more of it stays than one value of each key, and only one of these may be
    more than a text: a small file of many brackets would fill the memory."""
    if key in _HEAD_KEYS and (key == "features" or not isinstance(value, dict | list)):
        seen.head[key] = value


def _look_at_first_row(window: bytes, seen: _Seen) -> None:
    try:
        row = msgspec.json.decode(msgspec.json.decode(window, type=list[msgspec.Raw])[0])
    except ValueError:
        return  # a number that no row can have: told with its number when the accounts are read
    if not isinstance(row, dict):
        seen.encrypted = True
        return
    seen.row_keys = frozenset(map(plain, row))
    if not (server_export.ACCOUNT.knows(seen.row_keys) or cloud_licenses.ROW.knows(seen.row_keys)):
        raise ExpectedError(NOT_RECOGNISED)


def _kind(seen: _Seen) -> FeedKind:
    has_facts = "serverid" in seen.head or "hostname" in seen.head or "host" in seen.head
    has_totals = not cloud_licenses.TOTALS.isdisjoint(seen.head)
    is_cloud = cloud_licenses.ROW.knows(seen.row_keys) or (has_totals and not has_facts)
    if is_cloud and seen.listed and not seen.encrypted:
        return FeedKind.CLOUD_LICENSES
    if not is_cloud and seen.documents == 1 and (has_facts or seen.row_keys >= {"login"}):
        return FeedKind.SERVER_EXPORT
    raise ExpectedError(NO_IDENTITIES if seen.is_answer else NOT_RECOGNISED)
