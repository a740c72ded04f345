"""The consumed licenses: one row a person, paged, and as the links of the License page filter them."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.models import Deployment, Enterprise, VerifiedDomain
from licensesync.usage import queries as usage
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, numbers, server_export
from tests.web.usage import HTMX, page

pytestmark = pytest.mark.django_db(transaction=True)

ANA, BOB = "ana@octo.example", "bob@octo.example"


@pytest.fixture
def full(client: Client, enterprise: Enterprise, owner: User) -> Enterprise:
    """Thirty people in the cloud; Ana is on a server, too, and Bob only there."""
    cloud = [cloud_user(f"user-{number:02}") for number in range(29)]
    import_one(enterprise, cloud_list([cloud_user("ana", ANA), *cloud]))
    import_one(enterprise, server_export([account(1, ANA), account(2, BOB, login="bob")], host="ghes-emea.example"))
    client.force_login(owner)
    return enterprise


def people(html: str) -> list[str]:
    return re.findall(r'/consumed/\d+[^"]*">([^<]*)</a>', html)


def test_a_row_says_who_where_and_since_when(client: Client, full: Enterprise) -> None:
    row = page(client, full, "licenses").split("<tr>")[2]
    for words in ("Ana", "Cloud", "ghes-emea", "Enterprise", "ana<wbr>@octo.example", "2<span", "or before"):
        assert words in row


def test_nobody_yet(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    assert "Nobody is counted yet" in page(client, enterprise, "licenses")


def test_pages_forth_and_back(client: Client, full: Enterprise) -> None:
    first = client.get(reverse("licenses", args=[full.slug]))
    second = client.get("?".join([reverse("licenses", args=[full.slug]), first.context["next"]]))
    names = [*people(first.content.decode()), *people(second.content.decode())]
    assert len(names) == 31
    assert names == sorted(names, key=str.casefold)
    assert second.context["next"] == ""
    again = client.get("?".join([reverse("licenses", args=[full.slug]), second.context["previous"]]))
    assert people(again.content.decode()) == people(first.content.decode())
    assert again.context["previous"] == ""


def test_more_rows(client: Client, full: Enterprise) -> None:
    html = page(client, full, "licenses", query="?rows=50")
    assert len(people(html)) == 31
    assert "<option selected>50</option>" in html


@pytest.mark.parametrize(
    ("query", "number", "words"),
    [
        ("?where=cloud&type=enterprise", 29, "Cloud only, Enterprise<"),
        ("?where=both&type=enterprise", 1, "Cloud and server, Enterprise<"),
        ("?where=server", 1, "Server only"),
        ("?type=visual-studio", 0, "Visual Studio subscription"),
        ("?only={server}", 1, "Only on ghes-emea.example"),
        ("?where=nowhere&only=x&rows=7&after=~~&type=", 31, ""),
    ],
)
def test_filters(client: Client, full: Enterprise, query: str, number: int, words: str) -> None:
    server = Deployment.objects.get(enterprise=full, kind="server")
    response = client.get(reverse("licenses", args=[full.slug]) + query.format(server=server.pk))
    html = " ".join(response.content.decode().split())
    assert response.context["found"] == number
    assert len(people(html)) == min(number, 25)
    assert words in html
    assert ("Clear filter" in html) == bool(words)


def test_htmx_gets_the_list_alone(client: Client, full: Enterprise) -> None:
    response = client.get(reverse("licenses", args=[full.slug]), headers=HTMX)
    assert b"<h1>" not in response.content
    assert response.content.strip().startswith(b'<div class="list" id="licenses"')
    for part in ("result", "choices", "chips"):  # what stands beside it comes along
        assert f'id="{part}" hx-swap-oob' in response.content.decode()


def test_an_address_leads_to_what_htmx_shows(client: Client, full: Enterprise) -> None:
    url = reverse("licenses", args=[full.slug])
    typed = client.get(f"{url}?q=an&instance=&sort=-name", headers={**HTMX, "HX-Trigger-Name": "q"})
    assert typed["HX-Replace-Url"] == f"{url}?q=an&sort=-name"
    chosen = client.get(f"{url}?where=cloud&role=", headers=HTMX)
    assert chosen["HX-Push-Url"] == f"{url}?where=cloud"


def test_searching(client: Client, full: Enterprise) -> None:
    assert people(page(client, full, "licenses", query="?q=BOB")) == ["bob"]
    assert people(page(client, full, "licenses", query="?q=ghes-emea&sort=-name")) == ["bob", "Ana"]
    html = page(client, full, "licenses", query="?q=bob&where=cloud")
    assert "Nobody of 31: “bob”, Cloud only." in html
    assert 'where=cloud">Without the search <span class="counter">29' in html
    assert 'q=bob">Without “Cloud only” <span class="counter">1' in html


def test_counts_stand_beside_filters(client: Client, full: Enterprise) -> None:
    html = page(client, full, "licenses", query="?q=bob")
    assert "Server only <span>1</span></a>" in html
    assert '<span class="chip" aria-disabled="true">Cloud only <span>0</span></span>' in html
    assert ">ghes-emea.example (1)</option>" in html


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite looks for words in memory: rows and counts come at once"
)
def test_rows_of_a_search_come_before_its_counts(
    client: Client, full: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensesync.licenses.finding.AT_ONCE", 4)
    url = reverse("licenses", args=[full.slug])
    first = " ".join(client.get(f"{url}?q=user&type=enterprise", headers=HTMX).content.decode().split())
    assert len(people(first)) == 25
    assert "Counting…" in first
    assert "htmx:responseError delay:10s" in first  # a failure is not the end of it
    assert "Cloud only</a>" in first
    [asked] = re.findall(r'hx-get="([^"]*/counts[^"]*)"', first)
    counts = " ".join(client.get(asked.replace("&amp;", "&"), headers=HTMX).content.decode().split())
    assert "<strong>30</strong> of 31 licenses" in counts
    assert "Cloud only <span>29</span></a>" in counts
    assert people(counts) == []
    again = client.get(f"{url}?q=user&type=enterprise", headers=HTMX).content.decode()
    assert "Counting…" not in again  # it is known by now


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL looks for words itself: the rows come first")
def test_rows_of_a_search_come_with_its_counts(client: Client, full: Enterprise) -> None:
    url = reverse("licenses", args=[full.slug])
    html = " ".join(client.get(f"{url}?q=user&type=enterprise", headers=HTMX).content.decode().split())
    assert len(people(html)) == 25
    assert "<strong>30</strong> of 31 licenses" in html
    assert "Cloud only <span>29</span></a>" in html
    assert "Counting…" not in html


def test_no_verified_domain(client: Client, full: Enterprise) -> None:
    assert "No verified domain" not in page(client, full, "licenses")
    VerifiedDomain.objects.create(enterprise=full, name="octo-industries.example")
    html = page(client, full, "licenses", query="?domain=none&where=server")
    assert people(html) == ["bob"]
    badge = '<span class="badge" data-tone="attention">No verified domain</span>'
    assert badge in html
    of = numbers(full)
    assert badge in page(client, full, "license_detail", of["ghes-emea.example", "bob"])
    assert "No verified domain" not in page(client, full, "license_detail", of["cloud", "ana"])


def test_names_are_escaped(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, server_export([account(1, ANA, login="<i>x</i>", name='"><script>alert(1)</script>')]))
    client.force_login(owner)
    html = page(client, enterprise, "licenses")
    assert "<i>x" not in html
    assert "<script>alert" not in html


def test_a_billing_manager_sees_it_and_a_stranger_does_not(
    client: Client, full: Enterprise, billing_manager: User, stranger: User
) -> None:
    client.force_login(billing_manager)
    assert people(page(client, full, "licenses"))
    client.force_login(stranger)
    assert client.get(reverse("licenses", args=[full.slug])).status_code == 404
    client.logout()
    assert client.get(reverse("licenses", args=[full.slug])).status_code == 302


def test_beside_the_total_stands_which_lists_it_is_of(client: Client, full: Enterprise) -> None:
    for name in ("licenses", "print_licenses", "usage_history"):
        html = page(client, full, name)
        assert re.search(r"Counted from \d of \d servers? and the cloud\. Oldest list: ", html), name


def test_no_query_in_a_loop(
    client: Client, full: Enterprise, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    page(client, full, "licenses")  # its process loads the index
    for query in ("", "?rows=50", "?where=both"):
        with django_assert_num_queries(10):
            page(client, full, "licenses", query=query)


def test_a_list_that_is_open_says_when_there_is_a_newer_count(client: Client, full: Enterprise) -> None:
    [news] = re.findall(r'hx-get="([^"]*/news[^"]*)"', page(client, full, "licenses", query="?where=cloud"))
    there = {**HTMX, "HX-Current-URL": "https://licenses.example/enterprises/x?where=cloud&q=%22%3E%3Cb%3E"}
    assert client.get(news, headers=there).status_code == 204
    import_one(full, server_export([account(1, ANA), account(3)], host="ghes-emea.example"))
    html = client.get(news, headers=there).content.decode()
    assert f'<a href="{reverse("licenses", args=[full.slug])}?where=cloud&amp;q=%22%3E%3Cb%3E">' in html
    assert "<b>" not in html


def test_of_many_places_and_addresses_the_first_ones_stand_in_the_row(
    client: Client, enterprise: Enterprise, owner: User
) -> None:
    """Else somebody on forty servers fills two screens. On paper, which can't be clicked, stand all."""
    for number in range(7):
        import_one(enterprise, server_export([account(1, ANA)], host=f"s{number}.example", server_id=f"s{number}"))
    client.force_login(owner)
    html = page(client, enterprise, "licenses").partition("<tbody")[2]
    assert [f"</svg> s{number}</li>" in html for number in range(7)] == [True] * 4 + [False] * 3
    assert "and 3 more" in html
    printed = page(client, enterprise, "print_licenses").partition("<tbody")[2]
    assert all(f"</svg> s{number}</li>" in printed for number in range(7))


