"""Nobody waits for PostgreSQL for ever, and PostgreSQL not for us."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.db import connection

from licensesync.config.database import bound


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one time-out, in its settings")
def test_what_a_new_connection_may_wait() -> None:
    session = connection.copy()
    try:
        bound(session, lock_seconds=5, statement_seconds=30)
        with session.cursor() as cursor:
            found = {}
            for name in ("lock_timeout", "statement_timeout", "client_connection_check_interval"):
                cursor.execute(f"SHOW {name}")
                found[name] = cursor.fetchone()[0]
        assert found == {
            "lock_timeout": "5s",
            "statement_timeout": "30s",
            "client_connection_check_interval": "10s",
        }
        bound(session, lock_seconds=60)
        with session.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone()[0] == "0"
    finally:
        session.close()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one time-out, in its settings")
@pytest.mark.parametrize(
    ("module", "bounds"),
    [("licensesync.config.wsgi", "5s 30s 10s"), ("licensesync.config.worker", "1min 0 10s")],
    ids=["web server", "worker"],
)
def test_every_connection_of_a_program_is_bound(module: str, bounds: str) -> None:
    """In a process of its own: what it listens to stays with a process."""
    asked = f"""
import importlib, django
django.setup()
importlib.import_module({module!r})
from django.db import connection
for name in ("lock_timeout", "statement_timeout", "client_connection_check_interval"):
    print(connection.cursor().execute(f"SHOW {{name}}").fetchone()[0], end=" ")
"""
    there = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()  # the one that is always there
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "licensesync.config.settings", "DATABASE_URL": there}
    told = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == bounds
