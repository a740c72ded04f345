"""Read a recognised file: batches of records, in constant memory."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from licensesync.errors import TOO_MANY_PEOPLE, ExpectedError
from licensesync.feeds import cloud_identities, cloud_licenses, cloud_report, server_export, server_report
from licensesync.feeds.json_stream import JsonReader
from licensesync.feeds.opening import text_chunks
from licensesync.feeds.records import (
    CloudIdentity,
    CloudUser,
    FeedKind,
    ReadReport,
    Recognition,
    ServerOnlyPerson,
    ServerUserAccount,
)
from licensesync.feeds.tables import Table

BATCH = 5000
MOST_LISTS = 8  # of a batch: each comes of some 1 MiB of text at most, as few as its accounts may be
Record = TypeVar("Record")


def read_server_accounts(
    path: Path,
    recognition: Recognition,
    report: ReadReport,
    *,
    max_unpacked_bytes: int,
    max_accounts: int,
    batch_size: int = BATCH,
) -> Iterator[list[ServerUserAccount]]:
    """The accounts of a server's export or report, in batches; none when its list of users is encrypted.

    A user id that appears twice is not noticed here: that takes a set of all ids, or the database.
    Raises ExpectedError: TOO_MANY_PEOPLE, WRONG_SHAPE, TOO_LONG_VALUE, TRUNCATED, and what `recognise` raises.
    """
    if recognition.kind.is_cloud:
        raise ValueError(f"{recognition.kind} has no accounts of a server")
    if not recognition.users_encrypted:
        accounts = _server_accounts(path, recognition.kind, report, max_unpacked_bytes)
        yield from _batches(accounts, report, max_accounts, batch_size)


def read_cloud(
    paths: Sequence[Path],
    recognitions: Sequence[Recognition],
    report: ReadReport,
    *,
    max_unpacked_bytes: int,
    max_accounts: int,
) -> Iterator[list[CloudUser | ServerOnlyPerson]]:
    """The rows of a cloud list, in batches. Several files (`recognitions` in the same order) are pages of one list.

    A row that appears twice, as when one page was added twice, is not noticed here.
    Raises ExpectedError: as `read_server_accounts`; numbers of accounts count through all pages.
    """
    if not all(recognition.kind.is_cloud for recognition in recognitions):
        raise ValueError("not every file is a cloud list")

    people = (
        rows
        for path, recognition in zip(paths, recognitions, strict=True)
        for rows in _cloud_people(path, recognition.kind, report, max_unpacked_bytes)
    )
    yield from _batches(people, report, max_accounts, BATCH)


def read_identities(
    paths: Sequence[Path], report: ReadReport, *, max_unpacked_bytes: int, max_accounts: int
) -> Iterator[list[CloudIdentity]]:
    """The linked identities of all these files, in batches. Raises ExpectedError as `read_server_accounts`."""
    identities = (found for path in paths for found in _identities(path, report, max_unpacked_bytes))
    yield from _batches(identities, report, max_accounts, BATCH)


def _server_accounts(
    path: Path, kind: FeedKind, report: ReadReport, max_unpacked_bytes: int
) -> Iterator[list[ServerUserAccount]]:
    with contextlib.closing(text_chunks(path, max_unpacked_bytes=max_unpacked_bytes)) as chunks:
        if kind is FeedKind.SERVER_EXPORT:
            yield from server_export.accounts(JsonReader(chunks), report)
        else:
            yield from server_report.accounts(Table(chunks), report)


def _cloud_people(
    path: Path, kind: FeedKind, report: ReadReport, max_unpacked_bytes: int
) -> Iterator[list[CloudUser | ServerOnlyPerson]]:
    with contextlib.closing(text_chunks(path, max_unpacked_bytes=max_unpacked_bytes)) as chunks:
        if kind is FeedKind.CLOUD_LICENSES:
            yield from cloud_licenses.people(JsonReader(chunks), report)
        else:
            yield from cloud_report.people(Table(chunks), report)


def _identities(path: Path, report: ReadReport, max_unpacked_bytes: int) -> Iterator[list[CloudIdentity]]:
    with contextlib.closing(text_chunks(path, max_unpacked_bytes=max_unpacked_bytes)) as chunks:
        yield from cloud_identities.identities(JsonReader(chunks), report)


def _batches(lists: Iterable[list[Record]], report: ReadReport, max_accounts: int, size: int) -> Iterator[list[Record]]:
    """Short lists, such as those of pages, together; `report` counts what was read."""
    batch: list[Record] = []
    together = 0
    for records in lists:
        if report.rows > max_accounts:
            raise ExpectedError(TOO_MANY_PEOPLE, limit=max_accounts)
        batch += records
        together += 1
        if len(batch) >= size or together == MOST_LISTS:
            yield batch
            batch, together = [], 0
    if batch:
        yield batch
