"""The page that puts GitHub's own count beside ours."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.models import Enterprise
from licensesync.flows import compare
from licensesync.licenses import comparison
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, numbers, server_export
from tests.web.usage import page

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "ghes.example"


@pytest.fixture
def full(client: Client, enterprise: Enterprise, billing_manager: User) -> Enterprise:
    """GitHub counts 3, we count 32: thirty are new on the server, one is suspended since."""
    new = [account(number, f"{number}@octo.example") for number in range(10, 40)]
    people = [account(1, "ana@octo.example"), account(2, "bob@octo.example", suspended=True), *new]
    eve = {"user_id": 3, "login": "eve", "emails": ["eve@private.example", "ana@octo.example"]}
    import_one(enterprise, server_export([*people, eve], host=HOST))
    known = [cloud_user("", enterprise_server_user_ids=[f"{HOST}:{number}"]) for number in (2, 3)]
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example"), *known]))
    client.force_login(billing_manager)
    return enterprise


def test_the_numbers_and_the_people_between_them(client: Client, full: Enterprise) -> None:
    html = page(client, full, "comparison")
    for words in (
        "GitHub counts</dt><dd>3 ",
        '">32</a>',
        "Difference</dt><dd>−29 ",
        "Suspended since",
        "Changed since GitHub’s sync",
    ):
        assert words in html
    assert "ghes.example:2" in html
    assert "1–25 of 31" in html
    assert "26–31 of 31" in page(client, full, "comparison", query="?page=2")
    assert "26–31 of 31" in page(client, full, "comparison", query="?page=99")
    suspended = page(client, full, "comparison", query="?cause=suspended")
    assert "<strong>1</strong> Suspended since" in suspended
    assert "Counted twice here" in html
    twice = html[html.index('id="twice"') :]
    assert 'ana<wbr>@octo.example</span><small><span class="address">ghes.<wbr>example' in twice, "a secondary e-mail"
    ana = numbers(full)["cloud", "ana"]
    assert f'<a href="/enterprises/octo-industries/settings/license/consumed/{ana}">ana</a>' in twice


def test_the_license_page_mentions_who_is_counted_twice(client: Client, full: Enterprise) -> None:
    assert "could be freed" not in page(client, full, "license"), "nobody has been compared yet"
    page(client, full, "comparison")
    assert "1 license could be freed" in page(client, full, "license")


def test_a_robot_of_many_accounts_is_counted_twice(
    client: Client, enterprise: Enterprise, billing_manager: User
) -> None:
    robot = ["robot@home.example", "ana@octo.example"]
    accounts = [{"user_id": number, "login": f"robot{number}", "emails": robot} for number in range(1, 1201)]
    import_one(enterprise, server_export(accounts, host=HOST))
    known = cloud_user("", enterprise_server_user_ids=[f"{HOST}:{number}" for number in range(1, 1201)])
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example"), known]))
    client.force_login(billing_manager)
    page(client, enterprise, "comparison")
    assert "1 license could be freed" in page(client, enterprise, "license")
    number = numbers(enterprise)[HOST, "robot1"]
    assert page(client, enterprise, "license_detail", number).count("Seems to be counted twice.") == 3


def test_as_csv(client: Client, full: Enterprise) -> None:
    answer = client.get(reverse("csv_of_comparison", args=[full.slug]))
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert sum(int(row["Difference"]) for row in rows) == 3 - 32
    assert [row["At GitHub"] for row in rows if row["Cause"] == "suspended"] == ["ghes.example:2"]
    assert [row["Person"] for row in rows if row["Cause"] == "twice"] == ["eve"]


def test_one_group_as_csv(client: Client, full: Enterprise) -> None:
    """As the page shows it, whose link it is."""
    html = page(client, full, "comparison", query="?cause=suspended")
    url = reverse("csv_of_comparison", args=[full.slug])
    assert f'href="{url}?cause=suspended"' in html
    rows = list(csv.DictReader(io.StringIO(client.get(f"{url}?cause=suspended").getvalue().decode())))
    assert [(row["Cause"], row["At GitHub"]) for row in rows] == [("suspended", "ghes.example:2")]
    assert client.get(f"{url}?cause=nonsense").getvalue() == client.get(url).getvalue()


def test_the_cloud_has_reported_nothing(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    assert "GitHub’s count is not here yet" in page(client, enterprise, "comparison")
    assert client.get(reverse("csv_of_comparison", args=[enterprise.slug])).getvalue().count(b"\n") == 1


def test_a_large_count_is_compared_by_a_worker(
    client: Client, full: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "AT_ONCE", 31)
    html = page(client, full, "comparison", query="?cause=suspended")
    assert "Comparing with GitHub’s list" in html
    assert "?cause=suspended" in html  # where it looks again
    for failure in ("sendError", "responseError", "timeout"):  # of which each would be the last look
        assert f"htmx:{failure} delay:10s" in html
    answer = client.get(reverse("csv_of_comparison", args=[full.slug]))
    assert (answer.status_code, answer["Location"]) == (302, reverse("comparison", args=[full.slug]))
    compare.compare(full.pk, somebody_waits=True)
    assert "<strong>1</strong> Suspended since" in page(client, full, "comparison", query="?cause=suspended")
    assert client.get(reverse("csv_of_comparison", args=[full.slug])).status_code == 200


def test_nobody_in_between(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))
    client.force_login(owner)
    html = page(client, enterprise, "comparison")
    assert "±0" in html
    assert "Everybody whom GitHub counts is one license here" in html


def test_no_query_in_a_loop(
    client: Client, full: Enterprise, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    page(client, full, "comparison")
    page(client, full, "comparison")
    for query in ("?cause=suspended", "?page=2"):
        with django_assert_max_num_queries(17):
            page(client, full, "comparison", query=query)
