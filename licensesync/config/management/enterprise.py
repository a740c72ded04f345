"""The enterprise that a command is about."""

from django.core.management import CommandError
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from licensesync.enterprises.models import Enterprise
from licensesync.operations.health import of_newer_version


def is_prepared() -> bool:
    """Whether the database has its tables, which `up` and `bootstrap` make on a fresh machine."""
    return Enterprise._meta.db_table in connection.introspection.table_names()


def refuse_tables_of_newer_version(database: BaseDatabaseWrapper) -> None:
    """CommandError: a newer version made them, and has its own idea of what is written there."""
    if unknown := of_newer_version(MigrationRecorder(database).applied_migrations()):
        raise CommandError(
            f"The tables are of a newer version (which has {unknown}). Nothing was changed. Install that version; the "
            "way back is a backup from before."
        )


def enterprise_of(slug: str) -> Enterprise:
    refuse_tables_of_newer_version(connection)
    enterprise = Enterprise.objects.filter(slug=slug.lower()).first() if is_prepared() else None
    if enterprise is None:
        raise CommandError(f"There is no enterprise {slug}. Create it with manage.py bootstrap.")
    return enterprise
