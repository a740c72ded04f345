import gzip
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from licensesync import errors
from licensesync.errors import ExpectedError, Problem
from licensesync.feeds import FeedKind, opening

from .writing import (
    ENCODINGS,
    MAX_UNPACKED,
    PACKINGS,
    REPORT_HEADING,
    as_bytes,
    cloud_row,
    export,
    identity,
    identity_page,
    look,
    page,
    read_server,
    table,
    user,
    zipped,
    zipped_files,
)

EVERY_KIND: dict[FeedKind, Any] = {
    FeedKind.SERVER_EXPORT: export(user(1, name="Zoë 🐙"), user(2)),
    FeedKind.SERVER_REPORT: f"{REPORT_HEADING}\r\n,4,mona,mona@x.example,user,false,,,,,false,,Zoë,true\r\n",
    FeedKind.CLOUD_LICENSES: page(cloud_row(github_com_name="Zoë 🐙")),
    FeedKind.CLOUD_REPORT: table(["github_com_login", "License type"], ["Zoë", "Enterprise"]),
    FeedKind.CLOUD_IDENTITIES: identity_page(identity("mona", "Zoë@x.example")),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_by_content_in_any_wrapping(tmp_path: Path, kind: FeedKind, encoding: str, packing: str) -> None:
    text = as_bytes(EVERY_KIND[kind]).decode()
    content = PACKINGS[packing](ENCODINGS[encoding](text))
    assert look(tmp_path, content) == look(tmp_path, EVERY_KIND[kind])
    assert look(tmp_path, content).kind is kind


def test_blanks_before_and_after(tmp_path: Path) -> None:
    for content in EVERY_KIND.values():
        blank = b"\n \t\r\n" * 300_000
        assert look(tmp_path, blank + as_bytes(content) + b" \n") == look(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", errors.EMPTY_FILE),
        (b" \r\n\t ", errors.EMPTY_FILE),
        (b"\xef\xbb\xbf", errors.EMPTY_FILE),
        (gzip.compress(b""), errors.EMPTY_FILE),
        (b"hello", errors.NOT_RECOGNISED),
        (b"{hello", errors.NOT_RECOGNISED),
        (b"[]", errors.NOT_RECOGNISED),
        (b"{}", errors.NOT_RECOGNISED),
        (b"[1, 2]", errors.NOT_RECOGNISED),
        (b'{"a" 1}', errors.NOT_RECOGNISED),
        (b'{"a": 1,}', errors.NOT_RECOGNISED),
        (b'{"a": ,}', errors.NOT_RECOGNISED),
        (b'{"server_id": "a", "b": :, "users": []}', errors.NOT_RECOGNISED),
        (b'{"server_id": NaN}', errors.NOT_RECOGNISED),
        (b'{"server_id": "\\ud800"}', errors.NOT_RECOGNISED),
        (b'{"server_id": "a", "users": []} {"server_id": "b", "users": []}', errors.NOT_RECOGNISED),
        (b'{"users": [{"colour": "red"}]}', errors.NOT_RECOGNISED),
        (b'{"users": [{"id": 1}]}', errors.NOT_RECOGNISED),
        (b"GitHub com login,License type,License number,Matched by\r\nana,Enterprise,1,\r\n", errors.OUR_REPORT),
        (b'{"made_by": "LicenseSync", "total_seats_consumed": 0, "users": []}', errors.OUR_REPORT),
        (b"<html><body>Sign in</body></html>", errors.WEB_PAGE),
        (b"\n\n<!-- x -->\n<!DOCTYPE html><title>Sign in</title>", errors.WEB_PAGE),
        (b"<?xml version='1.0'?><users/>", errors.NOT_RECOGNISED),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff", errors.WRONG_ENCODING),
        (b'{"server_id": "\xff"}', errors.WRONG_ENCODING),
        (b'{"server_id": "\x00"}', errors.WRONG_ENCODING),
        ('{"server_id": "a"}'.encode("utf-32"), errors.WRONG_ENCODING),
        (b'\xff\xfe{\x00"\x00\x00\xd8a\x00', errors.WRONG_ENCODING),
        (b"[" * 1_000_000, errors.NOT_RECOGNISED),
        (b'{"a":' + b"[" * 1_000_000, errors.TOO_DEEP),
        (b'{"server_id":' + b"[" * 1_000_000, errors.TOO_DEEP),
        (b'{"users":[{"login":"a","b":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}]}", errors.TOO_DEEP),
        (b'{"users":[{"login":"a","b":' + b"[" * 5_000 + b"]" * 5_000 + b"}]}", errors.TOO_DEEP),
        (b'{"users":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}", errors.TOO_DEEP),
        (b'{"server_id": "' + b"x" * 5_000_000 + b'"}', errors.TOO_LONG_VALUE),
        (b'{"server_id": "' + b"x" * 101 + b'"}', errors.TOO_LONG_VALUE),
        (b'{"users": [{"id": 1, "login": "' + b"x" * 5_000_000 + b'"}]}', errors.TOO_LONG_VALUE),
        (b'{"' + b"x" * 5_000_000 + b'": 1}', errors.TOO_LONG_VALUE),
        (b'{"server_id": "a", "users": "abc', errors.TRUNCATED),
        (b'{"server_id": "a", "n": 12', errors.TRUNCATED),
    ],
)
def test_what_is_no_feed(tmp_path: Path, content: bytes, problem: Problem) -> None:
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, content)
    assert error.value.problem is problem


def test_long_values_under_unknown_keys_are_left_out(tmp_path: Path) -> None:
    content = export(user(1), notes="x" * 5_000_000, tree=[{"a": [1, "]}", {}]}] * 1000, escaped='\\"' * 500_000)
    assert look(tmp_path, content).rows == 1
    assert len(read_server(tmp_path, content)) == 1


def test_whoever_else_made_it(tmp_path: Path) -> None:
    assert look(tmp_path, export(user(1), made_by={"name": ["GitHub"]})).rows == 1


def test_truncated_list_says_how_many_were_read(tmp_path: Path) -> None:
    whole = as_bytes(export(*map(user, range(1, 20_001))))
    for end in (whole.index(b'"id": 15001'), whole.index(b', {"id": 15001'), whole.index(b'{"id": 15001')):
        with pytest.raises(ExpectedError) as error:
            look(tmp_path, whole[:end])
        assert error.value.problem is errors.TRUNCATED
        assert error.value.params == {"read": 15_000}


@pytest.mark.parametrize(
    "row",
    [
        '{"id":1,"login":"\\ud800"}',
        '{"id":1,"login":"a\x01"}',
        '{"id":NaN,"login":"a"}',
        '{"id" 1}',
        '{"id":1 "b":2}',
        '{"id":1}}',
        "{]",
        "",
        "tru",
    ],
)
def test_broken_row_is_named(tmp_path: Path, row: str) -> None:
    content = '{"server_id":"a","users":[' + '{"id":1,"login":"a"},' * 30_000 + row + ',{"id":1,"login":"a"}]}'
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, content)
    assert error.value.problem is errors.WRONG_SHAPE
    assert 30_000 <= int(error.value.params["number"]) <= 30_001


