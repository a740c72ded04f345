"""`manage.py consumed_licenses`: every consumed license, in the shape of GitHub's REST list or its CSV report."""

import os
import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.config.management.enterprise import enterprise_of
from licensesync.licenses.queries import CountGoneError, csv_of, json_of


class Command(BaseCommand):
    help = "Print all consumed licenses of an enterprise."
    requires_system_checks: list[str] = []  # which load every page and the whole API

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("enterprise", help="the slug of the enterprise")
        parser.add_argument("--format", choices=("json", "csv"), default="json")

    def handle(self, *_: Any, enterprise: str, format: str, **__: Any) -> None:
        ours = enterprise_of(enterprise)
        pieces = csv_of(ours) if format == "csv" else json_of(ours)
        try:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            self.stdout.flush()
        except CountGoneError:
            raise CommandError(
                "What was printed is not whole: its count was replaced meanwhile, and is not stored any more. Give the "
                "command again."
            ) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would complain when it ends
            raise CommandError(f"The list could not be written to its end: {error.strerror}.") from None