@pytest.mark.parametrize(
    ("query", "words"),
    [("?q=ana", "Clear search"), ("?where=both", "Clear filters"), ("?q=ana&where=both", "Clear search and filters")],
)
def test_the_way_back_is_called_what_it_clears(client: Client, full: Enterprise, query: str, words: str) -> None:
    result = page(client, full, "licenses", query=query).split('id="result"')[1].split("</div>")[0]
    assert re.findall(r"<a [^>]*> ?([^<]*?) ?</a>", result) == [words]


def test_counts_of_one(client: Client, enterprise: Enterprise, owner: User) -> None:
    for number in range(5):
        import_one(enterprise, server_export([account(1, ANA)], host=f"s{number}.example", server_id=f"s{number}"))
    client.force_login(owner)
    assert "and 1 more" in page(client, enterprise, "licenses").partition("<tbody")[2]
    assert "In 1 license.</p>" in page(client, enterprise, "licenses", query="?q=nobody-has-this")
    url = reverse("licenses", args=[enterprise.slug])
    assert ">1 is shown</span>" in client.get(url, headers=HTMX).content.decode()
    import_one(enterprise, cloud_list([cloud_user("bob")]))
    assert ">1 to 2 are shown</span>" in client.get(url, headers=HTMX).content.decode()
    assert "In 2 licenses.</p>" in page(client, enterprise, "licenses", query="?q=nobody-has-this")


