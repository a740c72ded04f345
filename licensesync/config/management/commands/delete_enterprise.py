"""`manage.py delete_enterprise`: delete an enterprise with everything that is stored of it, in the foreground."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.config.management.enterprise import enterprise_of
from licensesync.flows import delete_enterprise


class Command(BaseCommand):
    help = "Delete an enterprise with everything that is stored of it. There is no way back but a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("enterprise", help="the slug of the enterprise")
        parser.add_argument("--confirm", metavar="SLUG", required=True, help="the slug once more")

    def handle(self, *_: Any, enterprise: str, confirm: str, **__: Any) -> None:
        found = enterprise_of(enterprise)
        if confirm != enterprise:
            raise CommandError(f"--confirm {confirm} is not {enterprise}. Nothing was deleted.")
        delete_enterprise.request_deletion(found)
        delete_enterprise.delete(found.pk)
        self.stdout.write(f"{enterprise} is deleted.")
