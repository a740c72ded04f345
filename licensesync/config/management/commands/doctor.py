"""`manage.py doctor`: is everything there that LicenseSync needs, and what to do where it isn't."""

from typing import Any

from django.core.management import BaseCommand
from django.db import DatabaseError

from licensesync.operations import health, queries
from licensesync.syncing import clock


class Command(BaseCommand):
    help = "Look at database, queue, workers and disk, and say what to fix. The exit code is 1 when something is wrong."
    requires_system_checks: list[str] = []  # a broken database must not keep it away

    def handle(self, *_: Any, **__: Any) -> None:
        found = health.findings()
        for finding in found:
            self.stdout.write(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.title}: {finding.says}")
            if not finding.ok:
                self.stdout.write(f"       To do: {finding.fix}")
        if found[0].ok and found[1].ok:  # the database and its tables
            self._figures()
        if not all(finding.ok for finding in found):
            raise SystemExit(1)

    def _figures(self) -> None:
        try:
            now = clock.now()
            for each in queries.seen():
                seconds = round((now - each.seen_at).total_seconds())
                self.stdout.write(f"{each.name} {each.version}, seen {seconds} s ago, {each.queues or 'by its sweep'}")
            for name, count in queries.waiting_messages().items():
                self.stdout.write(f"queue {name}: {'unknown' if count is None else count}")
            jobs = queries.open_jobs()
            self.stdout.write(f"jobs: {jobs.waiting} waiting, {jobs.later} for later, {jobs.running} running")
            self.stdout.write(f"failures within a day: {queries.failures_of_the_day().count()}")
        except DatabaseError as error:
            self.stdout.write(f"The database stopped answering: {error}")
        self.stdout.write(", ".join(f"{name} {version}" for name, version in queries.versions().items()))
