"""The bytes of lists: stored once, privately, under a random name in UPLOADS_DIR. Nothing there is ever served."""

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile

from licensesync.errors import DISK_FULL, PAYLOAD_GONE, TOO_LARGE, ExpectedError
from licensesync.syncing.models import UsageFile

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that nothing in the database names yet. `digest` is their SHA-256."""

    name: str
    size: int
    digest: str

    @property
    def path(self) -> Path:
        return Path(settings.UPLOADS_DIR / self.name)


def store(content: IO[bytes], *, limit: int) -> Stored:
    """Store what can be read from `content`; the file of a form, which is on this disk already, is moved here.

    ExpectedError: more than `limit` bytes, or no room for them.
    """
    name = uuid.uuid4().hex
    path = settings.UPLOADS_DIR / name
    try:
        if isinstance(content, TemporaryUploadedFile):
            size, digest = _move(Path(content.temporary_file_path()), path)
        else:
            size, digest = _copy(content, path, limit)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Stored(name, size, digest)


def _move(file: Path, path: Path) -> tuple[int, str]:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    file.rename(path)
    return path.stat().st_size, digest


def _copy(content: IO[bytes], path: Path, limit: int) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stored:
        while chunk := content.read(MEBIBYTE):
            size += len(chunk)
            if size > limit:
                raise ExpectedError(TOO_LARGE, limit=f"{limit // MEBIBYTE} MB")
            refuse_without_room()
            digest.update(chunk)
            stored.write(chunk)
    return size, digest.hexdigest()


def refuse_without_room(more: int = 0) -> None:
    """ExpectedError(DISK_FULL): `more` bytes would leave less than the space that the disk should keep. The database
    needs some to take a list in, and what only reads goes on meanwhile."""
    if shutil.disk_usage(settings.UPLOADS_DIR).free - more < settings.DISK_RESERVE_MB * MEBIBYTE:
        raise ExpectedError(DISK_FULL)


def path_of(file: UsageFile) -> Path:
    """Where the bytes of a file are. ExpectedError: they have been deleted."""
    path = settings.UPLOADS_DIR / file.stored_name
    if not file.stored_name or not path.is_file():
        raise ExpectedError(PAYLOAD_GONE)
    return Path(path)


def delete(stored_names: Iterable[str]) -> None:
    """Delete bytes by the names under which files are stored; "" names none."""
    for name in filter(None, stored_names):
        (settings.UPLOADS_DIR / name).unlink(missing_ok=True)


@contextmanager
def held(file: UsageFile) -> Iterator[bool]:
    """Keep other workers from a file until the end of the block. False: another one holds it; when that one is killed,
    it lets go. Workers of several machines share the disk, so it has to lend locks over the network (NFS 4 does).

    ExpectedError: its bytes have been deleted.
    """
    with path_of(file).open("r+b") as content:  # NFS gives such a lock only to whoever may write
        try:
            fcntl.flock(content, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_ours = False
        else:
            is_ours = True
        yield is_ours
