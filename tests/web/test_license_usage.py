"""Export license usage: the list of an instance to take away, which changes nothing when it is added again."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.syncing.models import JobState
from licensesync.usage.models import OPEN, ServerUserAccount
from licensesync.users.models import User
from tests.flows.lists import account, import_one, report, server_export
from tests.people import SignedIn
from tests.web.usage import add, last_file, work

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "ghes.example"
ACCOUNTS = [
    account(1, "ana@octo.example", profile_name="Ana “A.” Čapek", site_admin=True, created_at="2020-01-02T03:04:05Z"),
    account(2, "", suspended=True),
    account(3, "not an address"),
    {"user_id": 4, "login": "dee", "emails": ["dee@octo.example", {"email": "dee@mail.example"}]},
    {"user_id": 5, "login": "eve", "email": "eve@octo.example"},
    {"user_id": 6, "login": "fay", "emails": [{"email": "broken", "primary": True}, "fay@octo.example"]},
    {"user_id": 7, "login": "gus", "emails": []},
]
FACTS: dict[str, Any] = {
    "customer_name": "Octo",
    "version": "3.19.2",
    "http_only": False,
    "license": "6b1f",
    "public_key": "mQEN",
    "features": {"license_usage_sync": "2025-01-02T03:04:05Z", "unified_search": ""},
    "dormancy_threshold": 90,
    "exported_at": "2026-03-03T12:00:00Z",
}


def exported(client: Client, server: Deployment) -> bytes:
    answer = client.get(reverse("license_usage", args=[server.enterprise.slug, server.pk]))
    assert answer["Content-Type"] == "application/json"
    assert "ghes-example-license-usage" in answer["Content-Disposition"]
    return answer.getvalue()


def stored(server: Deployment) -> list[Any]:
    return list(ServerUserAccount.objects.filter(deployment=server, valid_to=OPEN).order_by("user_id").values())


def add_again(client: Client, enterprise: Enterprise) -> bytes:
    """Take the export and add it with the upload form; nothing may change."""
    server = Deployment.objects.get(enterprise=enterprise, kind="server")
    before = stored(server)
    content = exported(client, server)
    add(client, enterprise, content)
    work()
    job = last_file().job
    assert job is not None
    assert job.state == JobState.SUCCESS
    assert (job.accounts_read, job.accounts_added, job.accounts_changed, job.accounts_removed) == (len(before), 0, 0, 0)
    assert stored(server) == before
    return content


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_of_an_export(browser: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export(ACCOUNTS, host=HOST, **FACTS))
    server = Deployment.objects.get(enterprise=enterprise)
    facts = Deployment.objects.filter(pk=server.pk).values("server_id", "host", "features", "license_hash", "list_date")
    before = facts.get()
    again = json.loads(add_again(browser, enterprise))
    assert facts.get() == before
    assert {name: again[name] for name in FACTS if name not in ("features", "exported_at")} == {
        name: value for name, value in FACTS.items() if name not in ("features", "exported_at")
    }
    assert again["users"][3]["emails"] == [
        {"email": "dee@octo.example", "primary": True},
        {"email": "dee@mail.example", "primary": False},
    ]
    assert not {"dormant", "two_factor_enabled", "last_active_at"} & again["users"][0].keys()


def test_of_a_report_with_dormancy_and_last_activity(browser: Client, enterprise: Enterprise) -> None:
    server = Deployment.objects.create(enterprise=enterprise, kind="server", host=HOST)
    import_one(enterprise, report([(1, "ana@octo.example"), (2, "")], suspended=[2]), server=server)
    user = json.loads(add_again(browser, enterprise))["users"][0]
    assert (user["dormant"], user["two_factor_enabled"]) == (False, True)
    assert user["last_active_at"] == "2026-01-01T00:00:00Z"


def test_of_a_report_after_an_export(browser: Client, enterprise: Enterprise) -> None:
    """Secondary addresses of the export stay, among them one that has become the primary one since."""
    import_one(enterprise, server_export(ACCOUNTS, host=HOST, **FACTS))
    server = Deployment.objects.get(enterprise=enterprise)
    now = [(1, "ana@octo.example"), (4, "dee@mail.example"), (6, "fay@mail.example")]
    import_one(enterprise, report(now), server=server, accept_shrink=True)
    add_again(browser, enterprise)


def test_in_pieces(browser: Client, enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licensesync.usage.export.AT_ONCE", 2)
    import_one(enterprise, server_export(ACCOUNTS, host=HOST, **FACTS))
    users = json.loads(add_again(browser, enterprise))["users"]
    assert [user["user_id"] for user in users] == [1, 2, 3, 4, 5, 6, 7]


def test_only_of_servers_of_the_enterprise(signed_in: SignedIn, enterprise: Enterprise, stranger: User) -> None:
    import_one(enterprise, server_export(ACCOUNTS, host=HOST))
    server = Deployment.objects.get(enterprise=enterprise)
    assert signed_in(stranger).get(reverse("license_usage", args=["hubot-labs", server.pk])).status_code == 404