def test_whoever_is_searched_in_vain_may_consume_no_license(client: Client, full: Enterprise) -> None:
    suspended = account(2, BOB, login="Bob", suspended=True)
    import_one(
        full, server_export([account(1, ANA), suspended, account(3, login="scim-admin")], host="ghes-emea.example")
    )
    elsewhere = Enterprise.objects.create(slug="elsewhere", name="Elsewhere")
    import_one(elsewhere, server_export([account(4, login="eve", suspended=True)]))

    def said(query: str) -> str:
        html = page(client, full, "licenses", query=query)
        assert "No license matches" in html
        return html

    whole = "Suspended accounts consume no license"
    for named in ("bob", "BOB", BOB, BOB.upper()):
        assert "Bob on ghes-emea.example is suspended, and consumes no license." in said(f"?q={named}")
        assert whole not in said(f"?q={named}")
    assert "scim-admin on ghes-emea.example is there to set up SCIM" in said("?q=scim-admin")
    for named in ("bo", "eve"):
        assert whole in said(f"?q={named}"), "a part of a login, and somebody elsewhere"
        assert "is suspended" not in said(f"?q={named}")
    assert "uspended" not in page(client, full, "licenses", query="?type=visual-studio"), "nobody was searched"
    assert "uspended" not in page(client, full, "licenses", query="?q=ana"), "somebody was found"
    import_one(full, server_export([account(9, BOB, login="bob")], host="ghes-apac.example"))
    assert "uspended" not in said("?q=bob&where=cloud"), "by another account Bob has a license"


def test_accounts_without_a_license_are_found_by_indexes(full: Enterprise) -> None:
    with CaptureQueriesContext(connection) as asked:
        usage.uncounted(full, "bob")
    [query] = asked.captured_queries
    plan = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(plan + query["sql"])
        told = str(cursor.fetchall())
        if connection.vendor != "sqlite":
            cursor.execute("RESET enable_seqscan")
    assert "server_account_uncounted" in told, told
