"""Backups of the embedded database: one archive (tar) with everything that can't be made again.

The database, the keys of the data directory, the usage files that somebody still needs, and last a list of them with
their digests. An archive gets its name when it is whole; a restore changes nothing before all of it has been checked,
and is finished at the next start if it is interrupted after that.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

from licensesync.config.in_use import alone, close_for_others
from licensesync.operations.health import of_newer_version

FORMAT = 1
DATABASE = "licensesync.sqlite3"
SECRET_KEY, ENCRYPTION_KEY = "secret-key", "encryption-key"
LIST = "backup.json"
ALLOWED = re.compile(rf"{re.escape(DATABASE)}|{SECRET_KEY}|{ENCRYPTION_KEY}|uploads/[0-9a-f]{{32}}")
READY = "restore-ready"  # a checked backup that takes the place of what is there
MIB = 1024 * 1024


class KeepingError(Exception):
    """It can't be kept, or not be brought back; the message says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What an archive holds."""

    version: str
    made_at: str
    files: dict[str, dict[str, object]]  # name: size and sha256

    @property
    def usage_files(self) -> int:
        return sum(name.startswith("uploads/") for name in self.files)


def back_up(archive: Path, *, data_dir: Path, force: bool = False) -> Kept:
    """Write a backup of the data directory as it is at this moment; LicenseSync may run meanwhile.

    KeepingError: there is nothing to keep, or `archive` is there already and not to be replaced (`force`).
    """
    archive, database = archive.absolute(), data_dir / DATABASE
    if not database.exists():
        raise KeepingError(f"There is no database in {data_dir}.")
    if not archive.parent.is_dir():
        raise KeepingError(f"There is no folder {archive.parent}.")
    if archive.exists() and not force:
        raise KeepingError(f"{archive} is there already. Choose another name, or replace it with --force.")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=archive.parent) as folder:
            snapshot, new = Path(folder, DATABASE), Path(folder, "new")
            _copy_database(database, snapshot)
            with _private(new) as output, tarfile.open(fileobj=output, mode="w") as tar:
                kept = _write(tar, snapshot, data_dir)
                tar.close()
                output.flush()
                os.fsync(output.fileno())
            new.replace(archive)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise KeepingError(f"The backup {archive} was not written: {reason}.") from error
    return kept


