"""Is everything there that LicenseSync needs, and what to do where it isn't: for probes, `doctor` and the page."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from kombu.exceptions import OperationalError as QueueError

from licensesync.enterprises import connections
from licensesync.flows import queue
from licensesync.operations.models import Seen
from licensesync.operations.services import SCHEDULER
from licensesync.syncing import clock

PATIENCE = timedelta(minutes=1)  # whoever was not seen for longer is not there
LONGEST_LOCK = timedelta(seconds=2)  # that is nothing to speak of
# Whoever waits for nobody and keeps the most of us waiting.
HELD = """
SELECT holder.pid, COALESCE(holder.usename::text, holder.backend_type), count(*)
FROM pg_stat_activity AS waiting
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocking(pid)
JOIN pg_stat_activity AS holder ON holder.pid = blocking.pid
WHERE waiting.datname = current_database() AND waiting.wait_event_type = 'Lock'
    AND waiting.query_start < clock_timestamp() - %s * interval '1 second'
    AND cardinality(pg_blocking_pids(holder.pid)) = 0
GROUP BY holder.pid, holder.usename, holder.backend_type
ORDER BY count(*) DESC, holder.pid LIMIT 1
"""
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `says` is how it is; `fix` what to do, "" where nothing is wrong."""

    title: str | Promise
    says: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        return not self.fix


def findings() -> list[Finding]:
    """Everything, looked at now. Without a database and its tables, what is in them can't be told."""
    needed = _needed()
    return [*needed, _locks(), _keys()] if needed[1].ok and needed[0].ok else needed


def _needed() -> list[Finding]:
    """What pages and jobs can't do without."""
    first = of_database()
    if first[-1].ok:
        first += [_workers(), _scheduler()]
    return [*first, _queue(), _disk()]


def of_database() -> list[Finding]:
    """The database, and its tables where it answers."""
    answers = _database()
    return [answers, _migrations()] if answers.ok else [answers]


def missing() -> list[str]:
    """The titles of what pages and jobs can't do without and is not there; empty where we are ready."""
    return [str(finding.title) for finding in _needed() if not finding.ok]


def was_seen(name: str) -> bool:
    """Whether this worker, or the scheduler, said so within the last minute."""
    return Seen.objects.filter(name=name, seen_at__gte=clock.now() - PATIENCE).exists()


def _database() -> Finding:
    title = gettext_lazy("Database")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if connection.vendor == "sqlite":
            return Finding(title, _("SQLite answers."))
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            takes_no_changes = cursor.fetchone() == ("on",)
        if takes_no_changes:
            fix = _("Have DATABASE_URL lead to the primary, or set its default_transaction_read_only to off.")
            return Finding(title, _("PostgreSQL answers, but takes no changes."), fix)
        version = ".".join(map(str, connection.get_database_version()))
        return Finding(title, _("PostgreSQL %(version)s answers.") % {"version": version})
    except DatabaseError as error:
        connection.close()
        says = _("It does not answer: %(error)s") % {"error": " ".join(str(error).split())}
        if connection.vendor == "sqlite":
            file = str(connection.settings_dict["NAME"])
            return Finding(title, says, _("Check who owns %(file)s, or restore a backup.") % {"file": file})
        return Finding(title, says, _("Start the database, or correct DATABASE_URL."))


def of_newer_version(applied: Iterable[tuple[str, str]], loader: MigrationLoader | None = None) -> str:
    """One of these changes of the tables (app, name) that this version does not know, "" where it knows all of ours.
    `loader`: one that has read the files of this version already."""
    ours = {app.label for app in apps.get_app_configs() if app.name.startswith("licensesync.")}
    known = (loader or MigrationLoader(None, ignore_no_migrations=True)).disk_migrations or {}
    return next((" ".join(each) for each in sorted(applied) if each[0] in ours and each not in known), "")


def _migrations() -> Finding:
    title = gettext_lazy("Migrations")
    executor = MigrationExecutor(connection)
    if unknown := of_newer_version(executor.loader.applied_migrations or (), executor.loader):
        says = _("The tables are of a newer version (which has %(change)s).") % {"change": unknown}
        return Finding(title, says, _("Install that version; the way back is a backup from before."))
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not missing:
        return Finding(title, _("The tables are those of this version."))
    if not executor.loader.applied_migrations:
        fix = _("Run manage.py migrate or manage.py up. If there should be some, check --data-dir or DATABASE_URL.")
        return Finding(title, _("The database has no tables yet."), fix)
    says = ngettext(
        "%(count)s change of the tables is missing.", "%(count)s changes of the tables are missing.", len(missing)
    ) % {"count": len(missing)}
    return Finding(title, says, _("Run manage.py migrate."))


