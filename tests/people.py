"""What tests know about the people of `conftest`: their password, and how to get a browser of theirs."""

from collections.abc import Callable

from django.test import Client

from licensesync.users.models import User

PASSWORD = "correct horse battery 9"

SignedIn = Callable[[User | None], Client]
