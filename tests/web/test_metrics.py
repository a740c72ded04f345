"""/metrics: who may read it, and that its figures are those of the pages."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.deployments import server_named
from licensesync.enterprises.models import Enterprise, LicenseModel
from licensesync.licenses.models import Count
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob, Trigger
from tests.flows.lists import account, import_one, new_enterprise, server_export

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "scrape-me"


def read(**headers: str) -> Any:
    return Client().get("/metrics", headers=headers)


def figures(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_job_that_never_began_took_no_time(settings: Any, enterprise: Enterprise) -> None:
    settings.METRICS_TOKEN = TOKEN
    server, now = server_named(enterprise, "ghes.example"), timezone.now()
    for began in (now - timedelta(seconds=10), None):
        LicenseSyncJob.objects.create(
            deployment=server,
            kind=JobKind.SYNC,
            trigger=Trigger.SYNC_NOW,
            state=JobState.CANCELED,
            started_at=began,
            finished_at=now,
        )
    told = figures(read(authorization=f"Bearer {TOKEN}").content.decode())
    of = {name[0]: value for name, value in told.items() if name[1:] == ("CANCELED", "sync_now")}
    assert of["licensesync_jobs_ended_last_day"] == 2
    assert of["licensesync_job_seconds_last_day"] == pytest.approx(10)


def test_nobody_may_read_it_unless_told(settings: Any) -> None:
    assert read().status_code == 404
    assert read(authorization="Bearer ").status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert read().status_code == 404
    assert read(authorization="Bearer wrong").status_code == 404
    assert read(authorization=f"Bearer {TOKEN}").status_code == 200


def test_a_network_may_read_it(settings: Any) -> None:
    from ipaddress import ip_network

    settings.METRICS_NETWORKS = [ip_network("10.0.0.0/8")]
    assert Client(REMOTE_ADDR="10.1.2.3").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics").status_code == 404
    settings.BEHIND_PROXY = True
    forged = {"x-forwarded-for": "10.9.9.9, 192.0.2.1"}
    assert Client(REMOTE_ADDR="10.1.2.3").get("/metrics", headers=forged).status_code == 404


def test_without_a_database_it_says_so_and_what_this_server_counted(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = TOKEN
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert figures(read(**bearer).content.decode())["licensesync_database_reachable",] == 1

    def refuse(*_args: Any, **_more: Any) -> Any:
        raise DatabaseError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    found = figures(read(**bearer).content.decode())
    assert found["licensesync_database_reachable",] == 0
    assert any(name == "licensesync_http_requests_total" for name, *_ in found)


def test_its_figures(settings: Any, enterprise: Enterprise) -> None:
    settings.METRICS_TOKEN = TOKEN
    import_one(enterprise, server_export(account(n, f"user-{n}@octo.example") for n in range(1, 8)))
    done = LicenseSyncJob.objects.get()
    LicenseSyncJob.objects.create(
        deployment=done.deployment, kind="sync", trigger="scheduled", not_before=timezone.now()
    )
    Client().get("/sign-in")
    answer = read(authorization=f"Bearer {TOKEN}")
    found = figures(answer.content.decode())
    assert found[("licensesync_licenses_consumed", "octo-industries")] == 7
    assert found[("licensesync_licenses_purchased", "octo-industries")] == 100
    assert found[("licensesync_jobs_open", "waiting")] == 1
    assert found[("licensesync_jobs_ended_last_day", "SUCCESS", "script")] == 1
    assert found[("licensesync_accounts_read_last_day", "SUCCESS", "script")] == 7
    assert found[("licensesync_http_requests_total", "GET", "sign_in", "200")] >= 1
    assert found[("licensesync_queue_reachable",)] == 1
    done.deployment.refresh_from_db()
    assert done.deployment.last_usage_at is not None
    taken = found[("licensesync_list_taken_timestamp_seconds", "octo-industries", "ghes.example")]
    assert taken == pytest.approx(done.deployment.last_usage_at.timestamp())
    assert found[("licensesync_data_directory_free_bytes",)] > 0
    assert "@" not in answer.content.decode()


def test_the_licenses_of_every_enterprise_in_as_many_queries_as_of_one(
    settings: Any, enterprise: Enterprise, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.METRICS_TOKEN = TOKEN
    import_one(enterprise, server_export([account(1), account(2)]))
    with CaptureQueriesContext(connection) as of_one:
        read(authorization=f"Bearer {TOKEN}")
    other, metered, empty = (new_enterprise(enterprise_licenses=seats) for seats in (5, 9, 7))
    import_one(other, server_export([account(1), account(2), account(3)]))
    import_one(other, server_export([account(1), account(2)]))
    Count.objects.create(enterprise=other, generation=other.generation + 1, consumed=99)  # being made
    Enterprise.objects.filter(pk=metered.pk).update(license_model=LicenseModel.METERED)
    with django_assert_num_queries(len(of_one)):
        found = figures(read(authorization=f"Bearer {TOKEN}").content.decode())
    told = {
        slug: (found["licensesync_licenses_consumed", slug], found["licensesync_licenses_purchased", slug])
        for slug in (enterprise.slug, other.slug, metered.slug, empty.slug)
    }
    assert told == {enterprise.slug: (2, 100), other.slug: (2, 5), metered.slug: (0, 0), empty.slug: (0, 7)}
