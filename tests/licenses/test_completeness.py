"""What a total is made of, and what it lacks, for people and for scripts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import take_in
from licensesync.licenses.comparison import known_comparison
from licensesync.licenses.completeness import Completeness, completeness_of, is_out_of_date
from licensesync.licenses.queries import current_count
from licensesync.matching.explain import in_english
from licensesync.syncing import services as syncing
from licensesync.syncing.models import Phase
from licensesync.syncing.working import ClaimLost, Work
from tests.flows.lists import account, cloud_list, cloud_user, identities, import_one, server_export, waiting_job

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def said_of(enterprise: Enterprise) -> Completeness:
    count = current_count(enterprise)
    assert count is not None
    deployments = list(Deployment.objects.filter(enterprise=enterprise).order_by("-kind", "host"))
    return completeness_of(enterprise, count, deployments, known_comparison(enterprise))


def missing_of(enterprise: Enterprise) -> list[str]:
    return [in_english(each) for each in said_of(enterprise).missing]


def servers(enterprise: Enterprise, count: int) -> None:
    for number in range(1, count + 1):
        import_one(enterprise, server_export([account(number, f"{number}@octo.example")], host=f"s{number}.example"))


def test_which_lists_are_in(enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    assert in_english(said_of(enterprise).sources.sentence) == "Counted from the cloud’s list."
    servers(enterprise, 1)
    assert in_english(said_of(enterprise).sources.sentence) == "Counted from 1 of 1 server and the cloud."
    Deployment.objects.create(enterprise=enterprise, kind="server", host="s2.example")
    sources = said_of(enterprise).sources
    assert in_english(sources.sentence) == "Counted from 1 of 2 servers and the cloud."
    assert (sources.servers, sources.servers_reported, sources.cloud_reported) == (2, 1, True)


def test_a_list_that_is_still_being_counted_says_nothing(enterprise: Enterprise) -> None:
    """Nor one that never comes to its end: what is found out of the list is remembered for an hour."""
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    job = syncing.claim(waiting_job(enterprise, cloud_list([cloud_user("ana", github_com_saml_name_id="ana")])).pk)
    assert job is not None
    said: list[str] = []

    class Canceled(Work):
        def report(self, phase: Phase, done: int, total: int | None) -> None:
            if phase == Phase.MATCHING:
                said.extend(in_english(each) for each in said_of(enterprise).limits)
                raise ClaimLost

    with pytest.raises(ClaimLost):
        take_in.take_in(job, Canceled(job))
    assert said[0] == "The cloud’s list names no SAML identity, so the first rule of matching finds nobody."


def test_the_oldest_list_is_told(enterprise: Enterprise) -> None:
    servers(enterprise, 2)
    oldest = datetime(2026, 3, 2, tzinfo=UTC)
    Deployment.objects.filter(host="s2.example").update(list_date=oldest)
    said = said_of(enterprise)
    assert said.sources.oldest == oldest
    assert said.sources.cloud_reported is False


@pytest.mark.parametrize(
    ("change", "one", "many"),
    [
        (
            {"list_encrypted_at": timezone.now(), "list_date": timezone.now() - 31 * DAY},
            "The last export of s1.example has an encrypted list of users.",
            "The last exports of 4 servers have an encrypted list of users.",
        ),
        (
            {"list_date": timezone.now() - 31 * DAY},
            "The list of s1.example is more than 30 days old.",
            "The lists of 4 sources are more than 30 days old.",
        ),
    ],
)
def test_each_is_named_and_many_are_counted(enterprise: Enterprise, change: Any, one: str, many: str) -> None:
    """Of a list that lacks two things, the first one is told."""
    servers(enterprise, 4)
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    assert missing_of(enterprise) == []
    first = Deployment.objects.filter(enterprise=enterprise, host="s1.example")
    first.update(**change)
    assert missing_of(enterprise) == [one]
    Deployment.objects.filter(enterprise=enterprise, kind="server").update(**change)
    assert missing_of(enterprise) == [many]


def test_a_list_is_out_of_date_after_thirty_days() -> None:
    assert is_out_of_date(Deployment(list_date=timezone.now() - 31 * DAY))
    assert not is_out_of_date(Deployment(list_date=timezone.now() - 29 * DAY))
    assert is_out_of_date(Deployment(last_usage_at=timezone.now() - 31 * DAY)), (
        "a list without a date is of when it came"
    )
    assert not is_out_of_date(Deployment())


def test_without_secondary_emails_nobody_is_seen_who_counts_twice(enterprise: Enterprise) -> None:
    servers(enterprise, 1)
    unseen = "Secondary e-mails are not kept here, so people who are counted twice are not seen."
    assert unseen not in map(in_english, said_of(enterprise).limits)
    enterprise.keeps_secondary_emails = False
    assert unseen in map(in_english, said_of(enterprise).limits)


def limits_of(enterprise: Enterprise) -> str:
    return " ".join(in_english(each) for each in said_of(enterprise).limits)


def test_what_the_addresses_of_the_cloud_lack(enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    cloud = Deployment.objects.filter(enterprise=enterprise, kind="cloud")
    assert "The linked identities, which tell more, are not here." in limits_of(enterprise)
    assert "names no SAML identity" in limits_of(enterprise)
    cloud.update(identities_problem={"code": "no_identity_provider", "params": {}})
    assert "only e-mails of verified domains." in limits_of(enterprise)
    assert "linked identities" not in limits_of(enterprise), "there are none to be had"
    import_one(enterprise, identities(("ana", "ana@corp.example")))
    assert "carries only e-mails of verified domains." in limits_of(enterprise)
    assert "SAML" not in limits_of(enterprise)
    old = "The linked identities of the cloud’s accounts are more than 30 days old."
    assert old not in missing_of(enterprise)
    cloud.update(identities_at=timezone.now() - 31 * DAY)
    assert old in missing_of(enterprise)
