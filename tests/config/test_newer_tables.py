"""A worker of this version, whose tables a newer one has migrated."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from licensesync.config import worker
from licensesync.flows import tasks
from licensesync.operations import health
from licensesync.operations.services import SCHEDULER

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def newer_tables() -> Iterator[None]:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("usage", "9999_of_a_newer_version")
    yield
    recorder.record_unapplied("usage", "9999_of_a_newer_version")


def is_seen() -> tuple[bool, bool]:
    tasks.sweep.apply()
    worker._say("worker@here", ["short"])
    return health.was_seen(SCHEDULER), health.was_seen("worker@here")


@pytest.mark.usefixtures("newer_tables")
def test_who_leaves_the_work_to_others_is_not_seen_at_it() -> None:
    assert is_seen() == (False, False)


def test_who_works_is_seen() -> None:
    assert is_seen() == (True, True)
