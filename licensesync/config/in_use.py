"""Who uses the data directory. What runs holds a lock on it, so that nobody puts another database under its feet."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUseError(Exception):
    """Somebody else uses the data directory; the message says what to do."""


@contextmanager
def in_use(data_dir: Path) -> Iterator[int]:
    """Use the directory together with others. Gives the lock's file descriptor: whoever inherits it holds the lock too.

    InUseError: a backup is being restored just now.
    """
    with _lock_file(data_dir) as lock:
        _take(lock, fcntl.LOCK_SH, f"{data_dir} is being restored or moved just now. Start again after that.")
        yield lock


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Use the directory without anybody else. InUseError: LicenseSync runs there."""
    with _lock_file(data_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InUseError(f"LicenseSync runs on {data_dir}. Stop it first.") from None
        yield


@contextmanager
def the_only_one(data_dir: Path) -> Iterator[None]:
    """Be the one whole LicenseSync on this directory. InUseError: there is another."""
    with _lock_file(data_dir, "running") as lock:
        _take(lock, fcntl.LOCK_EX, f"LicenseSync runs on {data_dir} already. Stop it, or name another --data-dir.")
        yield


@contextmanager
def one_at_a_time(data_dir: Path, what: str) -> Iterator[None]:
    """Wait until nobody else on this directory does the same."""
    with _lock_file(data_dir, what) as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _take(lock: int, how: int, refusal: str) -> None:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUseError(refusal) from None
    except OSError:  # storage that knows no locks is no reason not to run
        pass


@contextmanager
def _lock_file(data_dir: Path, name: str = "in-use") -> Iterator[int]:
    lock = os.open(data_dir / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def close_for_others(database: Path) -> None:
    """Bring a SQLite database into its one file. InUseError: some other program has it open."""
    if not database.exists():
        return
    with contextlib.closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")  # needs that nobody else has it open
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise InUseError(f"Another program has {database} open. Stop it first.") from None
            raise
        except sqlite3.DatabaseError:  # it is broken, so nobody can be using it
            pass
