"""GitHub's own count beside ours, by script: the same as on the page."""

import csv
import io

import pytest
from django.test import Client

from licensesync.enterprises.models import Enterprise
from licensesync.flows import compare
from licensesync.licenses import comparison
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "/api/v3/enterprises/octo-industries"
HOST = "ghes.example"


def test_by_cause_and_by_person(enterprise: Enterprise, billing_script: Client) -> None:
    """GitHub counts 3, we count 5: three are new on the server, one is suspended since, one is counted twice."""
    new = [account(number, f"{number}@octo.example") for number in range(10, 13)]
    people = [account(1, "ana@octo.example"), account(2, "bob@octo.example", suspended=True), *new]
    eve = {"user_id": 3, "login": "eve", "emails": ["eve@private.example", "ana@octo.example"]}
    import_one(enterprise, server_export([*people, eve], host=HOST))
    known = [cloud_user("", enterprise_server_user_ids=[f"{HOST}:{number}"]) for number in (2, 3)]
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example"), *known]))

    found = billing_script.get(f"{HERE}/github-count").json()
    assert (found["github"], found["licensesync"], found["difference"]) == (3, 5, -2)
    assert found["causes"] == [
        {"cause": "suspended", "more": 1, "fewer": 0},
        {"cause": "long_ago", "more": 0, "fewer": 3},
    ]
    assert found["counted_twice"] == 1

    answer = billing_script.get(f"{HERE}/github-count.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="octo-industries-github-count.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert sum(int(row["Difference"]) for row in rows) == found["difference"]
    assert [row["Person"] for row in rows if row["Cause"] == "twice"] == ["eve"]


def test_the_cloud_has_reported_nothing(enterprise: Enterprise, owners_script: Client) -> None:
    assert owners_script.get(f"{HERE}/github-count").status_code == 404
    answer = owners_script.get(f"{HERE}/github-count.csv")
    assert answer.getvalue().count(b"\n") == 1


def test_a_large_count_is_compared_by_a_worker(
    enterprise: Enterprise, owners_script: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "AT_ONCE", 0)
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    for address in ("github-count", "github-count.csv"):
        answer = owners_script.get(f"{HERE}/{address}")
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
        assert answer.json()["message"] == "It is being worked out. Ask again in some seconds."
    compare.compare(enterprise.pk, somebody_waits=True)
    assert owners_script.get(f"{HERE}/github-count").json()["github"] == 1
    assert owners_script.get(f"{HERE}/github-count.csv").status_code == 200
