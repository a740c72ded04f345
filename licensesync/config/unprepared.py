"""A database that is not there, or not as this version needs it, in a sentence for whoever gave a command."""

from django.db import DatabaseError, OperationalError, connection
from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

from licensesync.operations import health


def why_not(error: DatabaseError, *, migrates: bool) -> str:
    """What to do about this error. "": it is something else, and its traceback should be seen.

    Whoever `migrates` makes the tables: one that is missing there is a defect.
    """
    connection.close()  # a new one tells how the database is now
    answers, *tables = health.of_database()
    if not answers.ok:
        return f"{answers.title}: {answers.says.rstrip('.')}. {answers.fix}"
    says = str(error).partition("\n")[0]  # the statement behind it is none of theirs
    if _is_missing(error):
        return "" if migrates or tables[0].ok else f"{tables[0].says} {tables[0].fix} ({says})"
    if isinstance(error.__cause__, InsufficientPrivilege):
        fix = "Let the user in DATABASE_URL own the database."
        if "pg_trgm" in says:
            fix = "Give that user the right CREATE on the database, or have an administrator run in it: CREATE "
            fix += "EXTENSION pg_trgm. Then start again."
        return f"The user of the database may not do what is needed: {says}. {fix}"
    if isinstance(error, OperationalError):
        return f"The database could not do it: {says}. Try again; manage.py doctor may tell more."
    return ""


def _is_missing(error: DatabaseError) -> bool:
    """Whether it is about a table or a column that is not there."""
    by_sqlite = ("no such table", "no such column", "has no column named")
    return isinstance(error.__cause__, UndefinedTable | UndefinedColumn) or any(
        said in str(error) for said in by_sqlite
    )
