"""The enterprise that a command is about."""

from django.core.management import CommandError
from django.db import connection

from licensesync.enterprises.models import Enterprise


def is_prepared() -> bool:
    """Whether the database has its tables, which `up` and `bootstrap` make on a fresh machine."""
    return Enterprise._meta.db_table in connection.introspection.table_names()


def enterprise_of(slug: str) -> Enterprise:
    enterprise = Enterprise.objects.filter(slug=slug.lower()).first() if is_prepared() else None
    if enterprise is None:
        raise CommandError(f"There is no enterprise {slug}. Create it with manage.py bootstrap.")
    return enterprise
