"""GitHub's endpoints: their shape, their pages, and that a list stays one list while another count lands."""

import csv
import io
import re
from itertools import chain
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from licensesync.enterprises.models import Enterprise
from licensesync.licenses.models import ConsumedLicense, Count
from tests.api.schemas import complaints
from tests.flows.lists import account, cloud_list, cloud_user, import_one, numbers, server_export

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/api/v3/enterprises/octo-industries/consumed-licenses"
STATUS = "/api/v3/enterprises/octo-industries/license-sync-status"


@pytest.fixture
def people(enterprise: Enterprise) -> Enterprise:
    """Twenty-three licenses with gaps between their numbers: of 26 people three have gone."""
    users = [account(number, f"user{number}@octo.example") for number in range(1, 26)]
    import_one(enterprise, server_export(users))
    import_one(enterprise, server_export([each for each in users if each["user_id"] not in (1, 9, 24)]))
    import_one(enterprise, cloud_list([cloud_user("ana", "user2@octo.example"), cloud_user("cem", "cem@octo.example")]))
    return enterprise


def links(answer: Any) -> dict[str, str]:
    found = re.findall(r'<(.*?)>; rel="(\w+)"', answer.get("Link", ""))
    return {relation: address for address, relation in found}


def follow(client: Client, address: str, relation: str) -> list[list[str]]:
    """The pages from here on, each as the ids of its people."""
    pages = []
    while address:
        answer = client.get(address)
        assert answer.status_code == 200
        pages.append(ids(answer.json()))
        address = links(answer).get(relation, "")
    return pages


def ids(body: dict[str, Any]) -> list[str]:
    return [user["github_com_login"] or user["enterprise_server_user_ids"][0] for user in body["users"]]


def everybody(enterprise: Enterprise) -> list[str]:
    """All in the order of license numbers."""
    by_number: dict[int, str] = {}
    for (host, login), number in numbers(enterprise).items():
        if host == "cloud":
            by_number[number] = login
        else:
            by_number.setdefault(number, f"{host}:{login.removeprefix('user-')}")
    return [by_number[number] for number in sorted(by_number)]


def test_answers_are_as_github_describes_them(owners_script: Client, people: Enterprise) -> None:
    body = owners_script.get(LIST, {"per_page": 100}).json()
    assert complaints("get-consumed-licenses", body) == []
    assert (body["total_seats_consumed"], body["total_seats_purchased"], len(body["users"])) == (23, 100, 23)
    assert complaints("get-license-sync-status", owners_script.get(STATUS).json()) == []
    del body["users"][0]["github_com_two_factor_auth"]
    assert complaints("get-consumed-licenses", body)


def test_nobody_yet(owners_script: Client) -> None:
    answer = owners_script.get(LIST)
    assert answer.json() == {"total_seats_consumed": 0, "total_seats_purchased": 100, "users": []}
    assert "Link" not in answer
    assert owners_script.get(STATUS).json() == {"server_instances": []}


def test_links_lead_through_everybody_once(owners_script: Client, people: Enterprise) -> None:
    first = owners_script.get(LIST, {"per_page": 5})
    assert set(links(first)) == {"next", "last"}
    assert "page=2" in links(first)["next"]
    assert "page=5" in links(first)["last"]
    forwards = follow(owners_script, f"{LIST}?per_page=5", "next")
    assert [len(page) for page in forwards] == [5, 5, 5, 5, 3]
    assert list(chain.from_iterable(forwards)) == everybody(people)
    backwards = follow(owners_script, links(first)["last"], "prev")
    assert backwards == forwards[::-1]
    last = owners_script.get(links(first)["last"])
    assert set(links(last)) == {"first", "prev"}
    assert ids(owners_script.get(links(last)["first"]).json()) == forwards[0]
    for number, page in enumerate(forwards, 1):
        assert ids(owners_script.get(LIST, {"per_page": 5, "page": number}).json()) == page


def test_pages_as_github_counts_them(owners_script: Client, people: Enterprise) -> None:
    """30 a page, at most 100; what can't be a page is the first one."""
    Enterprise.objects.update(generation=F("generation"))
    assert len(owners_script.get(LIST).json()["users"]) == 23
    for query in (
        "?page=0",
        "?page=-1",
        "?page=x",
        "?per_page=0",
        "?per_page=1000",
        "?cursor=x",
        "?cursor=%00",
        "?page=",
    ):
        assert ids(owners_script.get(LIST + query).json()) == everybody(people)
    beyond = owners_script.get(LIST, {"page": 7, "per_page": 5})
    assert beyond.json()["users"] == []
    assert beyond.json()["total_seats_consumed"] == 23
    assert ids(owners_script.get(links(beyond)["prev"]).json()) == everybody(people)[20:]
    for page in (10**17, 2**63, 10**30):
        assert owners_script.get(LIST, {"page": page}).json()["users"] == []


