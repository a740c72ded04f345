"""The turn to count an enterprise: one job at a time has it, and shows its count (`flip`) or takes it all back."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from licensesync.enterprises import deployments
from licensesync.enterprises.queries import hold_enterprise
from licensesync.licenses import services as licenses
from licensesync.licenses.models import Count
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.usage import bulk, guarded


class NotOurTurn(Exception):
    """Another job counts this enterprise at the moment."""


@contextmanager
def turn(job: LicenseSyncJob) -> Iterator[Count]:
    """Hold the enterprise's turn to count. What a failed attempt wrote is taken back; raises NotOurTurn."""
    bulk.prepare_session()
    count = licenses.begin_count(job.deployment.enterprise_id, owner=job.claim_token)
    if count is None:
        count = _turn_of_dead_worker(job)
    try:
        with guarded.by(lambda: licenses.check_turn(count)), _rare_collections():
            yield count
    except BaseException:
        licenses.abandon_count(count)
        raise


@contextmanager
def flip(count: Count, only_here: dict[int, int]) -> Iterator[None]:
    """One short transaction in which a count becomes the one that everybody sees, together with what the block writes;
    raises TurnLost. `only_here`: people by the one deployment that they are on."""
    with transaction.atomic():
        bulk.commit_durably()
        hold_enterprise(count.enterprise_id)
        yield
        licenses.check_turn(count)
        deployments.show_generation(count.enterprise, count.generation, only_here)
        licenses.finish_count(count)


def _turn_of_dead_worker(job: LicenseSyncJob) -> Count:
    count = licenses.unfinished_count(job.deployment.enterprise)
    if count is None or LicenseSyncJob.objects.filter(state=JobState.RUNNING, claim_token=count.owner).exists():
        raise NotOurTurn
    if not licenses.take_over(count, owner=job.claim_token):
        raise NotOurTurn
    return count


@contextmanager
def _rare_collections() -> Iterator[None]:
    """A list is millions of short-lived objects without cycles; Python need not look for cycles every few hundred."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
