"""What holds for every file: any wrapping reads the same, and damage ends in an expected error, never in another."""

import json
import random
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensesync.errors import ARCHIVE_UNREADABLE, TRUNCATED, ExpectedError
from licensesync.feeds import ReadReport, json_stream, opening, server_export
from licensesync.feeds.json_stream import JsonReader

from .writing import (
    ENCODINGS,
    PACKINGS,
    REPORT_HEADING,
    SAMPLES,
    SPELLINGS,
    as_bytes,
    cloud_row,
    export,
    page,
    problem_of,
    read_people,
    read_server,
    spell,
    table,
    user,
)


def is_told(moment: datetime) -> bool:
    """Not every time zone has the first and the last year."""
    return MINYEAR < moment.year < MAXYEAR


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
TRICKY = st.sampled_from(['"},{"id":1', "]}", "\\", '\\"', "}, {", ",", "é\\u0022", "a" * 200])
EMAILS = st.lists(st.builds("{}@{}.example".format, st.integers(0, 9), st.sampled_from("abc")), max_size=3, unique=True)
ACCOUNTS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(1, 2**63 - 1),
            "login": TEXT | TRICKY,
            "name": st.none() | TEXT | TRICKY,
            "site_admin": st.booleans(),
            "suspended_at": st.none() | st.just("2020-01-01T00:00:00Z"),
            "created_at": st.datetimes(timezones=st.just(UTC)).filter(is_told).map(datetime.isoformat),
            "emails": EMAILS,
        }
    ),
    max_size=12,
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
CLOUD_KEYS = [
    "github_com_login",
    "github_com_user",
    "enterprise_server_user_ids",
    "enterprise_server_emails",
    "license_type",
]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def expected(row: dict[str, Any]) -> tuple[Any, ...]:
    primary, *others = row["emails"] or [""]
    moment = datetime.fromisoformat(row["created_at"])
    login, name = row["login"].strip(), (row["name"] or "").strip()
    return (row["id"], login, name, primary, tuple(others), row["site_admin"], row["suspended_at"] is not None,
            None, None, moment, None)  # fmt: skip


@QUICK
@given(
    rows=ACCOUNTS,
    spelling=st.sampled_from(SPELLINGS),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    packing=st.sampled_from(sorted(PACKINGS)),
    indent=st.sampled_from([None, 0, 3]),
    objects=st.booleans(),
    facts_last=st.booleans(),
)
def test_any_wrapping_reads_the_same(
    tmp_path: Path, rows: list[dict[str, Any]], spelling: Any, encoding: str, packing: str, indent: int | None,
    objects: bool, facts_last: bool,
) -> None:  # fmt: skip
    written = [dict(row) for row in rows]
    if objects:
        for row in written:
            row["emails"] = [{"email": email, "primary": not number} for number, email in enumerate(row["emails"])]
    content = export(*written)
    if facts_last:
        content = dict(reversed(content.items()))
    text = json.dumps(spell(content, spelling), indent=indent, ensure_ascii=False)
    accounts = read_server(tmp_path, PACKINGS[packing](ENCODINGS[encoding](text)))
    assert [tuple(account) for account in accounts] == [expected(row) for row in rows]


@QUICK
@given(rows=ACCOUNTS, size=st.integers(1, 300), window=st.integers(1000, 3000))
def test_any_pieces_and_windows_read_the_same(rows: list[dict[str, Any]], size: int, window: int) -> None:
    text = json.dumps(export(*rows, notes=[{"a": "]}"}]), ensure_ascii=False)
    chunks = (text[start : start + size] for start in range(0, len(text), size))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "WINDOW", window)
        lists = server_export.accounts(JsonReader(chunks), ReadReport())
        assert [tuple(account) for accounts in lists for account in accounts] == [expected(row) for row in rows]


@pytest.mark.parametrize("guesses", [0, 1, 8])
def test_windows_end_between_elements(monkeypatch: pytest.MonkeyPatch, guesses: int) -> None:
    monkeypatch.setattr(json_stream, "WINDOW", 500)
    monkeypatch.setattr(json_stream, "GUESSES", guesses)
    rows = [{"id": n, "emails": [{"a": "},{"}, {"b": {}}], "text": "}" * (n % 20)} for n in range(200)]
    text = json.dumps(rows, indent=1)
    windows = list(JsonReader(iter([text])).windows())
    assert [row for window, _ in windows for row in json.loads(window)] == rows
    assert [len(json.loads(window)) for window, _ in windows] == [count for _, count in windows]
    reader = JsonReader(text[start : start + 7] for start in range(0, len(text), 7))
    windows = list(reader.windows())
    assert [row for window, _ in windows for row in json.loads(window)] == rows
    assert len(windows) > 20
    assert reader.elements == 200


