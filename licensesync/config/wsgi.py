"""The WSGI entry for the web server."""

import gc
import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.urls import get_resolver

from licensesync.config.database import bound
from licensesync.config.logs import of_web_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licensesync.config.settings")

application = get_wsgi_application()

# What is loaded by now stays as long as the process, and all processes share it (gunicorn's --preload). Left to itself,
# Python would go through all of it again and again in search of cycles, a tenth of a second each in which no thread
# answers, and nothing of it would be shared any more.
list(get_resolver().url_patterns)
gc.collect()
gc.freeze()


def _is_no_stall(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))


_of_gunicorn = logging.getLogger("gunicorn.error")
# Whoever stops in the middle of a request is let go (`up.listen`), which is nothing to write a traceback of.
_of_gunicorn.addFilter(_is_no_stall)
_of_gunicorn.addFilter(of_web_server)
# gunicorn would write past our logs: never as JSON, by another clock, and tracebacks with whatever is in them.
_of_gunicorn.handlers.clear()
_of_gunicorn.propagate = True


@receiver(connection_created)
def _wait_for_the_database_with_bounds(connection: BaseDatabaseWrapper, **_: object) -> None:
    """A page that takes too long, or stands behind a lock, gives its thread free. Jobs are not bound by this."""
    bound(connection, lock_seconds=settings.WEB_LOCK_SECONDS, statement_seconds=settings.WEB_STATEMENT_SECONDS)
