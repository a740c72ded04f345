"""Connections as `github` wants them: from what is stored for a sync, and tested with what an owner has typed."""

from django.conf import settings

from licensesync.enterprises import connections
from licensesync.enterprises.models import Connection
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
    return checks.check_server(connection, rules())


def check_cloud(connection: CloudConnection) -> list[checks.Check]:
    return checks.check_cloud(connection, rules())
