"""How PostgreSQL is reached, from one address, and how long anybody waits for it."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

# A database that does not answer is said so, instead of waited for as long as the network likes.
PATIENCE = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}


def postgresql(url: str, *, password: str = "") -> dict[str, Any]:
    """Django's settings for postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE. `password` goes before that.

    ImproperlyConfigured: it does not read so.
    """
    wrong = ImproperlyConfigured("DATABASE_URL must read postgresql://USER:PASSWORD@HOST:PORT/NAME.")
    try:
        parts = urlsplit(url)
        port = parts.port or ""
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise wrong
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": password or unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": port,
        # A thread keeps its connection for a minute, so there are never more than there are threads.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": PATIENCE | dict(parse_qsl(parts.query)),
    }


def bound(connection: BaseDatabaseWrapper, *, lock_seconds: float, statement_seconds: float = 0) -> None:
    """Bound what a new connection to PostgreSQL may wait; 0 seconds: as long as it takes.

    And have PostgreSQL notice soon when we are gone, killed or without a network: else it would finish our statement
    for nobody, and hold our locks for two hours.
    """
    if connection.vendor != "postgresql":
        return
    bounds = {
        "lock_timeout": f"{lock_seconds * 1000:.0f}",
        "statement_timeout": f"{statement_seconds * 1000:.0f}",
        "client_connection_check_interval": "10s",
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    with connection.cursor() as cursor:
        for name, value in bounds.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
