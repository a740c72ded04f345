"""`manage.py delete_account EMAIL`: delete the account of somebody who can't, or does not, do it in the browser."""

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import connection

from licensesync.config.management.enterprise import refuse_tables_of_newer_version
from licensesync.enterprises.services import delete_account
from licensesync.errors import ExpectedError
from licensesync.users.queries import by_email


class Command(BaseCommand):
    help = "Delete the account of a person, with memberships, API tokens and links. There is no way back but a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--confirm", metavar="EMAIL", required=True, help="the e-mail once more")

    def handle(self, *, email: str, confirm: str, **_: object) -> None:
        refuse_tables_of_newer_version(connection)
        user = by_email(email)
        if user is None:
            raise CommandError(f"Nobody signs in here as {email}. Check the spelling.")
        if confirm != email:
            raise CommandError(f"--confirm {confirm} is not {email}. Nothing was deleted.")
        try:
            delete_account(user)
        except ExpectedError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"The account of {email} is deleted.")
