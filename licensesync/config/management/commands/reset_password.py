"""`manage.py reset_password`: a way back in for somebody whom no owner can help."""

from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.users.links import absolute_in_command
from licensesync.users.queries import by_email
from licensesync.users.services import password_link_path


class Command(BaseCommand):
    help = "Print a link under which this person chooses a new password. It works once, for a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *, email: str, **_: object) -> None:
        user = by_email(email)
        if user is None:
            raise CommandError(f"Nobody signs in here as {email}. Check the spelling.")
        self.stdout.write(absolute_in_command(password_link_path(user=user)))
