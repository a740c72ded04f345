"""Usage over time, by script."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from licensesync.enterprises.models import Enterprise
from tests.flows.lists import account, import_one, server_export

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "/api/v3/enterprises/octo-industries"


@pytest.fixture
def counted(enterprise: Enterprise) -> Enterprise:
    """Ana and Bo, then Ana and Cem, then Ana, Cem and Dee."""
    for logins in (("ana", "bo"), ("ana", "=cem"), ("ana", "=cem", "dee")):
        numbers = {"ana": 1, "bo": 2, "=cem": 3, "dee": 4}
        accounts = [account(numbers[login], f"{numbers[login]}@octo.example", login=login) for login in logins]
        import_one(enterprise, server_export(accounts))
    return enterprise


def rows(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 200
    return [(row["Change"], row["Login"]) for row in csv.DictReader(io.StringIO(answer.getvalue().decode()))]


def test_every_count_newest_first_page_by_page(counted: Enterprise, billing_script: Client) -> None:
    first = billing_script.get(f"{HERE}/usage-history?per_page=2")
    assert [(each["count"], each["consumed"], each["server_only"]) for each in first.json()] == [(3, 3, 3), (2, 2, 2)]
    assert (first.json()[0]["purchased"], first.json()[0]["available"]) == (100, 97)
    following = first["Link"].partition(">")[0].removeprefix("<")
    last = billing_script.get(following)
    assert [each["count"] for each in last.json()] == [1]
    assert "Link" not in last


def test_who_came_and_who_went(counted: Enterprise, owners_script: Client) -> None:
    csv_of = f"{HERE}/license-changes.csv"
    whole = owners_script.get(csv_of)
    assert whole["Content-Type"] == "text/csv; charset=utf-8"
    assert sorted(rows(whole)) == [("came", "'=cem"), ("came", "dee"), ("went", "bo")]
    for query in ("?from=2&to=3", "?from=3&to=2", "?from=2"):
        assert rows(owners_script.get(csv_of + query)) == [("came", "dee")]
    assert rows(owners_script.get(f"{csv_of}?from=2&to=2")) == []


@pytest.mark.parametrize("query", ["?from=9", "?to=0", "?from=first"])
def test_a_count_that_is_not_there(counted: Enterprise, owners_script: Client, query: str) -> None:
    answer = owners_script.get(f"{HERE}/license-changes.csv{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in query


def test_before_the_first_count(enterprise: Enterprise, owners_script: Client) -> None:
    assert owners_script.get(f"{HERE}/usage-history").json() == []
    assert rows(owners_script.get(f"{HERE}/license-changes.csv")) == []
