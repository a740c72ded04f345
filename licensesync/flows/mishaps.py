"""What can happen to any work, and what to say of it: a full disk, a busy database, a connection that was cut."""

import errno
import sqlite3

import psycopg
from django.db import Error as DatabaseError

from licensesync.errors import DATABASE_BUSY, DISK_FULL, ExpectedError


def expected_error(error: Exception, *, otherwise: ExpectedError) -> ExpectedError:
    """What to say about an error that ended the work; `otherwise` of one that nobody expects."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    match error, cause:
        case ExpectedError(), _:
            return error
        case (
            (OSError(errno=errno.ENOSPC), _)
            | (_, psycopg.errors.DiskFull())
            | (_, sqlite3.OperationalError(sqlite_errorname="SQLITE_FULL"))
        ):
            return ExpectedError(DISK_FULL)
        case (_, psycopg.errors.LockNotAvailable() | psycopg.errors.DeadlockDetected()):
            return ExpectedError(DATABASE_BUSY)
        case _, sqlite3.OperationalError(sqlite_errorname=name) if name.startswith("SQLITE_BUSY"):
            return ExpectedError(DATABASE_BUSY)
    return otherwise


def is_cut_off(error: BaseException | None) -> bool:
    """Whether the database went away under our hands, with all that was not committed."""
    match error.__cause__ if isinstance(error, DatabaseError) else error:
        case psycopg.OperationalError(sqlstate=state) | psycopg.InterfaceError(sqlstate=state):
            return state is None or state.startswith(("08", "57P"))
    return False
