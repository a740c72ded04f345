"""Licenses by the page's parameters, one with its reasons, all as CSV; and the enterprise's own figures."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client

from licensesync.enterprises.deployments import server_named
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.enterprises.services import create_enterprise
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export

pytestmark = pytest.mark.django_db(transaction=True)

ENTERPRISE = "/api/v3/enterprises/octo-industries"
LICENSES = f"{ENTERPRISE}/licenses"
PAGE = "/enterprises/octo-industries/settings/license/consumed"
JSON = "application/json"


@pytest.fixture
def people(enterprise: Enterprise) -> Enterprise:
    """Ten on a server, of whom two are in the cloud as well, where one more is."""
    users = [account(number, f"user{number}@octo.example") for number in range(1, 11)]
    users[9] |= {"suspended": True, "emails": [{"email": "user1@octo.example", "primary": True}]}
    import_one(enterprise, server_export(users))
    cloud = [
        cloud_user("ana", "user1@octo.example", github_com_two_factor_auth=False),
        cloud_user("bo", "user2@octo.example"),
        cloud_user("cem", "cem@octo.example"),
    ]
    import_one(enterprise, cloud_list(cloud))
    return enterprise


def names(body: dict[str, Any]) -> list[str]:
    return [each["name"] for each in body["licenses"]]


def test_filters_are_those_of_the_page(owners_script: Client, people: Enterprise, signed_in: Any, owner: Any) -> None:
    browser = signed_in(owner)
    for query, found in (
        ("", 10),
        ("where=both", 2),
        ("where=server", 7),
        ("where=cloud&two_factor=off", 0),
        ("two_factor=off", 1),
        ("q=user3%40octo", 1),
        ("q=ghes.example&where=both", 2),
        ("where=&made=up", 10),
        ("organization=nobody", 0),
        ("role=nobody", 0),
        ("subscription=nobody", 0),
    ):
        body = owners_script.get(f"{LICENSES}?{query}").json()
        assert (body["total_count"], body["incomplete_results"]) == (found, False), query
        assert len(body["licenses"]) == found
        page = browser.get(f"{PAGE}?{query}").content.decode()
        assert all(re.search(rf'{PAGE}/{each["number"]}["?]', page) for each in body["licenses"]), query
    assert names(owners_script.get(f"{LICENSES}?sort=-name").json()) == names(owners_script.get(LICENSES).json())[::-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("where", "servr"),
        ("type", "Enterprise"),
        ("two_factor", "on"),
        ("dormant", "no"),
        ("servers", "2"),
        ("instance", "999999"),
        ("instance", "ghes.example"),
        ("only", "999999"),
        ("sort", "nam"),
    ],
)
def test_a_mistyped_value_is_not_everybody(owners_script: Client, people: Enterprise, name: str, value: str) -> None:
    for address in (LICENSES, f"{ENTERPRISE}/consumed-licenses.csv"):
        answer = owners_script.get(f"{address}?where=server&{name}={value}")
        assert answer.status_code == 422, address
        assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(name, "invalid")]


def test_the_instance_of_another_enterprise_is_none(owners_script: Client, people: Enterprise, owner: Any) -> None:
    other = create_enterprise(owner=owner, slug="other", name="Other", license_model="volume")
    theirs, ours = server_named(other, "ghes.other.example"), server_named(people, "ghes.example")
    for name in ("instance", "only"):
        assert owners_script.get(f"{LICENSES}?{name}={ours.pk}").status_code == 200
        assert owners_script.get(f"{LICENSES}?{name}={theirs.pk}").status_code == 422


def test_links_lead_there_and_back(owners_script: Client, people: Enterprise) -> None:
    def links(answer: Any) -> dict[str, str]:
        found = re.findall(r'<(.*?)>; rel="(\w+)"', answer.get("Link", ""))
        return {relation: address for address, relation in found}

    pages, address = [], f"{LICENSES}?per_page=4&sort=name&where=server"
    while address:
        answer = owners_script.get(address)
        pages.append(names(answer.json()))
        last, address = answer, links(answer).get("next", "")
    assert [len(page) for page in pages] == [4, 3]
    assert links(last).keys() == {"first", "prev"}
    for relation in ("first", "prev"):
        back = owners_script.get(links(last)[relation])
        assert names(back.json()) == pages[0]
        assert "where=server" in links(last)[relation]


def test_one_license_says_why(owners_script: Client, people: Enterprise) -> None:
    [found] = owners_script.get(f"{LICENSES}?q=ana").json()["licenses"]
    assert [(each["deployment"], each["login"], each["user_id"], each["rule"]) for each in found["accounts"]] == [
        ("GitHub Enterprise Cloud", "ana", None, "cloud_account"),
        ("ghes.example", "user-1", 1, "verified_email"),
    ]
    one = owners_script.get(found["url"]).json()
    assert one["summary"] == ["1 server account carries an address of the cloud account."]
    assert {name: one[name] for name in found if name != "accounts"} == {
        name: found[name] for name in found if name != "accounts"
    }
    cloud, server, suspended = one["accounts"]
    assert cloud["reason"] == "ana is the cloud account."
    assert server["reason"] == (
        "The primary e-mail user1@octo.example of user-1 on ghes.example is a verified e-mail of the cloud account."
    )
    assert (suspended["login"], suspended["counts"], suspended["suspended"], suspended["rule"]) == (
        "user-10",
        False,
        True,
        None,
    )
    assert one["cloud"]["verified_emails"] == ["user1@octo.example"]
    assert [each["kind"] for each in one["changes"]] == []


def test_the_number_of_a_license_that_is_no_more(owners_script: Client, people: Enterprise) -> None:
    by_login = {each["name"]: each for each in owners_script.get(LICENSES).json()["licenses"]}
    gone, kept, merged = by_login["user-3"], by_login["user-4"], by_login["user-5"]
    users = [account(number, f"user{number}@octo.example") for number in range(1, 10) if number != 3]
    users[3]["emails"] = [{"email": "user4@octo.example", "primary": True}]
    assert users[3]["user_id"] == 5
    import_one(people, server_export(users))
    assert owners_script.get(gone["url"]).status_code == 410
    moved = owners_script.get(merged["url"])
    assert (moved.status_code, moved["Location"]) == (301, kept["url"])
    assert owners_script.get(f"{LICENSES}/9999").status_code == 404
    assert owners_script.get(f"{LICENSES}/{'9' * 25}").status_code == 404


def test_the_csv_is_that_of_the_page(owners_script: Client, people: Enterprise, signed_in: Any, owner: Any) -> None:
    address = f"{ENTERPRISE}/consumed-licenses.csv"
    answer = owners_script.get(address, headers={"Accept": "text/csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.getvalue().decode()
    assert text == signed_in(owner).get(f"{PAGE}/report.csv").getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == owners_script.get(f"{ENTERPRISE}/consumed-licenses").json()["total_seats_consumed"] == 10
    assert owners_script.get(address, headers={"Accept": "text/html"}).status_code == 415
    chosen = owners_script.get(f"{address}?where=both&sort=-name").getvalue().decode()
    listed = owners_script.get(f"{LICENSES}?where=both&sort=-name").json()["licenses"]
    assert [row["License number"] for row in csv.DictReader(io.StringIO(chosen))] == [
        str(each["number"]) for each in listed
    ]


def test_the_enterprise_and_its_settings(owners_script: Client, people: Enterprise) -> None:
    shown = owners_script.get(ENTERPRISE).json()
    assert (shown["slug"], shown["license_model"], shown["enterprise_licenses"]) == ("octo-industries", "volume", 100)
    assert shown["seats"]["total"] == {"consumed": 10, "purchased": 100, "available": 90}
    assert shown["counted_at"] is not None
    changed = owners_script.patch(ENTERPRISE, {"visual_studio_licenses": 5}, content_type=JSON).json()
    assert changed["seats"]["total"]["purchased"] == 105
    other: dict[str, object] = dict.fromkeys(("seats", "visual_studio_licenses", "completeness"))
    assert changed | other == shown | other
    metered = owners_script.patch(ENTERPRISE, {"license_model": "metered"}, content_type=JSON).json()
    assert metered["seats"]["total"] == {"consumed": 10, "purchased": None, "available": None}
    for wrong in ({"name": ""}, {"enterprise_licenses": -1}, {"enterprise_licenses": 10**12}, {"license_model": "x"}):
        answer = owners_script.patch(ENTERPRISE, wrong, content_type=JSON)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(wrong)))


def test_a_script_reads_how_complete_the_total_is(owners_script: Client, people: Enterprise) -> None:
    whole = owners_script.get(ENTERPRISE).json()["completeness"]
    assert (whole["servers"], whole["servers_reported"], whole["cloud_reported"]) == (1, 1, True)
    assert (whole["oldest_list"][-1], whole["missing"]) == ("Z", [])
    assert "Secondary e-mails of server accounts are not compared, by us as by GitHub." in whole["limits"]
    Deployment.objects.create(enterprise=people, kind="server", host="silent.example")
    changed = owners_script.patch(ENTERPRISE, {"enterprise_licenses": 1}, content_type=JSON).json()["completeness"]
    assert (changed["servers"], changed["servers_reported"]) == (2, 1)
    assert changed["missing"] == ["silent.example has not reported yet."]
    assert "GitHub’s list names 100 purchased licenses; entered here: 1." in changed["limits"]


def test_an_enterprise_without_a_list(owners_script: Client, enterprise: Enterprise) -> None:
    shown = owners_script.get(ENTERPRISE).json()
    assert (shown["counted_at"], shown["seats"]["total"]["consumed"]) == (None, 0)
    assert shown["completeness"] is None
    assert owners_script.get(LICENSES).json() == {"total_count": 0, "incomplete_results": False, "licenses": []}


def test_the_export_of_an_instance_can_be_added_again(owners_script: Client, people: Enterprise) -> None:
    by_host = {each["name"]: each["url"] for each in owners_script.get(f"{ENTERPRISE}/instances").json()}
    before = owners_script.get(ENTERPRISE).json()["seats"]
    export = owners_script.get(f"{by_host['ghes.example']}/license-usage")
    assert export["Content-Disposition"] == 'attachment; filename="ghes.example-license-usage.json"'
    content = export.getvalue()
    assert len(json.loads(content)["users"]) == 10
    assert import_one(people, content).accounts_changed == 0
    assert owners_script.get(ENTERPRISE).json()["seats"] == before
    assert owners_script.get(f"{by_host['GitHub Enterprise Cloud']}/license-usage").status_code == 404


def test_verified_domains(owners_script: Client, people: Enterprise) -> None:
    domains = f"{ENTERPRISE}/verified-domains"
    assert owners_script.get(domains).json() == []
    added = owners_script.post(domains, {"names": ["Hubot.example", "bücher.example"]}, content_type=JSON)
    assert added.status_code == 201
    assert added.json() == [{"name": "hubot.example"}, {"name": "xn--bcher-kva.example"}]
    assert owners_script.get(f"{LICENSES}?domain=none").json()["total_count"] == 7  # three have one by the cloud's list
    again = owners_script.post(domains, {"names": ["hubot.example", "octo.example"]}, content_type=JSON)
    assert again.json() == [{"name": "octo.example"}]
    assert owners_script.get(f"{LICENSES}?domain=none").json()["total_count"] == 0
    refused = owners_script.post(domains, {"names": ["fine.example", "no domain"]}, content_type=JSON)
    assert (refused.status_code, len(owners_script.get(domains).json())) == (422, 3)
    assert owners_script.delete(f"{domains}/OCTO.example").status_code == 204
    assert owners_script.delete(f"{domains}/octo.example").status_code == 404
    assert owners_script.delete(f"{domains}/-").status_code == 404
