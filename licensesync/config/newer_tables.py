"""A worker that was not stopped while a newer version migrated the tables leaves all work to the workers of that one.

Nothing is lost: files, jobs and mails that wait are rows, which the sweep of a newer worker finds; all else is asked
for again.
"""

from functools import cache
from typing import Any

import structlog
from celery import Task
from celery.exceptions import Ignore
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from licensesync.operations.health import of_newer_version

log = structlog.get_logger()


class OnOurTables(Task):  # type: ignore[type-arg]  # it has them for type checkers alone
    """Every task of ours (`celery.app`)."""

    abstract = True

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        try:
            unknown = unknown_change()
        except DatabaseError:  # the task will meet it as well
            return
        if unknown:
            log.warning("left_to_newer_version", task=self.name, change=unknown)
            raise Ignore


def unknown_change() -> str:
    """A change of the tables by a newer version, "" without one."""
    return of_newer_version(MigrationRecorder(connection).applied_migrations(), our_migrations())


@cache
def our_migrations() -> MigrationLoader:
    """As they were on the disk when the process began: a newer version may be installed in the same place."""
    return MigrationLoader(None, ignore_no_migrations=True)
