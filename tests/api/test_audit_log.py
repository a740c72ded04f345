"""The audit log by script, in GitHub's shape."""

import pytest
from django.test import Client

from licensesync.enterprises.models import AuditEvent, Enterprise
from licensesync.users.models import User

pytestmark = pytest.mark.django_db

ENTERPRISE = "/api/v3/enterprises/octo-industries"
LOG = f"{ENTERPRISE}/audit-log"
JSON = "application/json"


def test_what_a_script_does_is_told_with_its_token(owners_script: Client, owner: User, enterprise: Enterprise) -> None:
    owners_script.patch(ENTERPRISE, {"enterprise_licenses": 120}, content_type=JSON)
    newest = owners_script.get(LOG).json()[0]
    event = AuditEvent.objects.latest("pk")
    at = round(event.at.timestamp() * 1000)
    assert newest == {
        "@timestamp": at,
        "_document_id": str(event.pk),
        "action": "enterprise.update",
        "actor": owner.email,
        "actor_id": owner.pk,
        "business": "octo-industries",
        "created_at": at,
        "through": "api",
        "token": "script",
        "subject": "",
        "changes": {"enterprise_licenses": [100, 120]},
    }


@pytest.mark.parametrize("download", ["consumed-licenses.csv", "license-changes.csv", "github-count.csv"])
def test_whoever_takes_a_list_away_is_told(billing_script: Client, billing_manager: User, download: str) -> None:
    assert billing_script.get(f"{ENTERPRISE}/{download}").status_code == 200
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor, event.token) == ("report.download", billing_manager, "script")
    assert event.subject in {f"octo-industries-{name}" for name in (download, "came-and-went.csv")}


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ("action:domain", 2),
        ("action:domain.add", 2),
        ("action:domain.remove", 0),
        ("action:domain actor:Owner@octo.example", 2),
        ("actor:billing@octo.example", 0),
    ],
)
def test_a_phrase_narrows_it(owners_script: Client, phrase: str, found: int) -> None:
    owners_script.post(
        f"{ENTERPRISE}/verified-domains", {"names": ["octo.example", "hubot.example"]}, content_type=JSON
    )
    assert len(owners_script.get(LOG, {"phrase": phrase}).json()) == found
    pages = owners_script.get(LOG, {"phrase": phrase, "per_page": "1"})
    assert ("Link" in pages) == (found > 1)
    if found > 1:
        assert "phrase=action%3Adomain" in pages["Link"]


@pytest.mark.parametrize("phrase", ["action:", "action:dom", "created:2026", "octo", "actor:"])
def test_a_phrase_that_means_nothing_is_refused(owners_script: Client, phrase: str) -> None:
    answer = owners_script.get(LOG, {"phrase": phrase})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "phrase"


def test_events_of_others_are_never_told(owners_script: Client, strangers_script: Client, stranger: User) -> None:
    assert strangers_script.get(LOG).status_code == 404
    assert stranger.email not in owners_script.get(LOG).content.decode()
