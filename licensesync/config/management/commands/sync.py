"""`manage.py sync`: Sync now, for scripts."""

import json
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.config.management.enterprise import enterprise_of
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.errors import ExpectedError, sentence
from licensesync.flows import run_job, sync_now
from licensesync.syncing.models import JobState, LicenseSyncJob, Trigger
from licensesync.syncing.queries import stays_of


class Command(BaseCommand):
    help = "Have connected deployments synced. Prints a JSON line per job; with --wait when it is over."
    requires_system_checks: list[str] = []  # which load every page and the whole API

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("enterprise", help="the slug of the enterprise")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--server", metavar="HOST", help="this server instance")
        which.add_argument("--cloud", action="store_true", help="the cloud")
        which.add_argument("--all", action="store_true", help="everything that is connected")
        parser.add_argument("--wait", action="store_true", help="carry it out in this process")
        parser.add_argument(
            "--accept-shrink", action="store_true", help="use a list that removes or replaces many accounts"
        )

    def handle(
        self, *_: Any, enterprise: str, server: str | None, all: bool, wait: bool, accept_shrink: bool, **__: Any
    ) -> None:
        deployments = chosen(enterprise_of(enterprise), server=server, everything=all)
        problems = []
        for deployment in deployments:
            try:
                job = sync_now.request_sync(deployment, trigger=Trigger.SCRIPT, accept_shrink=accept_shrink)
                if wait:
                    run_job.run_to_the_end(job)
            except ExpectedError as error:
                problems.append(f"{deployment}: {error}")
                continue
            self.stdout.write(json.dumps(outcome(job), ensure_ascii=False))
            if wait and job.state != JobState.SUCCESS:
                problems.append(f"{deployment}: {outcome(job)['problem'] or 'It was canceled.'}")
        if problems:
            raise CommandError("\n".join(problems))


def chosen(enterprise: Enterprise, *, server: str | None, everything: bool) -> list[Deployment]:
    """The deployments that are meant; a CommandError where there are none."""
    found = Deployment.objects.filter(enterprise=enterprise).order_by("pk")
    if everything:
        found = found.filter(connection__isnull=False)
        missing = "Nothing is connected. Connect an instance first: manage.py connect --help"
    elif server:
        found = found.filter(kind=DeploymentKind.SERVER, host=server.lower())
        missing = f"There is no instance {server}. Connect it first: manage.py connect --help"
    else:
        found = found.filter(kind=DeploymentKind.CLOUD)
        missing = "The cloud is not connected. Connect it first: manage.py connect --help"
    deployments = list(found)
    if not deployments:
        raise CommandError(missing)
    return deployments


def outcome(job: LicenseSyncJob) -> dict[str, Any]:
    """A job as it is now; counts are null until it is done."""
    return {
        "job": job.pk,
        "source": str(job.deployment),
        "state": job.state,
        "accounts_read": job.accounts_read,
        "added": job.accounts_added,
        "changed": job.accounts_changed,
        "removed": job.accounts_removed,
        "licenses": job.licenses_after,
        "problem": sentence(job.problem_code, job.problem_params, in_script=True, stays=stays_of(job)) or None,
    }