def test_text_after_the_end(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, as_bytes(export(user(1), user(2))) + b"x")
    assert error.value.problem is errors.WRONG_SHAPE
    assert "number 2 of the file can’t be read: what follows it is not valid JSON." in str(error.value)


def with_password(packed: bytes) -> bytes:
    """Set the bit that says so, in the member's header and in the directory."""
    flagged = bytearray(packed)
    flagged[6] |= 1
    flagged[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(flagged)


def as_zip64(packed: bytes) -> bytes:
    """The same archive with a zip64 directory record, whose size of the directory nothing has checked."""
    end = packed.rindex(b"PK\x05\x06")
    directory_bytes, offset = struct.unpack("<2L", packed[end + 12 : end + 20])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, directory_bytes, offset)
    return packed[:end] + record + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1) + packed[end:]


def with_damage(packed: bytes) -> bytes:
    changed = bytearray(packed)
    changed[packed.index(b"usage.json") + 30] ^= 0xFF
    return bytes(changed)


EXPORT = as_bytes(export(user(1)))
MANY_MEMBERS = zipped_files({f"{n:0200}": b"" for n in range(5000)})


@pytest.mark.parametrize(
    ("content", "problem", "params"),
    [
        (gzip.compress(EXPORT)[:-12], errors.ARCHIVE_UNREADABLE, {}),
        (gzip.compress(EXPORT)[:-1], errors.ARCHIVE_UNREADABLE, {}),
        (gzip.compress(EXPORT)[:20] + b"\xff" * 50, errors.ARCHIVE_UNREADABLE, {}),
        (b"\x1f\x8b", errors.ARCHIVE_UNREADABLE, {}),
        (zipped(EXPORT)[:-10], errors.ARCHIVE_UNREADABLE, {}),
        (zipped(EXPORT)[:50], errors.ARCHIVE_UNREADABLE, {}),
        (with_damage(zipped(EXPORT)), errors.ARCHIVE_UNREADABLE, {}),
        (zipped(EXPORT, zipfile.ZIP_BZIP2), errors.ARCHIVE_UNREADABLE, {}),
        (zipped(EXPORT, zipfile.ZIP_LZMA), errors.ARCHIVE_UNREADABLE, {}),
        (as_zip64(zipped(EXPORT)), errors.ARCHIVE_UNREADABLE, {}),
        (zipped_files({}), errors.ARCHIVE_MEMBERS, {"count": 0}),
        (zipped_files({"a": EXPORT, "b": EXPORT}), errors.ARCHIVE_MEMBERS, {"count": 2}),
        (MANY_MEMBERS, errors.ARCHIVE_MEMBERS, {"count": 5000}),
        (with_password(zipped(EXPORT)), errors.ARCHIVE_PASSWORD, {}),
        (zipped(zipped(EXPORT)), errors.WRONG_ENCODING, {}),
    ],
)  # fmt: skip
def test_archives(tmp_path: Path, content: bytes, problem: Problem, params: dict[str, int]) -> None:
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, content)
    assert error.value.problem is problem
    assert error.value.params == params