def _copy_database(database: Path, snapshot: Path) -> None:
    """SQLite's own copy while others write: all of it as of one moment."""
    with (
        contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(snapshot)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def _write(tar: tarfile.TarFile, snapshot: Path, data_dir: Path) -> Kept:
    kept = Kept(version=settings.VERSION, made_at=timezone.now().isoformat(timespec="seconds"), files={})
    paths = {DATABASE: snapshot, **{name: data_dir / name for name in (SECRET_KEY, ENCRYPTION_KEY)}}
    paths |= {f"uploads/{name}": data_dir / "uploads" / name for name in _needed_files(snapshot)}
    for name, path in paths.items():
        with contextlib.suppress(FileNotFoundError), path.open("rb") as content:  # a key may be set, a file forgotten
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            kept.files[name] = {"size": content.tell(), "sha256": digest}
            content.seek(0)
            _add(tar, name, content, os.fstat(content.fileno()).st_size)
    about = {"format": FORMAT, "version": kept.version, "made_at": kept.made_at, "files": kept.files}
    text = json.dumps(about, indent=2).encode()
    _add(tar, LIST, io.BytesIO(text), len(text))
    return kept


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(timezone.now().timestamp())
    tar.addfile(member, content)


def _needed_files(snapshot: Path) -> list[str]:
    """The stored names of files that a job, a person or another try still needs."""
    with contextlib.closing(sqlite3.connect(snapshot)) as connection:
        rows = connection.execute(
            """SELECT f.stored_name FROM syncing_usagefile f LEFT JOIN syncing_licensesyncjob j ON j.id = f.job_id
               WHERE f.stored_name <> '' AND f.state <> 'DISCARDED' AND (j.id IS NULL OR j.state <> 'SUCCESS')"""
        )
        return [str(name) for (name,) in rows]


def restore(archive: Path, *, data_dir: Path, force: bool = False) -> Kept:
    """Put a backup in the place of what is in the data directory.

    KeepingError: the archive is damaged or newer than this version, or a database is there that is not to be replaced
    (`force`). InUseError: LicenseSync runs on the directory. In each of these cases nothing was changed.
    """
    database = data_dir / DATABASE
    with alone(data_dir):
        finish_restore(data_dir)
        for left in data_dir.glob(".restoring-*"):
            shutil.rmtree(left, ignore_errors=True)
        if database.exists() and database.stat().st_size and not force:
            raise KeepingError(f"There is a database in {data_dir} already. Replace it, and all in it, with --force.")
        staging = Path(tempfile.mkdtemp(prefix=".restoring-", dir=data_dir))
        try:
            kept = _unpack(archive, staging)
            _check_database(staging / DATABASE)
            close_for_others(database)
            staging.rename(data_dir / READY)
        except (tarfile.TarError, EOFError) as error:
            raise KeepingError(f"{archive} is no backup of LicenseSync, or was cut off.") from error
        except OSError as error:
            raise KeepingError(f"{archive} can't be restored: {error.strerror}.") from error
        except sqlite3.Error as error:
            raise KeepingError(f"{archive} can't be restored: {error}.") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        finish_restore(data_dir)
    return kept


def _unpack(archive: Path, folder: Path) -> Kept:
    """Unpack an archive, file by file, each only if it may be in one; then compare all with the list at its end."""
    found: dict[str, dict[str, object]] = {}
    about = None
    with tarfile.open(archive, "r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.name in found or about is not None:
                raise KeepingError(f"{archive} is no backup of LicenseSync: {member.name} does not belong there.")
            if member.name == LIST:
                about = _read_list(archive, content.read(MIB * 16))
            elif ALLOWED.fullmatch(member.name):
                found[member.name] = _copied(content, folder / member.name)
            else:
                raise KeepingError(f"{archive} is no backup of LicenseSync: {member.name} does not belong there.")
    if about is None or about.files != found or DATABASE not in found:
        raise KeepingError(f"{archive} is damaged or was cut off. Take another backup.")
    return about


def _read_list(archive: Path, text: bytes) -> Kept:
    try:
        about = json.loads(text)
        if about["format"] == FORMAT:
            return Kept(version=about["version"], made_at=about["made_at"], files=about["files"])
    except (ValueError, KeyError, TypeError):
        pass
    raise KeepingError(f"{archive} was written by another version of LicenseSync, which has to restore it.")


def _copied(content: IO[bytes], path: Path) -> dict[str, object]:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with _private(path) as output:
        while chunk := content.read(MIB):
            digest.update(chunk)
            size += output.write(chunk)
        output.flush()
        os.fsync(output.fileno())
    return {"size": size, "sha256": digest.hexdigest()}


def _check_database(database: Path) -> None:
    """That SQLite finds it sound, and that this version knows all of its tables."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise KeepingError(f"The database in the backup is damaged: {found}.")
        applied = set(connection.execute("SELECT app, name FROM django_migrations"))
    if unknown := of_newer_version(applied):
        raise KeepingError(f"It is of a newer version (which has {unknown}). Install that before you restore it.")


def finish_restore(data_dir: Path) -> None:
    """Move a checked backup to its place. Interrupted, it is done again at the next start, to the same end."""
    ready = data_dir / READY
    if not ready.is_dir():
        return
    shutil.rmtree(data_dir / "fetches", ignore_errors=True)  # by numbers of jobs that are others now
    (data_dir / "fetches").mkdir(mode=0o700, exist_ok=True)
    if (ready / DATABASE).exists():
        for ending in ("-wal", "-shm", "-journal"):
            (data_dir / f"{DATABASE}{ending}").unlink(missing_ok=True)
    for path in sorted(path for path in ready.rglob("*") if path.is_file()):
        place = data_dir / path.relative_to(ready)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        path.replace(place)
    shutil.rmtree(ready)


@contextlib.contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only we may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        yield output
