"""The WSGI entry for the web server."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licensesync.config.settings")

application = get_wsgi_application()


@connection_created.connect
def _wait_for_the_database_with_bounds(connection: BaseDatabaseWrapper, **_: object) -> None:
    """A page that takes too long, or stands behind a lock, gives its thread free. Jobs are not bound by this."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
                [f"{settings.WEB_STATEMENT_SECONDS * 1000:.0f}", f"{settings.WEB_LOCK_SECONDS * 1000:.0f}"],
            )
