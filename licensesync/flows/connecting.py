"""Connections as `github` wants them: from what is stored for a sync, and tested with what an owner has typed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from licensesync.enterprises import connections
from licensesync.enterprises.models import Connection
from licensesync.errors import CHECKS_BUSY, ExpectedError
from licensesync.github import checks
from licensesync.github.cloud import CloudConnection
from licensesync.github.server import ServerConnection
from licensesync.github.transport import Rules


def rules() -> Rules:
    """Where our requests may go, as the operator has set it."""
    return Rules(allow=settings.CONNECT_ALLOW, deny=settings.CONNECT_DENY)


def server_connection(connection: Connection) -> ServerConnection:
    """A stored connection to a server, its secrets unsealed. ExpectedError(SECRET_UNREADABLE)."""
    return ServerConnection(
        url=connection.url,
        login=connection.login,
        token=connections.token_of(connection),
        ca_pem=connection.ca_certificates,
        proxy=connections.proxy_of(connection),
    )


def cloud_connection(connection: Connection) -> CloudConnection:
    """A stored connection to the cloud, its secrets unsealed. ExpectedError(SECRET_UNREADABLE)."""
    return CloudConnection(
        api_url=connection.url,
        slug=connection.cloud_slug,
        token=connections.token_of(connection),
        ca_pem=connection.ca_certificates,
        proxy=connections.proxy_of(connection),
    )


def check_server(connection: ServerConnection) -> list[checks.Check]:
    """Every step of the way. ExpectedError(CHECKS_BUSY)."""
    with _one_of_few():
        return checks.check_server(connection, rules())


def check_cloud(connection: CloudConnection) -> list[checks.Check]:
    """Every step of the way. ExpectedError(CHECKS_BUSY)."""
    with _one_of_few():
        return checks.check_cloud(connection, rules())


# A check holds a thread of the web server for as long as a server that doesn't answer lets it; the others are for
# everybody else.
_checks = threading.BoundedSemaphore(3)


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _checks.acquire(blocking=False):
        raise ExpectedError(CHECKS_BUSY)
    try:
        yield
    finally:
        _checks.release()