def test_a_large_directory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZipFile", pytest.fail)
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, MANY_MEMBERS)
    assert error.value.problem is errors.ARCHIVE_MEMBERS


def test_archive_of_a_mac(tmp_path: Path) -> None:
    content = zipped_files({"usage/": b"", "usage/x.json": EXPORT, "__MACOSX/usage/._x.json": b"\x00\x05"})
    assert look(tmp_path, content) == look(tmp_path, EXPORT)


def test_a_gzip_file_of_many_members(tmp_path: Path) -> None:
    """As programs pack that do it in blocks, with an empty member at the end, or a tape with its padding."""
    content = json.dumps({"server_id": "a", "users": [user(number) for number in range(1, 80_000)]}).encode()
    blocks = [content[at : at + 8_000] for at in range(0, len(content), 8_000)]
    assert len(blocks) > opening.FREE_GZIP_MEMBERS
    packed = b"".join(gzip.compress(block, 1) for block in [*blocks, b""])
    assert look(tmp_path, packed) == look(tmp_path, content)
    assert look(tmp_path, gzip.compress(content[:100]) + bytes(99_999) + gzip.compress(content[100:]) + bytes(9)) == (
        look(tmp_path, content)
    )
    with pytest.raises(ExpectedError) as damaged:
        look(tmp_path, packed + b"more")
    assert damaged.value.problem is errors.ARCHIVE_UNREADABLE


@pytest.mark.parametrize("inside", [b"", b" "])
def test_a_gzip_file_of_members_with_nothing_in_them_is_soon_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bytes
) -> None:
    looked_into = 0

    def count(*args: Any, **more: Any) -> Any:
        nonlocal looked_into
        looked_into += 1
        return decompressobj(*args, **more)

    decompressobj = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", count)
    with pytest.raises(ExpectedError) as refused:
        look(tmp_path, gzip.compress(inside) * 50_000)
    assert refused.value.problem is errors.ARCHIVE_UNREADABLE
    assert looked_into <= opening.FREE_GZIP_MEMBERS + 1


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_what_unpacks_beyond_the_limit(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    content = pack(b'{"a": "' + b"x" * MAX_UNPACKED + b'"}')
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, content)
    assert error.value.problem is errors.UNPACKS_TOO_LARGE


def test_what_unpacks_to_far_more_than_any_list_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SUSPECT_ABOVE", opening.MIB)
    harmless = gzip.compress(b'{"server_id": "a", "x": "' + b"x" * (opening.MIB - 100) + b'"}')
    assert look(tmp_path, harmless).kind is FeedKind.SERVER_EXPORT
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, gzip.compress(b'{"server_id": "a", "x": "' + b"x" * 4 * opening.MIB + b'"}'))
    assert error.value.problem is errors.UNPACKS_TOO_LARGE
    assert error.value.params == {"limit": "1 MB"}
