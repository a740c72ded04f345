"""What can be taken away, as it comes over HTTP."""

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from licensesync.enterprises.models import Enterprise
from licensesync.flows.forget import forget_old
from licensesync.licenses.queries import CountGoneError
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export
from tests.web.usage import page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def full(client: Client, enterprise: Enterprise, billing_manager: User) -> Enterprise:
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example"), cloud_user("zoë")]))
    import_one(enterprise, server_export([account(1, "ana@octo.example"), account(2)]))
    client.force_login(billing_manager)
    return enterprise


def get(client: Client, enterprise: Enterprise, name: str, query: str = "") -> str:
    response = client.get(reverse(name, args=[enterprise.slug]) + query)
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith(f'attachment; filename="{enterprise.slug}-')
    assert response["Cache-Control"] == "no-store"
    return response.getvalue().decode()


def test_billing_managers_download_the_report_where_they_see_the_button(client: Client, full: Enterprise) -> None:
    address = reverse("csv_of_licenses", args=[full.slug])
    assert address in page(client, full)
    assert address in page(client, full, "licenses")
    report = get(client, full, "csv_of_licenses")
    assert {row["GitHub com login"] for row in csv.DictReader(io.StringIO(report))} == {"ana", "zoë", ""}
    assert get(client, full, "csv_of_licenses", "?bom=1") == "\ufeff" + report


@pytest.mark.parametrize("name", ["csv_of_licenses", "csv_of_changes", "csv_of_comparison"])
def test_what_is_for_excel_has_columns_wherever_the_reader_is(client: Client, full: Enterprise, name: str) -> None:
    """It splits lines at commas only where the decimal sign is a point, but at tabs everywhere, in UTF-16."""
    report = get(client, full, name)
    response = client.get(reverse(name, args=[full.slug]) + "?excel=1")
    assert response["Content-Type"] == "text/csv; charset=utf-16le"
    content = response.getvalue()
    assert content.startswith(b"\xff\xfe")
    table = io.StringIO(content.decode("utf-16"), newline="")
    assert list(csv.reader(table, delimiter="\t", strict=True)) == list(csv.reader(io.StringIO(report, newline="")))


def test_json_is_what_githubs_rest_api_answers(client: Client, full: Enterprise) -> None:
    answer = json.loads(get(client, full, "json_of_licenses"))
    assert (answer["total_seats_consumed"], answer["total_seats_purchased"]) == (3, 100)
    assert sorted(user["total_user_accounts"] for user in answer["users"]) == [1, 1, 2]


def test_nobody_yet(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    assert reverse("csv_of_licenses", args=[enterprise.slug]) not in page(client, enterprise, "licenses")
    assert get(client, enterprise, "csv_of_licenses").count("\n") == 1
    assert json.loads(get(client, enterprise, "json_of_licenses"))["users"] == []


@pytest.mark.parametrize("page", ["csv_of_licenses", "json_of_licenses"])
def test_a_download_that_outlives_its_count_breaks_off(
    client: Client, full: Enterprise, settings: pytest.FixtureRequest, page: str
) -> None:
    response = client.get(reverse(page, args=[full.slug]))
    settings.SUPERSEDED_SECONDS = 0  # type: ignore[attr-defined]
    import_one(full, server_export([account(1, "ana@octo.example"), account(3)]))
    forget_old()
    with pytest.raises(CountGoneError):
        response.getvalue()


def test_of_what_the_list_shows_in_its_order(client: Client, full: Enterprise) -> None:
    html = page(client, full, "licenses", query="?where=cloud&sort=-name")
    assert f'{reverse("csv_of_licenses", args=[full.slug])}?where=cloud&amp;sort=-name"' in html
    [_heading, *lines] = get(client, full, "csv_of_licenses", "?where=cloud&bom=1").splitlines()
    assert [line.split(",")[0] for line in lines] == ['"zoë"']
    rows = csv.DictReader(io.StringIO(get(client, full, "csv_of_licenses", "?sort=-name")))
    assert [row["Person"] for row in rows] == ["Zoë", "user-2", "Ana"]
    answer = json.loads(get(client, full, "json_of_licenses", "?q=user-2"))
    assert [user["enterprise_server_user_ids"] for user in answer["users"]] == [["ghes.example:2"]]
    assert answer["total_seats_consumed"] == 3  # of the enterprise, as GitHub has it on every page


def test_a_filter_that_leaves_nobody(client: Client, full: Enterprise) -> None:
    assert get(client, full, "csv_of_licenses", "?type=visual-studio").count("\n") == 1
    assert json.loads(get(client, full, "json_of_licenses", "?type=visual-studio"))["users"] == []


def test_in_blocks(client: Client, full: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licensesync.licenses.report.CHOSEN_AT_ONCE", 2)
    assert len(json.loads(get(client, full, "json_of_licenses", "?sort=-since"))["users"]) == 3


def test_to_print_one_of_one(client: Client, enterprise: Enterprise, billing_manager: User) -> None:
    import_one(enterprise, server_export([account(1)]))
    client.force_login(billing_manager)
    assert "1 of 1 license." in page(client, enterprise, "print_licenses")


def test_to_print(client: Client, full: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    html = page(client, full, "print_licenses", query="?where=cloud")
    assert "1 of 3 licenses: Cloud only." in html
    assert "Zoë" in html
    assert "Ana" not in html
    monkeypatch.setattr("licensesync.web.licenses.MOST_PRINTED", 2)
    assert "The first 2 are here; the CSV report has all of them." in page(client, full, "print_licenses")
