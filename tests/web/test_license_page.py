"""The License page: figures, where people are, deployments and their states, and what the total can't know."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.connections import connect
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise, LicenseModel
from licensesync.enterprises.services import keep
from licensesync.licenses.comparison import compare
from licensesync.licenses.models import Count
from licensesync.licenses.queries import current_count
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.users.models import User
from licensesync.web import license_page
from licensesync.web.file_rows import Files
from tests.flows.lists import account, cloud_list, cloud_user, import_one, report, server_export
from tests.web.usage import HTMX, add, page, work

pytestmark = pytest.mark.django_db(transaction=True)

ANA, BOB = "ana@octo.example", "bob@octo.example"


@pytest.fixture
def full(enterprise: Enterprise) -> Enterprise:
    """Ana in the cloud and on a server, Bob only on the server, Cem only in the cloud; two licenses purchased."""
    Enterprise.objects.filter(pk=enterprise.pk).update(enterprise_licenses=2, visual_studio_licenses=0)
    enterprise.refresh_from_db()
    import_one(enterprise, cloud_list([cloud_user("ana", ANA), cloud_user("cem")]))
    import_one(enterprise, server_export([account(1, ANA), account(2, BOB), account(3, suspended=True)]))
    return enterprise


def test_an_owner_is_told_what_to_do_first(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    html = page(client, enterprise)
    assert "No usage yet" in html
    assert 'id="upload"' in html


def test_a_billing_manager_sees_but_can_add_nothing(client: Client, full: Enterprise, billing_manager: User) -> None:
    client.force_login(billing_manager)
    html = page(client, full)
    assert "Consumed" in html
    assert 'id="upload"' not in html
    assert "add-usage" not in html


def test_strangers_and_the_signed_out(client: Client, full: Enterprise, stranger: User) -> None:
    url = reverse("license", args=[full.slug])
    assert client.get(url).status_code == 302
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    assert client.get(reverse("license_news", args=[full.slug])).status_code == 404


def test_over_the_limit(client: Client, full: Enterprise, owner: User) -> None:
    client.force_login(owner)
    html = page(client, full)
    assert "−1 <span" in html
    assert "Limit exceeded" in html
    for query, people in (("where=cloud", 1), ("where=both", 1), ("where=server", 1)):
        link = f'{reverse("licenses", args=[full.slug])}?{query}&amp;type=enterprise"><span>'
        assert link in html
        assert f"<strong>{people}</strong>" in html.split(link)[1][:200]


def test_metered_use_has_no_limit(client: Client, full: Enterprise, owner: User) -> None:
    Enterprise.objects.filter(pk=full.pk).update(license_model=LicenseModel.METERED)
    client.force_login(owner)
    html = page(client, full)
    assert "Limit exceeded" not in html
    assert "<dt>Available</dt><dd>–</dd>" in html
    assert "where-marks" not in html


def test_each_license_type_has_its_own_limit(client: Client, full: Enterprise, owner: User) -> None:
    Enterprise.objects.filter(pk=full.pk).update(enterprise_licenses=2, visual_studio_licenses=10)
    client.force_login(owner)
    html = page(client, full)
    assert "<dt>Available</dt><dd>9 <span" in html
    assert '<td class="num danger">−1 ' in html


def test_what_the_total_can_not_know(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    client.force_login(owner)
    html = page(client, enterprise)
    assert "Counted from 1 of 1 server." in html
    assert "The cloud’s license list is not here" in html
    import_one(enterprise, cloud_list([cloud_user("cem")], total=1))
    html = page(client, enterprise)
    assert "names no SAML identity" in html
    assert "names no e-mail of a verified domain" in html
    assert "GitHub’s own count in that list is 1." in html
    assert "names 100 purchased licenses" not in html, "nothing is entered here yet"
    Enterprise.objects.update(enterprise_licenses=90)
    assert "GitHub’s list names 100 purchased licenses; entered here: 90." in page(client, enterprise)
    Enterprise.objects.update(enterprise_licenses=100)
    assert "names 100 purchased licenses" not in page(client, enterprise)


def test_a_server_of_which_github_names_accounts_is_missing(
    client: Client, enterprise: Enterprise, owner: User
) -> None:
    """Whoever forgot to add it counts too few people, and would read that all servers are in."""
    client.force_login(owner)

    def missing(content: bytes) -> list[str]:
        import_one(enterprise, content)
        compare(enterprise)
        return re.findall("GitHub’s list names accounts of ([^<]*) here.", page(client, enterprise))

    missing(server_export([account(1, ANA)], host="ghes.example"))
    linked = cloud_user("cem", enterprise_server_user_ids=["ghes.example:1", "GHES-apac.example:2"])
    only_there = cloud_user("", github_com_user=False, enterprise_server_user_ids=["ghes-emea.example:3"])
    apac, emea = (f"ghes-{each}.example, which is no instance" for each in ("apac", "emea"))
    assert missing(cloud_list([linked, only_there])) == [apac, emea]
    assert missing(server_export([account(2, ANA)], host="ghes-apac.example")) == [emea]
    many = [f"ghes-{number}.example:1" for number in range(4)]
    several = cloud_list([cloud_user("cem", enterprise_server_user_ids=many)])
    assert missing(several) == ["4 servers that are no instances"]


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"list_date": timezone.now() - timedelta(days=31)}, "Out of date"),
        ({"list_date": timezone.now() - timedelta(days=2)}, "List of"),
        ({"last_usage_at": None}, "Never synced"),
        ({}, "Up to date"),
    ],
)
def test_state_of_an_instance(
    client: Client, full: Enterprise, owner: User, change: dict[str, object], label: str
) -> None:
    Deployment.objects.filter(enterprise=full, host="ghes.example").update(**change)
    client.force_login(owner)
    assert label in page(client, full).split("ghes.<wbr>example")[-1].split("</tbody>")[0]


def test_a_failed_list_says_why_and_that_the_figures_stay(client: Client, full: Enterprise, owner: User) -> None:
    server = Deployment.objects.get(enterprise=full, host="ghes.example")
    LicenseSyncJob.objects.create(
        deployment=server, kind="sync", trigger="scheduled", state=JobState.FAILURE, problem_code="truncated",
        problem_params={"read": 1234},
    )  # fmt: skip
    client.force_login(owner)
    html = page(client, full)
    assert "The file ends in the middle, after 1,234 accounts." in html
    assert "The figures of" in html


def test_why_somebodys_file_failed_is_told_at_the_file_and_not_as_the_state_of_its_instance(
    client: Client, full: Enterprise, owner: User
) -> None:
    server = Deployment.objects.get(enterprise=full, host="ghes.example")
    facts = {"deployment": server, "state": JobState.FAILURE}
    client.force_login(owner)
    assert 'data-state="SUCCESS"' in row_of(page(client, full), server)
    upload = LicenseSyncJob.objects.create(kind="file", trigger="uploaded", problem_code="empty_file", **facts)
    assert 'data-state="SUCCESS"' in row_of(page(client, full), server)
    LicenseSyncJob.objects.create(kind="sync", trigger="scheduled", problem_code="disk_full", **facts)
    upload.pk = None
    upload.save(force_insert=True)
    assert "Too little space is left" in row_of(page(client, full), server)
    assert 'data-state="FAILURE"' in row_of(page(client, full), server)


def row_of(html: str, server: Deployment) -> str:
    return next(row for row in html.split("<tbody") if f"/settings/instances/{server.pk}" in row)


def test_names_are_escaped(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, server_export([account(1, ANA)], version="<script>3</script>"))
    client.force_login(owner)
    html = page(client, enterprise)
    assert "<script>3" not in html
    assert "&lt;script&gt;3" in html


def test_only_what_is_not_on_the_page_yet_comes_as_news(client: Client, full: Enterprise, owner: User) -> None:
    client.force_login(owner)
    url = reverse("license_news", args=[full.slug])
    everything = client.get(url, headers=HTMX)
    versions = [f"{fragment.key}:{fragment.version}" for fragment in everything.context["swapped"]]
    assert [version.split(":")[0] for version in versions] == [
        "headline",
        "report",
        "figures",
        "deployments",
        "actions",
        "close",
        "following",
        "usage",
    ]
    assert client.get(url, {"seen": " ".join(versions)}, headers=HTMX).status_code == 204
    partly = client.get(url, {"seen": " ".join([*versions[:3], "deployments:old", "file-99:gone"])}, headers=HTMX)
    assert b'id="figures"' not in partly.content
    assert b'id="deployments"' in partly.content
    assert b'<li id="file-99" hx-swap-oob="delete">' in partly.content


def test_the_first_count_sets_the_page_up_without_a_reload(client: Client, enterprise: Enterprise, owner: User) -> None:
    """What is there from now on comes with the news: the report, the buttons for all, the way to close the panel."""
    client.force_login(owner)
    before = page(client, enterprise)
    report = reverse("csv_of_licenses", args=[enterprise.slug])
    later = (report, 'href="#add-usage"', 'href="#instances" aria-label="Close"', "Sync all")
    assert not [words for words in later if words in before]
    seen = " ".join(":".join(pair) for pair in re.findall(r'id="([\w-]+)" data-version="(\w+)"', before))
    for host in ("one.example", "two.example"):
        import_one(enterprise, server_export([account(1, ANA)], host=host))
        connect(Deployment.objects.get(host=host), url=f"https://{host}", login="a", token="t", connected_by=owner)
    news = client.get(reverse("license_news", args=[enterprise.slug]), {"seen": seen}, headers=HTMX).content.decode()
    assert [words for words in later if words not in news] == []


def test_the_page_asks_again_only_while_work_is_open(client: Client, full: Enterprise, owner: User) -> None:
    client.force_login(owner)
    url = reverse("license_news", args=[full.slug])
    assert "HX-Trigger" not in client.get(url, headers=HTMX)
    assert "load delay" not in page(client, full)
    server = Deployment.objects.get(enterprise=full, host="ghes.example")
    LicenseSyncJob.objects.create(deployment=server, kind="file", trigger="uploaded")
    assert client.get(url, headers=HTMX)["HX-Trigger"] == "still-open"
    assert "load delay" in page(client, full)


def test_work_that_ends_while_the_page_is_read_is_asked_about_again(
    client: Client, full: Enterprise, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the page would show it as running for ever."""
    server = Deployment.objects.get(enterprise=full, host="ghes.example")
    LicenseSyncJob.objects.create(deployment=server, kind="file", trigger="uploaded", state=JobState.RUNNING)

    def read_then_end(*args: Any) -> Files:
        LicenseSyncJob.objects.filter(state=JobState.RUNNING).update(state=JobState.SUCCESS)
        return Files([], 0, 0, 0)

    monkeypatch.setattr(license_page, "file_rows", read_then_end)
    client.force_login(owner)
    response = client.get(reverse("license_news", args=[full.slug]), headers=HTMX)
    assert b"Syncing" in response.content
    assert response["HX-Trigger"] == "still-open"


