"""The product's own hasher, which the other tests leave out."""

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, get_hasher, make_password
from pytest_django import Settings

from licensesync.config import settings as product
from licensesync.users.models import User
from tests.people import PASSWORD


@pytest.fixture(autouse=True)
def as_in_the_product(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS


def test_sixteen_who_try_at_once_fit_into_a_small_machine() -> None:
    hasher = get_hasher()
    assert hasher.algorithm == "argon2"
    memory = hasher.decode(make_password(PASSWORD))["memory_cost"]
    assert 16 * memory < 400 * 1024


@pytest.mark.django_db
def test_a_password_that_was_hashed_at_another_cost_still_fits_and_is_hashed_anew() -> None:
    before = Argon2PasswordHasher().encode(PASSWORD, "a salt of letters")
    user = User.objects.create(email="owner@octo.example", password=before)
    assert user.check_password(PASSWORD)
    user.refresh_from_db()
    assert user.password != before
    assert check_password(PASSWORD, user.password)
