"""Files that somebody added in the browser and that a script answers."""

from typing import Any

import pytest
from django.test import Client

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import receive_usage
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, identities, import_one, people, report, server_export
from tests.web.usage import add, last_file, work

pytestmark = pytest.mark.django_db(transaction=True)

EARLY, LATE = "2026-01-05T10:00:00Z", "2026-02-05T10:00:00Z"
MANY = [account(number, f"user-{number}@octo.example") for number in range(1, 31)]


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def asked(script: Client) -> dict[str, Any]:
    """The last file, as the API shows it."""
    work()
    file = last_file()
    found: dict[str, Any] = script.get(f"/api/v3/enterprises/{file.enterprise.slug}/usage/{file.pk}").json()
    return found


def post(script: Client, file: dict[str, Any], what: str, body: dict[str, Any] | None = None) -> Any:
    return script.post(f"{file['url']}/{what}", body or {}, content_type="application/json")


def test_which_server(browser: Client, enterprise: Enterprise, owners_script: Client) -> None:
    add(browser, enterprise, report([(1, "ana@octo.example"), (2, "bob@octo.example")]))
    file = asked(owners_script)
    assert (file["state"], file["done"], file["problem"]["needs"]) == ("NEEDS_ANSWER", False, "server")
    refused = post(owners_script, file, "answer", {"accept_older": True})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "server")
    assert post(owners_script, file, "answer", {"server": "no host"}).status_code == 422
    assert asked(owners_script)["state"] == "NEEDS_ANSWER"

    assert post(owners_script, file, "answer", {"server": "GHES.octo.example"}).status_code == 202
    file = asked(owners_script)
    assert (file["done"], file["problem"], file["deployment"]) == (True, None, "ghes.octo.example")
    assert len(people(enterprise)) == 2
    assert post(owners_script, file, "answer", {"server": "other.octo.example"}).status_code == 409
    assert Deployment.objects.count() == 1


def test_an_older_list(browser: Client, enterprise: Enterprise, owners_script: Client) -> None:
    import_one(enterprise, server_export(MANY, exported_at=LATE))
    add(browser, enterprise, server_export(MANY[:28], exported_at=EARLY))
    file = asked(owners_script)
    assert (file["problem"]["code"], file["problem"]["needs"]) == ("older_than_stored", "accept_older")
    assert "is older than what is there" in file["problem"]["message"]
    assert post(owners_script, file, "answer", {"accept_older": True}).status_code == 202
    assert asked(owners_script)["job"]["state"] == "SUCCESS"
    assert len(people(enterprise)) == 28


def test_only_what_is_asked_counts(browser: Client, enterprise: Enterprise, owners_script: Client) -> None:
    import_one(enterprise, server_export(MANY, exported_at=LATE))
    add(browser, enterprise, server_export(MANY[:3], exported_at=EARLY))
    file = asked(owners_script)
    assert file["problem"]["needs"] == "accept_older"
    everything = {"server": "other.octo.example", "accept_older": True, "accept_shrink": True}
    assert post(owners_script, file, "answer", everything).status_code == 202
    file = asked(owners_script)
    assert (file["state"], file["problem"]["needs"]) == ("NEEDS_ANSWER", "accept_shrink")
    assert len(people(enterprise)) == 30
    assert post(owners_script, file, "answer", everything).status_code == 202
    assert asked(owners_script)["deployment"] == "ghes.example"
    assert len(people(enterprise)) == 3
    assert Deployment.objects.count() == 1


def test_a_list_that_removes_many_is_discarded(browser: Client, enterprise: Enterprise, owners_script: Client) -> None:
    import_one(enterprise, server_export(MANY))
    add(browser, enterprise, server_export(MANY[:3], exported_at="2030-01-01T00:00:00Z"))
    file = asked(owners_script)
    assert file["problem"]["needs"] == "accept_shrink"
    discarded = post(owners_script, file, "discard")
    assert (discarded.status_code, discarded.json()["state"], discarded.json()["done"]) == (200, "DISCARDED", True)
    assert post(owners_script, file, "discard").status_code == 409
    assert len(people(enterprise)) == 30


def test_a_canceled_one_is_tried_again(browser: Client, enterprise: Enterprise, owners_script: Client) -> None:
    import_one(enterprise, server_export(MANY[:20]))
    add(browser, enterprise, server_export(MANY, exported_at="2030-01-01T00:00:00Z"))
    receive_usage.recognise_file(last_file().pk)
    job = LicenseSyncJob.objects.get(state=JobState.PENDING)
    assert syncing.cancel(job)
    file = asked(owners_script)
    assert file["job"]["state"] == "CANCELED"
    assert post(owners_script, file, "try-again").status_code == 202
    file = asked(owners_script)
    assert file["job"]["state"] == "SUCCESS"
    assert len(people(enterprise)) == 30
    assert post(owners_script, file, "try-again").status_code == 409


def test_identities_that_many_would_lose(browser: Client, enterprise: Enterprise, owners_script: Client) -> None:
    logins = [f"user-{number}" for number in range(30)]
    import_one(enterprise, cloud_list([cloud_user(login) for login in logins]))
    import_one(enterprise, identities(*[(login, f"{login}@corp.example") for login in logins]))
    add(browser, enterprise, identities((logins[0], "x@corp.example")))
    file = asked(owners_script)
    assert (file["kind"], file["problem"]["code"]) == ("cloud_identities", "fewer_identities")
    assert file["problem"]["needs"] == "accept_shrink"
    assert post(owners_script, file, "answer", {"accept_shrink": True}).status_code == 202
    file = asked(owners_script)
    assert (file["done"], file["problem"]) == (True, None)
    job = owners_script.get(file["job"]["url"]).json() if isinstance(file.get("job"), dict) else None
    newest = owners_script.get(f"/api/v3/enterprises/{enterprise.slug}/jobs").json()[0]
    assert job in (None, newest)
    assert (newest["kind"], newest["accounts_read"], newest["accounts_changed"]) == ("identities", 1, 30)
    cloud = owners_script.get(f"/api/v3/enterprises/{enterprise.slug}/instances/cloud").json()
    assert cloud["identities_at"] == file["created_at"]
    assert cloud["identities_problem"] is None