@pytest.mark.parametrize(
    ("bought", "for_visual_studio", "words"),
    [(2, 1, "Enterprise limit exceeded"), (0, 9, "Enterprise limit exceeded"), (3, 0, "")],
)
def test_a_limit_that_licenses_of_the_other_type_hide(
    client: Client, full: Enterprise, owner: User, bought: int, for_visual_studio: int, words: str
) -> None:
    Enterprise.objects.filter(pk=full.pk).update(enterprise_licenses=bought, visual_studio_licenses=for_visual_studio)
    client.force_login(owner)
    figure = page(client, full).split("<dt>Available</dt>")[1].split("</dl>")[0]
    assert ("exceeded" in figure) == bool(words)
    assert words in figure


def test_seats_that_nobody_has_entered_are_no_limit(client: Client, enterprise: Enterprise, owner: User) -> None:
    Enterprise.objects.filter(pk=enterprise.pk).update(enterprise_licenses=0)
    import_one(enterprise, server_export([account(1, ANA)]))
    client.force_login(owner)
    html = page(client, enterprise)
    assert "Enter what you purchased" in html
    assert "Limit exceeded" not in html
    assert "0 purchased" not in html


def test_no_query_in_a_loop(
    client: Client, full: Enterprise, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(owner)
    page(client, full)  # what only the first page asks
    with django_assert_num_queries(17):
        page(client, full)
    for number in range(5):
        import_one(full, server_export([account(1, ANA)], host=f"ghes-{number}.example"))
    page(client, full)
    with django_assert_num_queries(17):
        page(client, full)


def test_the_chart_follows_a_count_and_nothing_else(client: Client, full: Enterprise, owner: User) -> None:
    client.force_login(owner)
    Count.objects.filter(enterprise=full).update(finished_at=timezone.now() - timedelta(days=3))
    import_one(full, server_export([account(9, "new@octo.example")], host="ghes-new.example"))
    html = page(client, full)
    [version] = re.findall(r'id="usage" data-version="(\w+)"', html)
    url, seen = reverse("license_news", args=[full.slug]), {"seen": f"usage:{version}"}
    assert b'id="usage"' not in client.get(url, seen, headers=HTMX).content
    import_one(full, server_export([account(9, "new@octo.example"), account(10)], host="ghes-new.example"))
    news = client.get(url, seen, headers=HTMX).content.decode()
    assert 'id="usage"' in news
    count = current_count(full)
    assert count
    assert f'<tspan class="end-consumed">{count.consumed}</tspan>' in news


def test_no_query_for_each_file(
    client: Client, full: Enterprise, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(owner)
    url = reverse("license_news", args=[full.slug])
    for number in range(3):
        add(client, full, server_export([account(1, ANA)], host=f"ghes-{number}.example"))
        work()
        assert client.get(url, headers=HTMX).content.count(b'<li id="file-') == number + 1
        usage = next(each for each in client.get(url, headers=HTMX).context["swapped"] if each.key == "usage")
        with django_assert_num_queries(12):
            client.get(url, {"seen": f"usage:{usage.version}"}, headers=HTMX)


def test_files_are_not_read_for_whoever_does_not_see_them(
    client: Client,
    full: Enterprise,
    billing_manager: User,
    owner: User,
) -> None:
    client.force_login(owner)
    add(client, full, b"no list")
    client.force_login(billing_manager)
    url = reverse("license_news", args=[full.slug])
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url, headers=HTMX).status_code == 200
    assert not [each for each in queries.captured_queries if "stored_name" in each["sql"]]


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        (1, 90, "names 1 purchased license; entered here: 90."),
        (90, 1, "names 90 purchased licenses; entered here: 1."),
    ],
)
def test_one_purchased_license(
    client: Client, enterprise: Enterprise, owner: User, there: int, here: int, said: str
) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    Deployment.objects.filter(enterprise=enterprise).update(total_seats_purchased=there)
    Enterprise.objects.filter(pk=enterprise.pk).update(enterprise_licenses=here, visual_studio_licenses=0)
    client.force_login(owner)
    assert said in page(client, enterprise)


