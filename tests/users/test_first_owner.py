"""The one-time link under which the first owner sets LicenseSync up."""

from pathlib import Path

import pytest
from django.conf import settings

from licensesync.users.models import User
from licensesync.users.services import create_first_owner, first_owner_path, is_first_owner_secret

pytestmark = pytest.mark.django_db


def secret_of(path: str | None) -> str:
    assert path
    return path.rstrip("/").rpartition("/")[2]


def test_only_a_hash_is_kept_and_only_we_read_it() -> None:
    secret = secret_of(first_owner_path())
    file = Path(settings.DATA_DIR) / "first-owner"
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert is_first_owner_secret(secret)
    assert not is_first_owner_secret("another")


def test_a_new_start_ends_the_link_before() -> None:
    before = secret_of(first_owner_path())
    after = secret_of(first_owner_path())
    assert not is_first_owner_secret(before)
    assert is_first_owner_secret(after)


def test_there_is_none_once_somebody_can_sign_in(owner: User) -> None:
    assert first_owner_path() is None
    assert not is_first_owner_secret("")


def test_it_makes_one_owner_even_for_two_who_are_as_fast() -> None:
    secret = secret_of(first_owner_path())
    first = create_first_owner(email="First@octo.example", password="a password of 20 signs")
    assert first
    assert first.email == "first@octo.example"
    assert first.is_superuser
    assert create_first_owner(email="second@octo.example", password="a password of 20 signs") is None
    assert list(User.objects.all()) == [first]
    assert not is_first_owner_secret(secret)
