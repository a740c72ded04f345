"""A database that is not there, or not as this version needs it, in a sentence for whoever gave a command."""

from django.db import DatabaseError, connection
from psycopg.errors import UndefinedColumn, UndefinedTable

from licensesync.operations import health


def why_not(error: DatabaseError, *, migrates: bool) -> str:
    """What to do about this error. "": it is something else, and its traceback should be seen.

    Whoever `migrates` makes the tables: one that is missing there is a defect.
    """
    connection.close()  # a new one tells how the database is now
    answers, *tables = health.of_database()
    if not answers.ok:
        return f"{answers.title}: {answers.says.rstrip('.')}. {answers.fix}"
    if not migrates and _is_missing(error) and not tables[0].ok:
        return f"{tables[0].says} {tables[0].fix} ({str(error).splitlines()[0]})"  # its statement is none of theirs
    return ""


def _is_missing(error: DatabaseError) -> bool:
    """Whether it is about a table or a column that is not there."""
    by_sqlite = ("no such table", "no such column", "has no column named")
    return isinstance(error.__cause__, UndefinedTable | UndefinedColumn) or any(
        said in str(error) for said in by_sqlite
    )
