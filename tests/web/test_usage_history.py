"""Usage over time: the chart with its table, who came and who went, and the same as CSV."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import run_job
from licensesync.licenses.models import Count
from licensesync.syncing import services as syncing
from licensesync.users.models import User
from licensesync.web.usage_chart import ChartPoint, usage_chart
from tests.flows.lists import account, import_one, server_export
from tests.web.usage import page

JUST_TIMES = (
    'SELECT "licenses_count"."generation" AS "generation", "licenses_count"."finished_at" AS "finished_at" FROM'
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def with_history(client: Client, enterprise: Enterprise, billing_manager: User) -> Enterprise:
    """Ana and Bo a year and a half ago, thirty others ten days ago, Ana and Cem now."""
    for ago, logins in ((500, ("ana", "bo")), (10, ("ana", *map(str, range(30)))), (0, ("ana", "=cem"))):
        ids = {login: number for number, login in enumerate(("ana", "bo", "=cem", *map(str, range(30))), 1)}
        accounts = [account(ids[login], f"{ids[login]}@octo.example", login=login) for login in logins]
        import_one(enterprise, server_export(accounts), accept_shrink=True)
        Count.objects.filter(generation=enterprise.generation).update(finished_at=timezone.now() - timedelta(days=ago))
    client.force_login(billing_manager)
    return enterprise


def test_chart_table_and_people(client: Client, with_history: Enterprise) -> None:
    html = page(client, with_history, "usage_history", query="?period=all")
    assert 'aria-label="Consumed licenses: 2 on' in html
    assert html.count("<tr>") == 2 + 3 + 1, "the heads of two tables, three counts, one person who came"
    assert "=cem" in html
    assert "±0 <small>licenses" in html
    assert 'href="?period=all&amp;from=1&amp;to=2#between"' in html


def test_a_period_begins_with_the_count_before_it(client: Client, with_history: Enterprise) -> None:
    html = page(client, with_history, "usage_history", query="?period=30d&kind=went")
    assert html.count("<tr>") == 2 + 3 + 1
    assert "Bo went" not in html
    assert ">bo<" in html
    [gone] = re.findall(r'<a href="([^"]+)">bo<', html)
    assert "No longer consumes a license" in client.get(gone).content.decode()


@pytest.mark.parametrize("name", ["license", "usage_history"])
def test_the_history_is_read_once(client: Client, with_history: Enterprise, name: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        page(client, with_history, name)
    times = [each for each in queries.captured_queries if each["sql"].startswith(JUST_TIMES)]
    assert len(times) == 1


def test_between_any_two_counts_in_pages(client: Client, with_history: Enterprise) -> None:
    html = page(client, with_history, "usage_history", query="?period=all&from=2&to=1")
    assert "Came <span>30</span>" in html
    assert "Went <span>1</span>" in html
    [older] = re.findall(r'rel="next" href="([^"]+)"', html)
    rest = page(client, with_history, "usage_history", query=older.replace("&amp;", "&").partition("#")[0])
    shown = re.findall(r'<th scope="row">(?:<a [^>]*>)?(\d+)<', html + rest)
    assert sorted(shown, key=int) == [str(number) for number in range(30)]


@pytest.mark.parametrize(
    "query", ["?from=x&to=y&kind=z&before=q&period=p", "?before=1-", "?from=99&kind=account_added"]
)
def test_an_address_that_means_nothing_shows_the_page(client: Client, with_history: Enterprise, query: str) -> None:
    assert "Who came and who went" in page(client, with_history, "usage_history", query=query)


def test_a_shared_address_shows_the_same_counts_in_every_time_zone(client: Client, with_history: Enterprise) -> None:
    """Of the two counts that UTC has on one day, the earlier one is the last of its day further west."""
    counts = Count.objects.filter(enterprise=with_history).order_by("generation")
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=20)
    for count, hour in zip(counts, (-48, -10, 2), strict=True):
        Count.objects.filter(pk=count.pk).update(finished_at=noon + timedelta(hours=hour))
    address, download = "?period=all&from=1&to=2", reverse("csv_of_changes", args=[with_history.slug]) + "?from=1&to=2"
    seen = set()
    for zone in ("UTC", "America/Los_Angeles"):
        client.cookies["timezone"] = zone
        html = page(client, with_history, "usage_history", query=address)
        assert 'value="2" selected' in html
        numbers = tuple(re.findall(r"(?:Came|Went) <span>(\d+)</span>", html))
        assert html.count('<option value="') == 2 * 3
        assert re.search(r'value="2" selected>\w+ \d+, \d+(, \d\d:\d\d)?<', html)
        rows = csv.DictReader(io.StringIO(client.get(download).getvalue().decode()))
        seen.add((numbers, tuple(f"{row['Change']} {row['Login']}" for row in rows)))
    assert len(seen) == 1
    assert numbers == ("30", "1")


def test_whose_names_went_with_their_instance_are_one_line(client: Client, enterprise: Enterprise, owner: User) -> None:
    import_one(enterprise, server_export([account(1, "ana@octo.example")]))
    import_one(enterprise, server_export([account(number) for number in range(1, 41)], host="gone.example"))
    first = Count.objects.get(generation=enterprise.generation)
    Count.objects.update(finished_at=timezone.now() - timedelta(days=5))
    gone = Deployment.objects.get(host="gone.example")
    run_job.run_job(syncing.request_deletion(deployment=gone, requested_by=owner).pk)
    client.force_login(owner)
    html = page(client, enterprise, "usage_history", query=f"?from={first.generation}&kind=went")
    assert "40 of them had accounts only on instances that were deleted" in html
    assert ">–</a>" not in html


def test_the_times_of_the_csv_are_the_readers(client: Client, with_history: Enterprise) -> None:
    client.cookies["timezone"] = "Pacific/Kiritimati"
    content = client.get(reverse("csv_of_changes", args=[with_history.slug]) + "?from=1&to=3").getvalue().decode()
    assert {row["On"][-6:] for row in csv.DictReader(io.StringIO(content))} == {"+14:00"}


def test_csv(client: Client, with_history: Enterprise) -> None:
    response = client.get(reverse("csv_of_changes", args=[with_history.slug]) + "?from=1&to=3")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert {(row["Change"], row["Login"]) for row in rows} == {("came", "'=cem"), ("went", "bo")}


@pytest.mark.parametrize(
    ("then", "today", "is_told"),
    [
        (1, 1, True),
        (1, 100, False),  # bought since
        (1, 2, False),  # just enough
        (100, 1, False),  # given back since: nobody knows when
        (1, 0, False),  # nobody says any more what is purchased
        (0, 1, False),  # nobody had said so then
    ],
)
def test_over_the_limit_only_while_the_page_beside_it_says_so(
    client: Client, with_history: Enterprise, then: int, today: int, is_told: bool
) -> None:
    Count.objects.filter(enterprise=with_history).update(purchased=then)
    Enterprise.objects.filter(pk=with_history.pk).update(enterprise_licenses=today, visual_studio_licenses=0)
    for name in ("license", "usage_history"):
        assert ("Over the limit since" in page(client, with_history, name)) is is_told


def test_over_the_limit_since_the_first_count_beyond_it(client: Client, with_history: Enterprise) -> None:
    Count.objects.filter(enterprise=with_history).update(purchased=1)
    Count.objects.filter(enterprise=with_history, generation=1).update(purchased=2)
    Enterprise.objects.filter(pk=with_history.pk).update(enterprise_licenses=1, visual_studio_licenses=0)
    began = Count.objects.values_list("finished_at", flat=True).get(enterprise=with_history, generation=2)
    assert f"Over the limit since {date_format(timezone.localtime(began), 'M j, Y')}." in page(
        client, with_history, "usage_history"
    )


def test_a_period_in_which_nothing_was_counted(client: Client, with_history: Enterprise) -> None:
    """Its line goes from the last count before it until now."""
    for count in Count.objects.filter(enterprise=with_history, finished_at__isnull=False):
        assert count.finished_at
        Count.objects.filter(pk=count.pk).update(finished_at=count.finished_at - timedelta(days=40))
    html = page(client, with_history, "usage_history", query="?period=30d")
    last = Count.objects.get(enterprise=with_history, generation=3).finished_at
    assert last
    said = date_format(timezone.localtime(last), "M j, Y")
    assert f"Nothing was counted in this period. The line shows the last count, of {said}." in html
    assert "One day so far" not in html
    assert '<path class="line" d="M0.0 ' in html
    assert "L1000.0 " in html.split('<path class="line"')[1].split("/>")[0]
    assert "Nothing was counted" not in page(client, with_history, "usage_history", query="?period=1y")
    assert "Nothing was counted" not in page(client, with_history, "usage_history", query="?period=all")


def test_before_there_is_a_history(client: Client, enterprise: Enterprise, owner: User) -> None:
    client.force_login(owner)
    assert "Nothing is counted yet" in page(client, enterprise, "usage_history")
    assert client.get(reverse("csv_of_changes", args=[enterprise.slug])).getvalue().count(b"\n") == 1
    import_one(enterprise, server_export([account(1)]))
    assert "One day so far" in page(client, enterprise, "usage_history")


@pytest.mark.parametrize(("days", "kept"), [(1, "kept for 1 day."), (400, "kept for 400 days.")])
def test_for_how_long_counts_are_kept(
    client: Client, enterprise: Enterprise, owner: User, settings: Any, days: int, kept: str
) -> None:
    settings.HISTORY_RETENTION = timedelta(days=days)
    client.force_login(owner)
    assert f"Counts are {kept}" in page(client, enterprise, "usage_history")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(1, 2, "+1 <small>license<"), (2, 1, "−1 <small>license<"), (1, 3, "+2 <small>licenses<")],
)
def test_a_difference_of_one(
    client: Client, enterprise: Enterprise, owner: User, before: int, after: int, said: str
) -> None:
    for many in (before, after):
        import_one(enterprise, server_export([account(number) for number in range(1, many + 1)]))
    Count.objects.filter(generation=1).update(finished_at=timezone.now() - timedelta(days=2))
    client.force_login(owner)
    assert said in page(client, enterprise, "usage_history")


def test_the_chart_fills_what_is_beyond_the_limit() -> None:
    now = timezone.now()
    days = [(0, 90, 100), (10, 110, 100), (20, 110, 120), (30, 130, 120)]
    points = [ChartPoint(now + timedelta(days=day), consumed, purchased) for day, consumed, purchased in days]
    chart = usage_chart(points, points[0].at, points[-1].at)
    assert chart.excess.count("M") == 3
    assert chart.excess.startswith("M166.7"), "crosses the limit half-way"
    assert (chart.consumed.label, chart.purchased and chart.purchased.label) == ("130", "120")
    metered = [ChartPoint(point.at, point.consumed, None) for point in points]
    chart = usage_chart(metered, points[0].at, points[-1].at)
    assert (chart.limit, chart.excess, chart.purchased) == ("", "", None)
    empty = usage_chart([ChartPoint(now, 0, 0), ChartPoint(now + timedelta(days=1), 0, 0)], now, now)
    assert "nan" not in empty.line + empty.limit


def test_the_line_is_cut_where_the_period_begins() -> None:
    begin = timezone.now()
    start, end = begin + timedelta(days=5), begin + timedelta(days=20)
    later = ChartPoint(begin + timedelta(days=10), 110, 120)
    cut = usage_chart([ChartPoint(begin, 90, 100), later], start, end)
    assert cut.line == usage_chart([ChartPoint(start, 100, 100), later], start, end).line
    assert "Consumed licenses: 90 on" in cut.summary, "what was counted, not what is drawn"
