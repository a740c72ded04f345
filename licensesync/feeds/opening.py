"""A stored file as text: unpacked, decoded and in pieces, whatever its name says. Nothing holds the whole file."""

import codecs
import contextlib
import errno
import itertools
import os
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

from licensesync.errors import (
    ARCHIVE_MEMBERS,
    ARCHIVE_PASSWORD,
    ARCHIVE_UNREADABLE,
    EMPTY_FILE,
    UNPACKS_TOO_LARGE,
    WRONG_ENCODING,
    ExpectedError,
)

MIB = 1024 * 1024
CHUNK = 512 * 1024

# Lists of accounts shrink to a tenth or a twentieth; deflate can reach a thousandth. What unpacks to more than a
# hundred times its size is no list, but only above a size at which it could hurt.
MAX_RATIO = 100
SUSPECT_ABOVE = 64 * MIB

# The directory of a zip is read at once, so its size is checked before: one member needs less than 200 KiB.
MAX_ZIP_DIRECTORY = MIB
ZIP_END = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16, end of central directory record

# A gzip file is members one after another, of which `gzip` makes one, and whoever packs in blocks one for each 64 KiB.
# A member costs as much as some KiB of text, also an empty one, of which millions fit into a file.
GZIP_PIECE = 16 * 1024  # what is left of a piece is copied at the end of each member
FREE_GZIP_MEMBERS = 1_000
MIN_GZIP_MEMBER = 4 * 1024  # unpacked, on average, of those beyond

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error)


def text_chunks(path: Path, *, max_unpacked_bytes: int) -> Generator[str, None, None]:
    """The text of a plain, gzip or zip file, without byte order mark and leading blanks.

    UTF-8 and UTF-16, the latter also without its mark: text of these feeds starts with an ASCII character. The first
    piece is not empty. An incomplete last character is left out: the reader then finds that the end is missing.
    Raises ExpectedError: EMPTY_FILE, WRONG_ENCODING, and those of `byte_chunks`.
    """
    started = False
    with contextlib.closing(byte_chunks(path, max_unpacked_bytes=max_unpacked_bytes)) as chunks:
        first = next(chunks, b"")
        decoder = codecs.getincrementaldecoder(_encoding(first))()
        for chunk in itertools.chain([first], chunks):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError:
                raise ExpectedError(WRONG_ENCODING) from None
            if "\0" in text:  # PostgreSQL can't store it, and no text has it
                raise ExpectedError(WRONG_ENCODING)
            if not started:
                text = text.lstrip("\ufeff \t\r\n")
                started = bool(text)
            if text:
                yield text
    if not started:
        raise ExpectedError(EMPTY_FILE)


def byte_chunks(path: Path, *, max_unpacked_bytes: int) -> Generator[bytes, None, None]:
    """The bytes of a plain file, or of what is packed in a gzip file or in a zip file with one member.

    Raises ExpectedError: ARCHIVE_UNREADABLE, ARCHIVE_MEMBERS, ARCHIVE_PASSWORD, UNPACKS_TOO_LARGE.
    """
    with path.open("rb") as file, contextlib.ExitStack() as stack:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            chunks = _gzip_members(file)
        elif magic in (b"PK\x03\x04", b"PK\x05\x06"):
            member = stack.enter_context(_zip_member(file))
            chunks = iter(lambda: member.read(CHUNK), b"")
        else:
            while chunk := file.read(CHUNK):
                yield chunk
            return
        packed_bytes = os.fstat(file.fileno()).st_size
        yield from _unpacked(chunks, limit=min(max_unpacked_bytes, max(SUSPECT_ABOVE, MAX_RATIO * packed_bytes)))


def _unpacked(chunks: Iterator[bytes], *, limit: int) -> Iterator[bytes]:
    total = 0
    while True:
        with _damage_is_expected():
            chunk = next(chunks, b"")
        if not chunk:
            return
        total += len(chunk)
        if total > limit:
            raise ExpectedError(UNPACKS_TOO_LARGE, limit=f"{limit // MIB} MB")
        yield chunk


def _gzip_members(file: IO[bytes]) -> Iterator[bytes]:
    """What is in the members of a gzip file, in chunks that are not empty; zeros between them are padding.

    Python's own reader goes through any number of members before it hands something out. Raises
    ExpectedError(ARCHIVE_UNREADABLE) where they are too many for what is in them, and what DAMAGED names.
    """
    members = total = 0
    unpacked = bytearray()
    packed = file.read(GZIP_PIECE)
    while packed:
        members += 1
        if members > FREE_GZIP_MEMBERS + total // MIN_GZIP_MEMBER:
            raise ExpectedError(ARCHIVE_UNREADABLE)
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            if not packed and not (packed := file.read(GZIP_PIECE)):
                raise EOFError
            chunk = member.decompress(packed, CHUNK)
            packed = member.unconsumed_tail
            total += len(chunk)
            unpacked += chunk
            if len(unpacked) >= CHUNK:
                yield bytes(unpacked)
                unpacked.clear()
        packed = member.unused_data.lstrip(b"\0")
        while not packed and (piece := file.read(GZIP_PIECE)):
            packed = piece.lstrip(b"\0")
    if unpacked:
        yield bytes(unpacked)


@contextlib.contextmanager
def _damage_is_expected() -> Iterator[None]:
    try:
        yield
    except DAMAGED:
        raise ExpectedError(ARCHIVE_UNREADABLE) from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ExpectedError(ARCHIVE_UNREADABLE) from None  # a zip that points before its own beginning


@contextlib.contextmanager
def _zip_member(file: IO[bytes]) -> Iterator[IO[bytes]]:
    _check_zip_directory(file)
    with _damage_is_expected():
        archive = zipfile.ZipFile(file)
    with archive:
        members = [member for member in archive.infolist() if not _is_beside(member.filename)]
        if len(members) != 1:
            raise ExpectedError(ARCHIVE_MEMBERS, count=len(members))
        member = members[0]
        if member.flag_bits & 1:
            raise ExpectedError(ARCHIVE_PASSWORD)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # the others unpack unbounded
            raise ExpectedError(ARCHIVE_UNREADABLE)
        with _damage_is_expected():
            source = archive.open(member)
        with source:
            yield source


def _is_beside(name: str) -> bool:
    """A folder, or what macOS packs beside every file."""
    return name.endswith("/") or name.startswith("__MACOSX/")


def _check_zip_directory(file: IO[bytes]) -> None:
    """Refuse a directory that would fill the memory, and zip64, which only files above 4 GiB need."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - ZIP_END.size - 0xFFFF - 20))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < ZIP_END.size or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise ExpectedError(ARCHIVE_UNREADABLE)
    _magic, _disk, _first_disk, _here, members, directory_bytes, _offset, _comment = ZIP_END.unpack_from(tail, at)
    if directory_bytes > MAX_ZIP_DIRECTORY:
        raise ExpectedError(ARCHIVE_MEMBERS, count=members)


def _encoding(first: bytes) -> str:
    if first.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise ExpectedError(WRONG_ENCODING)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(first) > 1 and first[1] == 0:
        return "utf-16-le"
    if first[:1] == b"\0":
        return "utf-16-be"
    return "utf-8"
