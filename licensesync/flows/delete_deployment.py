"""Delete instance: its people stop counting, and then everything that is stored of it goes.

From top to bottom: `request_deletion` forgets the connection at once and returns; the worker that has claimed the job
counts everybody again without the deployment, shows that, and then deletes in short turns. The job goes with it.
"""

import structlog
from django.db import transaction
from django.utils import timezone

from licensesync.enterprises import deployments
from licensesync.enterprises.models import Connection, Deployment
from licensesync.flows import consolidate, payloads, queue
from licensesync.flows.turns import flip, turn
from licensesync.licenses import services as licenses
from licensesync.syncing import forgetting
from licensesync.syncing import services as syncing
from licensesync.syncing.models import LicenseSyncJob, Phase, UsageFile
from licensesync.syncing.working import ClaimLost, Work
from licensesync.usage import services as usage
from licensesync.users.models import User

log = structlog.get_logger()


def request_deletion(deployment: Deployment, *, requested_by: User | None) -> LicenseSyncJob:
    """Have a deployment deleted with everything that it reported. What it does at the moment is canceled."""
    with transaction.atomic():
        job = syncing.request_deletion(deployment=deployment, requested_by=requested_by)  # it takes the locks, in order
        Connection.objects.filter(deployment=deployment).delete()
        queue.announce_job(job.pk)
    return job


def delete(job: LicenseSyncJob, work: Work) -> None:
    """Carry a claimed deletion out. An attempt that broke off is carried on: nothing is counted or deleted twice."""
    deployment = job.deployment
    enterprise = deployment.enterprise
    if deployment.last_usage_at is not None:
        _count_without(deployment, job, work)
    # Whoever was canceled while writing a list of it may not have noticed yet: what came after its deletion would
    # belong to nobody, and never go.
    with turn(job) as count:
        work.report(Phase.DELETING, 0, None)
        enterprise.refresh_from_db()
        deployments.end_earlier_counts(enterprise)
        usage.forget_superseded(enterprise, enterprise.generation)
        licenses.forget_superseded(enterprise, enterprise.generation)
        licenses.forget_deployment(deployment)
        work.report(Phase.DELETING, 1, 1)
        names = list(UsageFile.objects.filter(deployment=deployment).values_list("stored_name", flat=True))
        deployments.delete(deployment)
        licenses.give_turn_away(count)
    # Not before: a file that is just told that its instance is being deleted stays, and may be tried again.
    payloads.delete(set(names) - forgetting.stored_names(names))
    log.info("deployment_deleted", kind=deployment.kind)


def _count_without(deployment: Deployment, job: LicenseSyncJob, work: Work) -> None:
    """Show everybody a count in which the deployment has no accounts, and that it has no list any more."""
    with turn(job) as count:
        work.report(Phase.COMPARING, 0, None)
        ended = usage.end_all(deployment, generation=count.generation)
        only_here = consolidate.count_again(
            count,
            deployment,
            changed=ended,
            host=deployment.host,
            list_date=timezone.now(),
            is_first_list=False,
            report=work.report,
        )
        count.accounts, count.suspended = deployments.accounts_elsewhere(deployment)
        with flip(count, only_here):
            if not syncing.claimed(job).select_for_update().exists():
                raise ClaimLost
            deployments.show_no_list(deployment)
