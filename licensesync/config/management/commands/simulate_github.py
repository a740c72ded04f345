"""`manage.py simulate_github`: a GitHub on this machine to try connections with."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from licensesync.config import environment
from licensesync.config.processes import TICK_SECONDS, hear_stop_signals, say
from licensesync.demo import SLUG
from licensesync.simulated_github import Addresses, SimulatedGitHub, running, worlds

TOKEN = "LICENSESYNC_SIMULATED_GITHUB_TOKEN"  # noqa: S105 (a name)


class Command(BaseCommand):
    help = (
        "Play a GitHub Enterprise Cloud and Enterprise Servers on loopback until Ctrl-C, to try connections with. "
        f"{TOKEN} sets the token of all of them; else each has its own, made from this installation's secret key."
    )
    requires_system_checks: list[str] = []  # which load every page and the whole API

    def add_arguments(self, parser: CommandParser) -> None:
        people = parser.add_mutually_exclusive_group(required=True)
        people.add_argument("--demo", action="store_true", help="the people of the example enterprise")
        people.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="your own: DIR/HOST.csv is a server's all_users.csv, DIR/consumed-licenses.json the cloud's list",
        )
        parser.add_argument(
            "--bind",
            default="127.0.0.1:8100",
            metavar="127.0.0.1:PORT",
            help="the cloud's address; the servers have the ports that follow (0: any free ones). Default: %(default)s",
        )
        parser.add_argument("--slug", default=SLUG, help="with --data: the enterprise's slug (default: %(default)s)")
        parser.add_argument("--as-of", metavar="TIME", help="with --demo: everybody as on that day (default: now)")
        parser.add_argument("--build-seconds", type=float, default=3.0, help="to build a report (default: %(default)s)")
        parser.add_argument("--hide-tokens", action="store_true", help="don't print them")

    def handle(
        self,
        *,
        bind: str,
        demo: bool,
        data: Path | None,
        slug: str,
        as_of: str | None,
        build_seconds: float,
        hide_tokens: bool,
        **_: object,
    ) -> None:
        port = loopback_port(bind)
        try:
            github = worlds.from_directory(data, slug=slug) if data else worlds.example(moment(as_of))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        for server in github.servers:
            server.build_seconds = build_seconds
        if token := environment.text(TOKEN):
            for deployment in github.deployments:
                deployment.token = token
        stop = hear_stop_signals()
        try:
            with running(github, first_port=port) as addresses:
                for line in lines_about(github, addresses, with_tokens=not hide_tokens and not token):
                    say(line)
                say("Stop it with Ctrl-C.")
                while not stop.made:
                    time.sleep(TICK_SECONDS)
        except OSError as error:
            raise CommandError(
                f"Nothing was started: a port from {bind} on can't be listened on ({error.strerror})."
            ) from None


def loopback_port(bind: str) -> int:
    host, _, port = bind.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or not port.isdecimal() or int(port) > 65_000:
        raise CommandError(f"--bind is {bind!r}; a simulated GitHub listens on 127.0.0.1:PORT alone.")
    return int(port)


def moment(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    parsed = parse_datetime(text)
    if parsed is None or timezone.is_naive(parsed):
        raise CommandError(f"--as-of is {text!r}; write it like 2026-11-24T09:00:00Z.")
    return parsed


def lines_about(github: SimulatedGitHub, addresses: Addresses, *, with_tokens: bool) -> Iterator[str]:
    """What one types into the forms of a connection."""
    if cloud := github.cloud:
        yield f"cloud   {addresses.cloud}  slug {cloud.slug}" + (f"  token {cloud.token}" if with_tokens else "")
    for server in github.servers:
        line = f"server  {addresses.servers[server.host]}  login {server.login}"
        yield line + (f"  token {server.token}" if with_tokens else "") + f"  ({server.host})"
