"""`manage.py connect`: how to reach a server instance or the cloud of an enterprise, for scripts."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from licensesync.config.management.enterprise import enterprise_of
from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.errors import NOTHING_STORED, ExpectedError, sentence
from licensesync.github.certificates import trusting
from licensesync.github.cloud import api_url_of
from licensesync.github.server import server_url_of
from licensesync.github.transport import proxy_host


class Command(BaseCommand):
    help = "Connect a server instance or the cloud, so that it can be synced. Prints the connection as JSON."
    requires_system_checks: list[str] = []  # which load every page and the whole API

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("enterprise", help="the slug of the enterprise")
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="server|cloud")
        server = kinds.add_parser("server", help="a GitHub Enterprise Server")
        server.add_argument("--url", required=True, help="its address, for example https://ghes.example.com")
        server.add_argument("--login", required=True, help="login of a site admin, whose token it is")
        server.add_argument("--host", help="its host name, where the address does not hold it")
        server.add_argument(
            "--same-server", action="store_true", help="an address elsewhere than before leads to the same server"
        )
        cloud = kinds.add_parser("cloud", help="the enterprise at GitHub Enterprise Cloud")
        cloud.add_argument("--url", default="https://api.github.com", help="address of the API (default: %(default)s)")
        cloud.add_argument("--slug", required=True, help="the enterprise's slug there")
        cloud.add_argument(
            "--same-enterprise", action="store_true", help="another slug or address than before is the same enterprise"
        )
        for kind in (server, cloud):
            kind.add_argument(
                "--token-stdin", action="store_true", required=True, help="the token is on standard input"
            )
            kind.add_argument(
                "--ca",
                type=Path,
                metavar="FILE",
                help="certificates of a private authority (PEM); left out, they stay; an empty file removes them",
            )
            kind.add_argument(
                "--proxy",
                metavar="URL",
                help="the proxy through which it is reached; left out, it stays; an empty one removes it",
            )

    def handle(
        self, *_: Any, enterprise: str, kind: str, url: str, ca: Path | None, proxy: str | None, **more: Any
    ) -> None:
        ours = enterprise_of(enterprise)
        token = sys.stdin.readline().strip()
        if not token:
            raise CommandError("The token is missing: write it to standard input, on one line.")
        try:
            pem = ca.read_text() if ca else None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{ca} can't be read: {error}") from None
        try:
            trusting(pem or "")
            if proxy:
                proxy_host(proxy)
            with transaction.atomic():  # what is refused leaves no new instance behind
                if kind == "server":
                    address = server_url_of(url)
                    deployment = _server(ours, address, more["host"])
                    facts = {"login": more["login"], "is_same": more["same_server"]}
                else:
                    address = api_url_of(url)
                    deployment = deployments.cloud_of(ours)
                    facts = {"cloud_slug": more["slug"], "is_same": more["same_enterprise"]}
                connection = connections.connect(
                    deployment, url=address, token=token, connected_by=None, ca_certificates=pem, proxy=proxy, **facts
                )
        except ExpectedError as error:
            said = sentence(error.problem.code, error.params, in_script=True, stays=NOTHING_STORED)
            raise CommandError(said) from None
        self.stdout.write(json.dumps(shown(connection)))


def _server(enterprise: Enterprise, address: str, host: str | None) -> Deployment:
    """The instance with this host name, or with that in its address; one that is connected already keeps its own."""
    known = Connection.objects.filter(deployment__enterprise=enterprise, deployment__host=connections.host_of(address))
    if not (host or known.exists()):
        connections.require_host_name(address)
    return deployments.server_named(enterprise, host or connections.host_of(address))


def shown(connection: Connection) -> dict[str, Any]:
    """What may be shown of a connection: everything but its secrets."""
    return {
        "source": str(connection.deployment),
        "url": connection.url,
        "login": connection.login or None,
        "slug": connection.cloud_slug or None,
        "schedule": connection.schedule,
        "next_sync_at": connection.next_sync_at.isoformat() if connection.next_sync_at else None,
    }
