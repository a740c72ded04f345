"""What the operator is told of jobs."""

import pytest

from licensesync.enterprises.models import Enterprise
from licensesync.errors import SHRINKS_TOO_MUCH
from licensesync.operations import queries
from licensesync.syncing.models import JobState, LicenseSyncJob, Trigger
from tests.flows.lists import account, import_one, new_enterprise, server_export

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refused() -> LicenseSyncJob:
    """A job whose list would remove most accounts."""
    enterprise: Enterprise = new_enterprise()
    import_one(enterprise, server_export([account(number) for number in range(1, 41)]))
    import_one(enterprise, server_export([account(1)]))
    job = LicenseSyncJob.objects.latest("pk")
    assert (job.state, job.problem_code) == (JobState.FAILURE, SHRINKS_TOO_MUCH.code)
    return job


def test_what_a_script_was_refused_for_has_failed(refused: LicenseSyncJob) -> None:
    assert list(queries.failures_of_the_day()) == [refused]
    assert {(each.outcome, each.jobs) for each in queries.ended_within_a_day()} == {("SUCCESS", 1), ("FAILURE", 1)}


def test_what_asks_its_owner_first_has_not(refused: LicenseSyncJob) -> None:
    LicenseSyncJob.objects.filter(pk=refused.pk).update(trigger=Trigger.UPLOADED)
    assert not queries.failures_of_the_day()
    assert {each.outcome for each in queries.ended_within_a_day()} == {"SUCCESS"}
