"""What can happen to any work, and what to say of it: a full disk, a busy database, a connection that was cut."""

import errno
import sqlite3

import psycopg
from django.db import Error

from licensesync.errors import DATABASE_BUSY, DISK_FULL, ExpectedError


def expected_error(error: Exception, *, otherwise: ExpectedError) -> ExpectedError:
    """What to say about an error that ended the work; `otherwise` of one that nobody expects."""
    if isinstance(error, ExpectedError):
        return error
    if is_disk_full(error):
        return ExpectedError(DISK_FULL)
    return ExpectedError(DATABASE_BUSY) if is_busy(error) else otherwise


def is_disk_full(error: BaseException | None) -> bool:
    """Whether our disk is full, or that of the database."""
    match error.__cause__ if isinstance(error, Error) else error:
        case OSError(errno=errno.ENOSPC) | psycopg.errors.DiskFull():
            return True
        case sqlite3.OperationalError(sqlite_errorname="SQLITE_FULL"):
            return True
    return False


def may_pass(error: BaseException | None) -> bool:
    """Whether the same may go well in a moment, as nothing is wrong but with the database."""
    return is_cut_off(error) or is_busy(error)


def is_busy(error: BaseException | None) -> bool:
    """Whether others held a lock in the database for too long, or a statement took longer than it may."""
    match error.__cause__ if isinstance(error, Error) else error:
        case psycopg.errors.LockNotAvailable() | psycopg.errors.DeadlockDetected() | psycopg.errors.QueryCanceled():
            return True
        case sqlite3.OperationalError(sqlite_errorname=name):
            return name.startswith("SQLITE_BUSY")
    return False


def is_cut_off(error: BaseException | None) -> bool:
    """Whether the connection to the database was lost, with all that was not committed; or the database only reads, as
    during a failover."""
    match error.__cause__ if isinstance(error, Error) else error:
        case psycopg.errors.ReadOnlySqlTransaction():
            return True
        case psycopg.OperationalError(sqlstate=state) | psycopg.InterfaceError(sqlstate=state):
            return state is None or state.startswith(("08", "57P"))
    return False
