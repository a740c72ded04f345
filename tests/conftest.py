"""Fixtures for tests of every room."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, TransactionTestCase

from licensesync import simulated_github
from licensesync.enterprises import services as enterprises
from licensesync.enterprises.models import Enterprise, Role
from licensesync.licenses import comparison
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests import worlds
from tests.people import PASSWORD, SignedIn
from tests.product import MANAGE, Product, product_environment, running, services
from tests.worlds import Played


def _empty_tables(_: TransactionTestCase) -> None:
    """Leave the database as migrations do. Django's own way takes content types and permissions away as well and makes
    them anew, and on PostgreSQL new files for every table and index: that takes longer than most tests."""
    made_by_migrations = {ContentType._meta.db_table, Permission._meta.db_table}
    tables = connection.introspection.django_table_names(only_existing=True)
    with transaction.atomic(), connection.cursor() as cursor:
        for table in set(tables) - made_by_migrations:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


TransactionTestCase._fixture_teardown = _empty_tables  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def running_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One running product for all tests that only use it, on the same kind of database and queue as the tests.

    It may call this machine, where tests play GitHub.
    """
    data_dir = tmp_path_factory.mktemp("product") / "data"
    allowed = {"LICENSESYNC_CONNECT_ALLOW": "127.0.0.1"}
    with contextlib.ExitStack() as held:
        of_tests = os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")
        urls = held.enter_context(services()) if of_tests else {}
        environment = product_environment(data_dir, **allowed, **urls)
        yield held.enter_context(running(data_dir, environment=environment))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as `migrate` leaves it, only to be copied: to make all tables takes most commands longer than
    what they are started for."""
    data_dir = tmp_path_factory.mktemp("migrated") / "data"
    command = [sys.executable, str(MANAGE), "migrate", "--verbosity", "0"]
    subprocess.run(command, env=product_environment(data_dir), check=True, timeout=120)
    return data_dir


@pytest.fixture
def data_dir(migrated: Path, tmp_path: Path) -> Path:
    """A data directory of one's own, with all tables and nothing in them."""
    return Path(shutil.copytree(migrated, tmp_path / "data"))


@pytest.fixture(autouse=True)
def nothing_remembered_of_other_tests() -> None:
    """SQLite gives the key of a row that was rolled back to the next one."""
    comparison._loaded.cache_clear()
    cache.clear()


@pytest.fixture
def github() -> Iterator[Played]:
    """A small GitHub that answers on this machine."""
    played = worlds.small()
    with simulated_github.running(played) as addresses:
        yield played, addresses


@pytest.fixture
def owner(db: None) -> User:
    return create_user(email="owner@octo.example", password=PASSWORD)


@pytest.fixture
def enterprise(owner: User) -> Enterprise:
    return enterprises.create_enterprise(
        owner=owner, slug="octo-industries", name="Octo Industries", license_model="volume", enterprise_licenses=100
    )


@pytest.fixture
def billing_manager(enterprise: Enterprise) -> User:
    user = create_user(email="billing@octo.example", password=PASSWORD)
    enterprises.add_member(enterprise=enterprise, user=user, role=Role.BILLING_MANAGER)
    return user


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody who owns another enterprise."""
    user = create_user(email="stranger@hubot.example", password=PASSWORD)
    enterprises.create_enterprise(owner=user, slug="hubot-labs", name="Hubot Labs", license_model="metered")
    return user


@pytest.fixture
def signed_in() -> SignedIn:
    """A browser of this person; of nobody in particular for None."""

    def browser(user: User | None) -> Client:
        client = Client()
        if user:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser
