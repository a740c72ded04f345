"""Counts in what is said of a job."""

import pytest

from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.errors import CERTIFICATE_UNTRUSTED
from licensesync.syncing.models import JobState, LicenseSyncJob, Phase
from licensesync.web import words


def job(kind: DeploymentKind = DeploymentKind.CLOUD, **facts: object) -> LicenseSyncJob:
    return LicenseSyncJob(deployment=Deployment(kind=kind, host="ghes.example"), **facts)


@pytest.mark.parametrize(
    ("done", "total", "said"), [(0, 1, "kept so far: 0 of 1 page"), (1, 1234, "kept so far: 1 of 1,234 pages")]
)
def test_what_a_waiting_fetch_has_so_far(done: int, total: int, said: str) -> None:
    waiting = job(state=JobState.PENDING, phase=Phase.RATE_LIMITED, progress_done=done, progress_total=total)
    assert words.progress_count(waiting) == said


@pytest.mark.parametrize(("names", "said"), [("abcdef", "a, b, c, d, e and 1 more"), ("abcdefg", "e and 2 more")])
def test_of_many_names_the_first_are_told(names: str, said: str) -> None:
    [told] = words.left_out(job(ignored_keys=dict.fromkeys(names, 1)))
    assert told.endswith(f"{said}.")


def test_what_happened_and_what_to_do_are_cut_where_the_sentence_ends_not_where_a_name_has_a_full_stop() -> None:
    certificate = {
        "host": "ghes.example.com",
        "subject": "Octo Inc. Servers",
        "issuer": "Octo Inc. Root",
        "expires": "May 1, 2027",
    }
    failed = job(state=JobState.FAILURE, problem_code=CERTIFICATE_UNTRUSTED.code, problem_params=certificate)

    happened, what_to_do = words.halves(failed)

    assert happened.endswith("Octo Inc. Servers, issued by Octo Inc. Root, valid until May 1, 2027.")
    assert what_to_do.endswith("Add the certificate of that authority (CA) to the connection.")
    assert f"{happened} {what_to_do}" == words.problem_of_job(failed)
