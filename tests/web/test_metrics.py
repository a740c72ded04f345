"""/metrics: who may read it, and that its figures are those of the pages."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from licensesync.enterprises.models import Enterprise
from licensesync.syncing.models import LicenseSyncJob
from tests.flows.lists import account, import_one, server_export

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
    assert "@" not in answer.content.decode()
