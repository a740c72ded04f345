"""Files that scripts and servers deliver: stored once, answered at once, and refused where nobody can be asked."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from licensesync.api.idempotency import REMEMBERED_FOR
from licensesync.api.models import RememberedAnswer
from licensesync.api.tasks import forget_answers
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, Enterprise, Scope
from licensesync.feeds.records import ServerFacts
from licensesync.flows import payloads
from licensesync.syncing.models import LicenseSyncJob, Trigger, UsageFile
from licensesync.users.models import User
from tests.api.conftest import script
from tests.flows.lists import account, cloud_list, cloud_user, people, report, server_export
from tests.flows.workers import cut_off
from tests.web.usage import work

pytestmark = pytest.mark.django_db(transaction=True)

USAGE = "/api/v3/enterprises/octo-industries/usage"
EXPORT = server_export([account(1, "ana@octo.example"), account(2, "bob@octo.example")], host="ghes.octo.example")


def deliver(client: Client, content: bytes, query: str = "", **headers: str) -> dict[str, Any]:
    """Deliver as the body; gives what the address of the file says once workers have worked."""
    answer = client.post(USAGE + query, content, content_type="application/octet-stream", headers=headers)
    assert answer.status_code == 202, answer.content
    assert answer.json()["done"] is False
    assert answer["Location"] == answer.json()["url"]
    work()
    found: dict[str, Any] = client.get(answer["Location"]).json()
    assert found["done"] is True
    return found


def test_a_file_as_the_body(owners_script: Client, enterprise: Enterprise) -> None:
    file = deliver(owners_script, EXPORT, "?name=export.json")
    assert (file["name"], file["kind"], file["deployment"]) == ("export.json", "server_export", "ghes.octo.example")
    assert file["state"] == "ACCEPTED"
    assert file["problem"] is None
    assert file["job"]["state"] == "SUCCESS"
    assert (file["job"]["trigger"], file["job"]["accounts_read"], file["job"]["licenses_after"]) == ("script", 2, 2)
    assert owners_script.get(file["job"]["url"]).json() == file["job"]
    assert len(people(enterprise)) == 2


def test_a_file_in_a_form_is_moved_not_copied(owners_script: Client, settings: Settings) -> None:
    answer = owners_script.post(USAGE, {"file": SimpleUploadedFile("all.json", EXPORT)})
    assert answer.status_code == 202
    stored = UsageFile.objects.get()
    assert (stored.name, stored.size) == ("all.json", len(EXPORT))
    assert (settings.UPLOADS_DIR / stored.stored_name).read_bytes() == EXPORT
    assert (settings.UPLOADS_DIR / stored.stored_name).stat().st_mode & 0o777 == 0o600
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_a_form_brings_one_file(owners_script: Client) -> None:
    for boundary in ("", "; boundary=é", "; boundary=", "; boundary=x; charset=zlib"):
        field = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
        answer = owners_script.generic("POST", USAGE, field, f"multipart/form-data{boundary}")
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("This is no form as its Content-Type says.")
    for form in ({}, {"file": [SimpleUploadedFile("a", b"1"), SimpleUploadedFile("b", b"2")]}):
        answer = owners_script.post(USAGE, form)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "file"
    answer = owners_script.post(USAGE, {"file": SimpleUploadedFile("a", b"1"), "server": "ghes.octo.example"})
    assert answer.json()["errors"][0]["field"] == "server"
    assert "is said in the query" in answer.json()["errors"][0]["message"]
    assert not UsageFile.objects.exists()


@pytest.mark.parametrize("as_form", [True, False])
def test_too_large(owners_script: Client, settings: Settings, as_form: bool) -> None:
    settings.MAX_UPLOAD_BYTES = 1024 * 1024
    before = set(settings.UPLOADS_DIR.iterdir())
    content = b" " * (1024 * 1024 + 1)
    if as_form:
        answer = owners_script.post(USAGE, {"file": SimpleUploadedFile("big", content)})
    else:
        answer = owners_script.post(USAGE, content, content_type="application/octet-stream")
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["code"] == "too_large"
    assert set(settings.UPLOADS_DIR.iterdir()) == before
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


@pytest.mark.parametrize("as_form", [True, False])
def test_the_disk_keeps_its_reserve(owners_script: Client, settings: Settings, as_form: bool) -> None:
    settings.DISK_RESERVE_MB = 10**12
    before = set(settings.UPLOADS_DIR.iterdir())
    if as_form:
        answer = owners_script.post(USAGE, {"file": SimpleUploadedFile("list", b"{}")})
    else:
        answer = owners_script.post(USAGE, b"{}", content_type="application/octet-stream")
    assert answer.status_code == 507
    assert answer.json()["errors"][0]["code"] == "disk_full"
    assert set(settings.UPLOADS_DIR.iterdir()) == before
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


def test_what_is_no_list_is_refused_with_its_sentence(owners_script: Client, billing_script: Client) -> None:
    file = deliver(owners_script, b"hello")
    assert file["state"] == "REFUSED"
    assert file["problem"]["code"] == "not_recognised"
    assert file["problem"]["needs"] is None
    assert [each["id"] for each in billing_script.get(USAGE).json()] == [file["id"]]


def test_nobody_is_asked_and_the_answer_is_a_parameter(owners_script: Client, enterprise: Enterprise) -> None:
    rows = report((number, f"user{number}@octo.example") for number in range(1, 61))
    refused = deliver(owners_script, rows)
    assert (refused["state"], refused["problem"]["needs"]) == ("REFUSED", "server")
    assert deliver(owners_script, rows, "?server=ghes.octo.example")["problem"] is None

    fewer = report((number, f"user{number}@octo.example") for number in range(1, 21))
    refused = deliver(owners_script, fewer, "?server=ghes.octo.example")
    assert refused["problem"]["needs"] == "accept_shrink"
    assert refused["job"]["state"] == "FAILURE"
    assert len(people(enterprise)) == 60
    assert deliver(owners_script, fewer, "?server=ghes.octo.example&accept_shrink=true")["problem"] is None
    assert len(people(enterprise)) == 20

    dated = server_export([account(1)], host="two.octo.example", exported_at="2026-03-02T09:00:00Z")
    older = server_export([account(2)], host="two.octo.example", exported_at="2026-02-02T09:00:00Z")
    deliver(owners_script, dated)
    assert deliver(owners_script, older)["problem"]["needs"] == "accept_older"
    assert deliver(owners_script, older, "?accept_older=true")["problem"] is None


def test_a_new_name_with_no_list_makes_no_instance(owners_script: Client, enterprise: Enterprise) -> None:
    assert deliver(owners_script, b"hello", "?server=new.octo.example")["problem"]["code"] == "not_recognised"
    assert deliver(owners_script, EXPORT[:-9], "?server=new.octo.example")["problem"]["code"] == "truncated"
    cloud = cloud_list([cloud_user("ana", "ana@octo.example")])
    assert deliver(owners_script, cloud, "?server=new.octo.example")["problem"] is None
    assert not Deployment.objects.exclude(host="").exists()
    deliver(owners_script, report([(1, "ana@octo.example")]), "?server=https://NEW.octo.example/")
    assert Deployment.objects.exclude(host="").get().host == "new.octo.example"


def test_parameters_that_cannot_be(owners_script: Client) -> None:
    for query, field in (("?accept_older=maybe", "accept_older"), ("?server=" + "x" * 301, "server")):
        answer = owners_script.post(USAGE + query, EXPORT, content_type="application/json")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
    answer = owners_script.post(USAGE + "?server=no%20host", EXPORT, content_type="application/json")
    assert answer.json()["errors"][0]["code"] == "server_nameless"
    assert not UsageFile.objects.exists()


def test_a_server_delivers_for_itself_only(owner: User, enterprise: Enterprise, owners_script: Client) -> None:
    deliver(owners_script, EXPORT)
    other = deliver(owners_script, report([(9, "zoe@octo.example")]), "?server=two.octo.example")
    two = Deployment.objects.get(host="two.octo.example")
    pushes = script(owner, enterprise, deployment=two)
    before = people(enterprise)

    of_the_first = json.loads(EXPORT)
    del of_the_first["server_id"]  # nor does the second have one yet
    mistaken = pushes.post(USAGE, json.dumps(of_the_first), content_type="application/json")
    work()
    assert owners_script.get(mistaken["Location"]).json()["problem"]["code"] == "wrong_source"
    assert people(enterprise) == before

    pushed = deliver(pushes, report([(9, "zoe@octo.example"), (10, "kim@octo.example")]))
    assert (pushed["deployment"], pushed["job"]["trigger"]) == ("two.octo.example", Trigger.PUSHED)
    assert len(people(enterprise)) == len(before) + 1
    before = people(enterprise)
    deployments.take_facts(two, ServerFacts(server_id="id-of-two"))
    of_nobody_known = server_export([account(1)], host="evil.example")
    for foreign in (EXPORT, of_nobody_known, cloud_list([cloud_user("ana", "ana@octo.example")])):
        answer = pushes.post(USAGE, foreign, content_type="application/json")
        work()
        file = owners_script.get(answer["Location"]).json()
        assert (file["state"], file["problem"]["code"]) == ("REFUSED", "wrong_source")
    assert people(enterprise) == before
    two.refresh_from_db()
    assert (two.host, two.server_id) == ("two.octo.example", "id-of-two")
    assert pushes.post(USAGE + "?server=ghes.octo.example", EXPORT, content_type="x/y").status_code == 422

    # It sees what became of its own deliveries, and nothing else.
    assert pushes.get(pushed["job"]["url"]).status_code == 200
    assert pushes.get(other["url"]).status_code == 200
    assert pushes.get(USAGE).status_code == 403
    of_other = LicenseSyncJob.objects.filter(deployment__host="ghes.octo.example").latest("pk")
    assert pushes.get(f"/api/v3/enterprises/octo-industries/jobs/{of_other.pk}").status_code == 404


def test_a_pushed_list_without_proof_renames_no_server(owner: User, enterprise: Enterprise) -> None:
    server = deployments.server_named(enterprise, "ghes.octo.example")
    pushes = script(owner, enterprise, deployment=server)
    for said in ({"server_id": ""}, {}):  # that neither has an id proves nothing
        assert deliver(pushes, server_export([account(1)], host="evil.example", **said))["problem"] is None
        server.refresh_from_db()
        assert server.host == "ghes.octo.example"
    renamed = server_export([account(1), account(2)], host="evil.example")
    assert deliver(pushes, renamed)["problem"] is None  # the instance has that id now
    server.refresh_from_db()
    assert server.host == "evil.example"


def test_a_token_of_the_cloud_takes_no_servers_list(owner: User, enterprise: Enterprise) -> None:
    pushes = script(owner, enterprise, [Scope.WRITE_USAGE], deployment=deployments.cloud_of(enterprise))
    assert deliver(pushes, cloud_list([cloud_user("ana", "ana@octo.example")]))["problem"] is None
    assert deliver(pushes, EXPORT)["problem"]["code"] == "wrong_source"


def test_the_same_key_delivers_once(owners_script: Client) -> None:
    first = owners_script.post(USAGE, EXPORT, content_type="x/y", headers={"Idempotency-Key": "week 9"})
    again = owners_script.post(USAGE, EXPORT, content_type="x/y", headers={"Idempotency-Key": "week 9"})
    assert again.status_code == 202
    assert (again.json(), again["Location"]) == (first.json(), first["Location"])
    assert again["Idempotent-Replayed"] == "true"
    assert UsageFile.objects.count() == 1
    other = owners_script.post(USAGE + "?name=b", EXPORT, content_type="x/y", headers={"Idempotency-Key": "week 9"})
    assert other.status_code == 422
    as_long = EXPORT.replace(b"ana", b"bob")
    assert (len(as_long), as_long == EXPORT) == (len(EXPORT), False)
    other = owners_script.post(USAGE, as_long, content_type="x/y", headers={"Idempotency-Key": "week 9"})
    assert other.status_code == 422, "what has not arrived is not answered as if it had"
    assert owners_script.post(USAGE, EXPORT, content_type="x/y").status_code == 202
    assert UsageFile.objects.count() == 2


def test_a_remembered_answer_is_forgotten_after_a_day(owners_script: Client) -> None:
    for key in ("week 9", "week 10"):
        owners_script.post(USAGE, EXPORT, content_type="x/y", headers={"Idempotency-Key": key})
    RememberedAnswer.objects.filter(key="week 9").update(created_at=timezone.now() - REMEMBERED_FOR)
    forget_answers()
    assert [each.key for each in RememberedAnswer.objects.all()] == ["week 10"]


def test_a_key_is_free_again_after_a_refusal(owners_script: Client) -> None:
    for expected in ("?accept_older=maybe", "?accept_older=maybe"):
        answer = owners_script.post(USAGE + expected, EXPORT, content_type="x/y", headers={"Idempotency-Key": "a"})
        assert answer.status_code == 422
    assert json.loads(answer.content)["message"] == "Validation Failed"


def test_jobs_are_listed_and_canceled(owners_script: Client, billing_script: Client) -> None:
    deliver(owners_script, EXPORT)
    deliver(owners_script, report([(9, "zoe@octo.example")]), "?server=two.octo.example")
    jobs = "/api/v3/enterprises/octo-industries/jobs"
    first = billing_script.get(f"{jobs}?per_page=1")
    assert [job["deployment"] for job in first.json()] == ["two.octo.example"]
    link = first["Link"]
    assert link.endswith('; rel="next"')
    second = billing_script.get(link.split(">")[0].strip("<"))
    assert [job["deployment"] for job in second.json()] == ["ghes.octo.example"]
    assert "Link" not in second
    finished = second.json()[0]["url"]
    assert owners_script.post(f"{finished}/cancel").status_code == 409
    assert billing_script.post(f"{finished}/cancel").status_code == 403
    waiting = LicenseSyncJob.objects.create(deployment=Deployment.objects.latest("pk"), kind="file", trigger="script")
    answer = owners_script.post(f"{jobs}/{waiting.pk}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELED")


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite does not go away")
def test_a_key_is_good_again_after_the_database_was_away(
    owners_script: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = payloads.store

    def stored(content: Any, **how: Any) -> payloads.Stored:
        monkeypatch.undo()
        cut_off()
        return store(content, **how)

    monkeypatch.setattr(payloads, "store", stored)
    answers = []
    for _time in range(2):
        headers = {"Idempotency-Key": "once"}
        answers.append(owners_script.post(USAGE, EXPORT, content_type="application/octet-stream", headers=headers))
    assert [answer.status_code for answer in answers] == [503, 202]
    assert answers[0]["Retry-After"] == "10"
    assert UsageFile.objects.count() == 1
    connection.close()
