"""Nobody waits for PostgreSQL for ever, and PostgreSQL not for us."""

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