def test_values_split_between_pieces() -> None:
    text = '{"number": 1234, "text": "a\\\\\\"b", "list": [1, "]"], "none": null}'
    for size in range(1, 9):
        reader = JsonReader(text[start : start + size] for start in range(0, len(text), size))
        assert {key: reader.value() for key in reader.members()} == json.loads(text)
        assert reader.peek() == b""
        reader = JsonReader(text[start : start + size] for start in range(0, len(text), size))
        assert [(key, reader.skip()) for key in reader.members()] == [(key, None) for key in json.loads(text)]  # type: ignore[func-returns-value]
        assert reader.peek() == b""


JSON_FILES = {
    "export": as_bytes(export(user(1, name="Zoë"), user(2))),
    "page": as_bytes(page(cloud_row(), cloud_row("Zoë"))),
}
TABLES = {
    "report": (SAMPLES / "all_users.csv").read_bytes(),
    "cloud report": table(["github_com_login", "license_type", "x"], ["a", "b", 'c",']).encode(),
}


def read(folder: Path, content: bytes) -> None:
    """Read as whatever it may be."""
    try:
        read_server(folder, content)
    except ValueError:  # a cloud list
        read_people(folder, content)


@pytest.mark.parametrize("name", JSON_FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16 little", "utf-16 big without mark"])
def test_json_cut_anywhere_is_truncated(tmp_path: Path, name: str, encoding: str) -> None:
    whole = ENCODINGS[encoding](JSON_FILES[name].decode())
    read(tmp_path, whole)
    for end in range(len(whole)):
        error = problem_of(lambda end=end: read(tmp_path, whole[:end]))  # type: ignore[misc]
        assert error is not None, end
        assert error.problem is TRUNCATED or end < 4, end


@pytest.mark.parametrize("name", [*JSON_FILES, *TABLES])
@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_archive_cut_anywhere_is_unreadable(tmp_path: Path, name: str, packing: str) -> None:
    whole = PACKINGS[packing]((JSON_FILES | TABLES)[name])
    read(tmp_path, whole)
    for end in range(len(whole)):
        error = problem_of(lambda end=end: read(tmp_path, whole[:end]))  # type: ignore[misc]
        assert error is not None, end
        assert error.problem is ARCHIVE_UNREADABLE or end < 4, (end, error)


@pytest.mark.parametrize("name", TABLES)
def test_table_cut_anywhere_is_refused_unless_it_ends_in_the_last_value_of_a_row(tmp_path: Path, name: str) -> None:
    whole = TABLES[name]
    read(tmp_path, whole)
    for end in range(len(whole)):
        if problem_of(lambda end=end: read(tmp_path, whole[:end])) is None:  # type: ignore[misc]
            *rows, last = whole[:end].split(b"\n")
            assert rows
            assert last == b"" or last.count(b",") >= whole.split(b"\n")[0].count(b",")


@pytest.mark.parametrize("name", [*JSON_FILES, *TABLES])
@pytest.mark.parametrize("packing", PACKINGS)
def test_changed_bytes_never_surprise(tmp_path: Path, name: str, packing: str) -> None:
    whole = PACKINGS[packing]((JSON_FILES | TABLES)[name])
    chance = random.Random(name + packing)
    refused = 0
    for _ in range(250):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice([chance.randrange(256), *b'{}[]",:\\0\x00'])
        refused += problem_of(lambda changed=changed: read(tmp_path, bytes(changed))) is not None  # type: ignore[misc]
    assert refused > 60


@QUICK
@given(
    content=st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.from_regex(rb'\A[\[{"a:1,\\\]} ]{1,60}\Z')
)
def test_anything_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ExpectedError):
        read(tmp_path, content)


@QUICK
@given(value=JSON_VALUES, key=st.sampled_from([*user(), "email", "suspended", "primary_email"]))
def test_any_value_in_any_field_never_surprises(tmp_path: Path, value: Any, key: str) -> None:
    problem_of(lambda: read_server(tmp_path, export(user(1), user(2, **{key: value}))))
    problem_of(
        lambda: read_server(tmp_path, export(user(1), **{key: value}) | {"features": value, "created_at": value})
    )


@QUICK
@given(value=JSON_VALUES, key=st.sampled_from(CLOUD_KEYS))
def test_any_value_in_any_cloud_field_never_surprises(tmp_path: Path, value: Any, key: str) -> None:
    problem_of(
        lambda: read_people(tmp_path, page(cloud_row("a"), cloud_row("b", **{key: value}), total_seats_consumed=value))
    )


@pytest.mark.parametrize("size", [4, 5, 7, 64])
def test_characters_split_between_pieces_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole = read_server(tmp_path, export(user(1, name="Zoë 🐙 山田")))
    monkeypatch.setattr(opening, "CHUNK", size)
    for encoding in ("utf-8", "utf-8 with mark", "utf-16 little", "utf-16 big"):
        text = json.dumps(export(user(1, name="Zoë 🐙 山田")), ensure_ascii=False)
        assert read_server(tmp_path, ENCODINGS[encoding](text)) == whole
    assert read_server(tmp_path, f"{REPORT_HEADING}\r\n,1,Zoë,,user,false,,,,,,,,\r\n")[0].login == "Zoë"