def _workers() -> Finding:
    title = gettext_lazy("Workers")
    there = Seen.objects.filter(seen_at__gte=clock.now() - PATIENCE).exclude(name=SCHEDULER)
    served = {name for queues in there.values_list("queues", flat=True) for name in queues.split(",")}
    unserved = [name for name in queue.QUEUES if name not in served]
    if not unserved:
        return Finding(title, _("Every queue has a worker that was seen within the last minute."))
    says = _("For a minute nobody was seen who works on: %(queues)s.") % {"queues": ", ".join(unserved)}
    if len(unserved) == len(queue.QUEUES):
        return Finding(title, says, _("Start LicenseSync: manage.py up"))
    part = "upkeep" if set(unserved) <= set(queue.OF_SMALL_THINGS) else "worker"
    return Finding(title, says, _("Start one: manage.py up --only %(part)s") % {"part": part})


def _scheduler() -> Finding:
    title = gettext_lazy("Scheduler")
    if was_seen(SCHEDULER):
        return Finding(title, _("Its last sweep was done within the last minute."))
    says = _("For a minute nothing was swept: jobs of dead workers stay as they are, and nothing is scheduled.")
    return Finding(title, says, _("Start it: manage.py up --only scheduler (it needs a worker on the queue upkeep)."))


def _locks() -> Finding:
    """Who keeps pages and jobs waiting, such as somebody at psql who went to lunch in the middle of a transaction."""
    title = gettext_lazy("Locks")
    held = None
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(HELD, [LONGEST_LOCK.total_seconds()])
            held = cursor.fetchone()
    if held is None:
        return Finding(title, _("Nobody waits for long for what another holds in the database."))
    pid, user, waiting = held
    says = ngettext(
        "Process %(pid)s of PostgreSQL (%(user)s) holds what %(count)s other waits for.",
        "Process %(pid)s of PostgreSQL (%(user)s) holds what %(count)s others wait for.",
        waiting,
    ) % {"pid": pid, "user": user, "count": waiting}
    fix = _("End its transaction, or have an administrator of PostgreSQL run: SELECT pg_terminate_backend(%(pid)s)")
    return Finding(title, says, fix % {"pid": pid})


def _keys() -> Finding:
    title = gettext_lazy("Encryption keys")
    closed = connections.unreadable()
    if not closed:
        return Finding(title, _("They open every stored token."))
    says = ngettext(
        "The token of %(count)s connection can’t be opened with them.",
        "The tokens of %(count)s connections can’t be opened with them.",
        closed,
    ) % {"count": closed}
    fix = _("Put back the key that was there (encryption-key or LICENSESYNC_ENCRYPTION_KEYS), or enter them anew.")
    return Finding(title, says, fix)


def _queue() -> Finding:
    title = gettext_lazy("Queue")
    try:
        waiting = sum(queue.waiting_messages(name) for name in queue.QUEUES)
    except QueueError as error:
        says = _("It does not answer: %(error)s") % {"error": str(error)}
        return Finding(title, says, _("Start Redis, or correct REDIS_URL. Nothing is lost meanwhile."))
    says = ngettext("It answers; %(count)s message waits.", "It answers; %(count)s messages wait.", waiting)
    return Finding(title, says % {"count": waiting})


def free_bytes() -> int:
    """The space that is left in the data directory."""
    return shutil.disk_usage(settings.DATA_DIR).free


def _disk() -> Finding:
    title = gettext_lazy("Disk")
    free = free_bytes()
    if not os.access(settings.DATA_DIR, os.W_OK):
        says = _("The data directory %(directory)s can’t be written.") % {"directory": settings.DATA_DIR}
        return Finding(title, says, _("Check who owns it, and whether its disk is read-only."))
    says = _("%(free)s are free in the data directory.") % {"free": filesizeformat(free)}
    if free >= settings.DISK_RESERVE_MB * MIB:
        return Finding(title, says)
    fix = _("Free some space; at least %(reserve)s (LICENSESYNC_DISK_RESERVE_MB) should be free.")
    return Finding(title, says, fix % {"reserve": filesizeformat(settings.DISK_RESERVE_MB * MIB)})
