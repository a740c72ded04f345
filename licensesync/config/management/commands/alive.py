"""`manage.py alive PART`: is the worker of this machine alive? For the health check of a container."""

import socket
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.operations import health
from licensesync.operations.services import SCHEDULER


class Command(BaseCommand):
    help = "The exit code is 0 when the part was seen within a minute, 1 when not. How everything is, doctor says."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", choices=["worker", "upkeep", "scheduler"])

    def handle(self, *_: Any, part: str, **__: Any) -> None:
        name = SCHEDULER if part == "scheduler" else f"{part}@{socket.gethostname()}"
        if not health.was_seen(name):
            raise CommandError(f"{name} was not seen within the last minute.")