def test_one_person_and_one_license(client: Client, enterprise: Enterprise, owner: User) -> None:
    Enterprise.objects.filter(pk=enterprise.pk).update(enterprise_licenses=1, visual_studio_licenses=0)
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    client.force_login(owner)
    html = page(client, enterprise)
    assert "1</a> <small>person, each once</small>" in html
    assert "1 <small>license</small>" in html
    assert 'aria-label="1 person. In the cloud only: 1; in the cloud and on a server: 0; on servers only: 0; ' in html


def test_many_people_and_licenses(client: Client, full: Enterprise, owner: User) -> None:
    client.force_login(owner)
    html = page(client, full)
    assert "3</a> <small>people, each once</small>" in html
    assert "2 <small>licenses</small>" in html
    assert 'aria-label="3 people. In the cloud only: 1; in the cloud and on a server: 1; on servers only: 1; ' in html
    assert "1 suspended</small>" in html
    assert "2 purchased</text>" in html


def test_of_many_lists_one_sentence_says_what_they_lack(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    client.force_login(owner)
    for number in range(3):
        Deployment.objects.create(enterprise=enterprise, kind="server", host=f"s{number}.example")
    assert "s2.example has not reported yet." in page(client, enterprise)
    Deployment.objects.create(enterprise=enterprise, kind="server", host="s3.example")
    html = page(client, enterprise)
    assert "4 servers have not reported yet." in html
    assert "s2.example has not reported yet." not in html


def test_where_people_who_are_counted_twice_can_not_be_seen_it_is_said(
    client: Client, full: Enterprise, owner: User
) -> None:
    """A site-admin report, which is all that a sync fetches, has no secondary e-mails."""
    client.force_login(owner)
    assert "secondary e-mails, so" not in page(client, full)
    server = Deployment.objects.create(enterprise=full, kind=DeploymentKind.SERVER, host="report.example")
    import_one(full, report([(1, ANA)]), server=server)
    html = page(client, full)
    assert (
        "The list of report.example tells few or no secondary e-mails, so not everybody counted twice is seen." in html
    )
    assert "The list of ghes.example tells" not in html
    Enterprise.objects.filter(pk=full.pk).update(keeps_secondary_emails=False)
    html = page(client, full)
    assert "Secondary e-mails are not kept here, so people who are counted twice are not seen." in html
    assert "secondary e-mails, so" not in html


def test_a_report_tells_no_secondary_emails_though_for_a_while_none_were_kept(
    client: Client, full: Enterprise, owner: User
) -> None:
    client.force_login(owner)
    server = Deployment.objects.create(enterprise=full, kind=DeploymentKind.SERVER, host="report.example")
    keep(enterprise=full, names=True, secondary_emails=False)
    import_one(full, report([(1, ANA)]), server=server)
    keep(enterprise=full, names=True, secondary_emails=True)
    import_one(full, report([(1, ANA), (2, "")]), server=server)
    assert "The list of report.example tells few or no secondary e-mails" in page(client, full)


def test_an_export_of_few_and_a_report_of_many_leave_most_of_them_unknown(
    client: Client, full: Enterprise, owner: User
) -> None:
    client.force_login(owner)
    server = Deployment.objects.get(enterprise=full, host="ghes.example")
    import_one(full, report([(number, ANA if number == 1 else "") for number in range(1, 20)]), server=server)
    assert "The list of ghes.example tells few or no secondary e-mails" in page(client, full)
