"""The only writer of users, and the two kinds of link that let somebody in without a password."""

import contextlib
import hashlib
import os
import secrets
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from licensesync.users.models import PasswordLinkRequest, User
from licensesync.users.password_links import password_links


def create_user(*, email: str, password: str | None = None, is_operator: bool = False) -> User:
    """Somebody who may sign in. Without a password they need a link first (`password_link_path`). The operator may also
    create enterprises and see how the installation is."""
    return User.objects.create_user(email, password, is_superuser=is_operator)


def set_password(*, user: User, password: str) -> None:
    """Signs the person out everywhere else, and links made before stop working."""
    user.set_password(password)
    user.save(update_fields=["password"])


def password_link_path(*, user: User) -> str:
    """The path under which this person chooses a new password: once, for a day, until they next sign in."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("new_password", args=[uid, password_links.make_token(user)])


def void_password_links(*users: User) -> None:
    """End every link made so far: who made it may not be allowed to make it any more."""
    for user in users:
        user.last_login = timezone.now()  # part of what a link is signed with
    User.objects.bulk_update(users, ["last_login"])


# Links by mail -----------------------------------------------------------------------------------------------------


def note_password_link_request(*, email: str, client: str, origin: str, language: str) -> PasswordLinkRequest:
    return PasswordLinkRequest.objects.create(
        email=email.strip().lower(), client=client, origin=origin, language=language
    )


def take_password_link_request(request_id: int) -> PasswordLinkRequest | None:
    """For the one who sends the mail. None: somebody else has taken it, or it is forgotten."""
    if not PasswordLinkRequest.objects.filter(pk=request_id, taken=False).update(taken=True):
        return None
    return PasswordLinkRequest.objects.get(pk=request_id)


def forget_password_link_request(asked: PasswordLinkRequest) -> None:
    asked.delete()


def forget_password_link_requests(*, before: datetime) -> None:
    PasswordLinkRequest.objects.filter(asked_at__lt=before).delete()


# The first owner ---------------------------------------------------------------------------------------------------


def first_owner_path() -> str | None:
    """The path under which the first owner sets LicenseSync up; None once somebody can sign in.

    Each call makes a new secret and ends the one before. Only its SHA-256 is kept, in the data directory.
    """
    if User.objects.exists():
        _first_owner_file().unlink(missing_ok=True)
        return None
    secret = secrets.token_hex(24)
    with open(os.open(_first_owner_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(sha256(secret))
    return reverse("first_owner", args=[secret])


def is_first_owner_secret(secret: str) -> bool:
    """Whether this is the secret of the last `first_owner_path()` and nobody has used it yet."""
    try:
        kept = _first_owner_file().read_text()
    except FileNotFoundError:
        return False
    return secrets.compare_digest(kept, sha256(secret)) and not User.objects.exists()


def create_first_owner(*, email: str, password: str) -> User | None:
    """The operator, who may create enterprises. None: somebody else was a moment faster.

    Removing the file is what only one of several can do; everybody else's user is rolled back.
    """
    with contextlib.suppress(FileNotFoundError), transaction.atomic():
        user = create_user(email=email, password=password, is_operator=True)
        _first_owner_file().unlink()
        return user
    return None


def _first_owner_file() -> Path:
    return Path(settings.DATA_DIR) / "first-owner"


def sha256(secret: str) -> str:
    """What is stored of a secret that only its holder knows."""
    return hashlib.sha256(secret.encode()).hexdigest()