def test_a_list_stays_one_list_while_another_count_lands(owners_script: Client, people: Enterprise) -> None:
    before = everybody(people)
    first = owners_script.get(LIST, {"per_page": 5})
    more = [account(number, f"user{number}@octo.example") for number in range(2, 41) if number != 7]
    import_one(people, server_export(more))
    assert everybody(people) != before
    for relation in ("next", "last"):
        answer = owners_script.get(links(first)[relation])
        assert answer.json()["total_seats_consumed"] == 23
    rest = follow(owners_script, links(first)["next"], "next")
    assert [*ids(first.json()), *chain.from_iterable(rest)] == before
    assert list(chain.from_iterable(follow(owners_script, f"{LIST}?per_page=5", "next"))) == everybody(people)
    by_place = [ids(owners_script.get(LIST, {"per_page": 5, "page": page}).json()) for page in range(1, 12)]
    assert list(chain.from_iterable(by_place)) == everybody(people)  # whose numbers have gaps now


def test_a_list_that_is_forgotten_says_so(owners_script: Client, people: Enterprise, settings: Settings) -> None:
    first = owners_script.get(LIST, {"per_page": 5})
    import_one(people, server_export([account(number) for number in range(2, 41)]))
    assert owners_script.get(links(first)["next"]).status_code == 200
    settings.SUPERSEDED_SECONDS = 0
    gone = owners_script.get(links(first)["next"])
    assert gone.status_code == 410
    assert "first page" in gone.json()["message"]


def test_who_asks_again_has_a_way_to_the_next_page_that_is_kept(owners_script: Client, people: Enterprise) -> None:
    """The first page is the same, but its Link leads to another count."""
    first = owners_script.get(LIST, {"per_page": 5})
    more = [account(number, f"user{number}@octo.example") for number in range(2, 51)]
    import_one(people, server_export(more))
    again = owners_script.get(LIST, {"per_page": 5}, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert links(again)["next"] != links(first)["next"]
    assert owners_script.get(LIST, {"per_page": 5}, headers={"If-None-Match": again["ETag"]}).status_code == 304


def test_a_cursor_of_another_page_counts_only_for_its_list(owners_script: Client, people: Enterprise) -> None:
    second = links(owners_script.get(LIST, {"per_page": 5}))["next"]
    third = second.replace("page=2", "page=3")
    assert ids(owners_script.get(third).json()) == everybody(people)[10:15]


def test_totals_are_those_of_the_page_and_of_the_report(owners_script: Client, people: Enterprise) -> None:
    body = owners_script.get(LIST, {"per_page": 100}).json()
    out = io.StringIO()
    call_command("consumed_licenses", people.slug, format="csv", stdout=out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == body["total_seats_consumed"] == len(body["users"]) == Count.objects.latest("pk").consumed
    ours = [(user["github_com_login"], ",".join(user["enterprise_server_user_ids"])) for user in body["users"]]
    assert ours == [(row["GitHub com login"], row["Enterprise server user ids"]) for row in rows]


def test_following_links_walks_past_nobody(
    owners_script: Client, people: Enterprise, django_assert_max_num_queries: Any
) -> None:
    """The page behind a link is read from the index on: no OFFSET, as many queries as any other."""
    last = links(owners_script.get(LIST, {"per_page": 5}))["last"]
    with django_assert_max_num_queries(12) as captured:
        owners_script.get(last)
    assert not [query for query in captured.captured_queries if "OFFSET" in query["sql"]]
    rows = ConsumedLicense.objects.filter(enterprise=people, valid_from__lte=1, valid_to__gt=1, number__gt=5)
    plan = rows.order_by("number")[:5].explain()
    assert "USE TEMP B-TREE" not in plan


def test_the_status_of_each_server(owners_script: Client, people: Enterprise) -> None:
    [instance] = owners_script.get(STATUS).json()["server_instances"]
    assert instance["hostname"] == "ghes.example"
    assert instance["server_id"] == "id-of-ghes.example"
    assert instance["last_sync"]["status"] == "success"
    assert re.fullmatch(rf"{timezone.now().year}-\d\d-\d\dT\d\d:\d\d:\d\dZ", instance["last_sync"]["date"])
    import_one(people, server_export([{**account(5), "user_id": "not a number"}]))
    [instance] = owners_script.get(STATUS).json()["server_instances"]
    assert instance["last_sync"]["status"] == "failure"
    assert "Nothing was changed" in instance["last_sync"]["error"]
    assert complaints("get-license-sync-status", owners_script.get(STATUS).json()) == []


def test_the_status_of_many_servers_takes_no_query_each(
    owners_script: Client, people: Enterprise, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        import_one(people, server_export([account(5)], host=f"ghes-{number}.example"))
    owners_script.get(STATUS)
    with django_assert_max_num_queries(9):
        assert len(owners_script.get(STATUS).json()["server_instances"]) == 13
