"""A server instance, the cloud, and the sync history."""

import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import CONNECTION_LOST, ExpectedError
from licensesync.flows import receive_usage, run_job
from licensesync.syncing import services as syncing
from licensesync.syncing import usage_files
from licensesync.syncing.models import JobState, LicenseSyncJob, Phase, UsageFile
from licensesync.users.models import User
from licensesync.web.words import short_host
from tests.flows.lists import account, cloud_list, cloud_user, identities, import_one, report, server_export
from tests.web.usage import HTMX, page

pytestmark = pytest.mark.django_db(transaction=True)

ANA = "ana@octo.example"


@pytest.fixture(autouse=True)
def signed_in_owner(client: Client, owner: User) -> None:
    client.force_login(owner)


def server(enterprise: Enterprise) -> Deployment:
    return Deployment.objects.get(enterprise=enterprise, kind="server")


def test_what_an_export_says_about_its_server(client: Client, enterprise: Enterprise) -> None:
    facts: dict[str, Any] = {"version": "3.19.2", "customer_name": "Octo <b>", "http_only": True}
    import_one(enterprise, server_export([account(1, ANA), account(2, suspended=True)], dormancy_threshold=90, **facts))
    html = page(client, enterprise, "instance", server(enterprise).pk)
    for words in ("GitHub Enterprise Server 3.19.2.", "id-of-ghes.example", "Octo &lt;b&gt;", "Plain http", "90 days"):
        assert words in html
    assert "Never IP addresses" in html
    assert "1 license in all." in html
    assert "Add server usage" in html


def test_what_github_connect_does_and_since_when(client: Client, enterprise: Enterprise) -> None:
    features = {"license_usage_sync": "2024-01-15T10:00:00Z", "unified_search": ""}
    import_one(enterprise, server_export([account(1, ANA)], features=features))
    html = page(client, enterprise, "instance", server(enterprise).pk)
    assert re.search(r"License usage sync <small>since <time[^>]*>Jan 15, 2024</time></small>", html)
    assert "<div>Unified search</div>" in html


@pytest.mark.parametrize(
    ("days", "says"), [(-1, "It is over."), (0, ""), (1, "In 1 day."), (60, "In 60 days."), (61, "")]
)
def test_the_end_of_a_servers_license_is_said_and_counted_down(
    client: Client, enterprise: Enterprise, days: int, says: str
) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    assert "License ends" not in page(client, enterprise, "instance", server(enterprise).pk), "no sync has asked"
    noon = timezone.localtime().replace(hour=12)
    Deployment.objects.update(license_expires_at=noon + timedelta(days=days))
    html = page(client, enterprise, "instance", server(enterprise).pk)
    [said] = re.findall(r"<dt>License ends</dt><dd><time[^>]*>[^<]+</time>(.*?)</dd>", html)
    assert said == (f" <small>{says}</small>" if says else "")


def test_when_github_synced_it_by_itself_and_what_went_wrong(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    assert "own sync</dt>" not in page(client, enterprise, "instance", server(enterprise).pk), "no cloud was asked"
    Deployment.objects.update(github_synced_at=timezone.now() - timedelta(days=40), github_sync_problem="No <route>")
    html = page(client, enterprise, "instance", server(enterprise).pk)
    assert re.search(
        r"GitHub’s own sync</dt><dd><time[^>]*>[^<]+</time> <small><span[^>]*>No &lt;route&gt;</span>", html
    )
    Deployment.objects.update(github_synced_at=None)
    assert "GitHub’s own sync</dt><dd>Never" in page(client, enterprise, "instance", server(enterprise).pk)


def test_a_report_says_who_is_dormant(client: Client, enterprise: Enterprise) -> None:
    deployment = Deployment.objects.create(enterprise=enterprise, kind="server", host="ghes.example")
    assert "No list of it has arrived yet." in page(client, enterprise, "instance", deployment.pk)
    import_one(enterprise, report([(1, ANA)]), server=deployment)
    assert "counted all the same" in page(client, enterprise, "instance", deployment.pk)


def test_the_cloud_before_and_after_its_first_list(client: Client, enterprise: Enterprise) -> None:
    assert "No list of it has arrived yet." in page(client, enterprise, "cloud")
    assert not Deployment.objects.filter(enterprise=enterprise).exists()
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    html = page(client, enterprise, "cloud")
    assert "GitHub’s own count" in html
    assert "Cloud licenses uploaded" in html


def test_a_failure_stands_on_top(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    LicenseSyncJob.objects.create(
        deployment=server(enterprise), kind="sync", trigger="sync_now", state=JobState.FAILURE, problem_code="disk_full"
    )
    html = page(client, enterprise, "instance", server(enterprise).pk)
    assert '<div class="flash" data-tone="danger">' in html
    assert (
        html.count("The last good figures stay in use.") == 3
    )  # on top, in the history, and as it is told once to screen readers
    assert "The figures of" not in html


def test_the_history_leaves_a_host_name_as_it_is(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    facts: dict[str, Any] = {"deployment": server(enterprise), "kind": "sync", "trigger": "sync_now"}
    refused = {"problem_code": "wrong_credentials", "problem_params": {"host": "ghes.example"}}
    LicenseSyncJob.objects.create(state=JobState.FAILURE, **refused, **facts)
    LicenseSyncJob.objects.create(state=JobState.RUNNING, **facts)
    html = page(client, enterprise, "sync_history")
    assert '<td class="out">ghes.example does not accept this token.' in html
    assert '<td class="out">Starting</td>' in html


def test_the_history_of_what_waits_to_try_again_says_why(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1)]))
    job = syncing.create_file_job(deployment=server(enterprise), trigger="uploaded", requested_by=None, files=[])
    claimed = syncing.claim(job.pk)
    assert claimed is not None
    lost = ExpectedError(CONNECTION_LOST, host="ghes.example")
    syncing.release(claimed, until=timezone.now() + timedelta(minutes=4), phase=Phase.RETRYING, because=lost)
    for name, arguments in (("sync_history", []), ("instance", [server(enterprise).pk]), ("license", [])):
        html = page(client, enterprise, name, *arguments)
        assert "(The connection to ghes.example was lost before the answer was complete)" in html


def test_the_history_of_a_list_that_asked_first(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(number) for number in range(1, 31)]))
    content = io.BytesIO(server_export([account(1)]))
    few = receive_usage.receive_file(content, enterprise=enterprise, name="few", uploaded_by=None)
    receive_usage.recognise_file(few.pk)
    few.refresh_from_db()
    assert few.job is not None
    run_job.run_job(few.job.pk)
    html = page(client, enterprise, "sync_history")
    assert "Asked first" in html
    assert "This list would remove 29 of 30 accounts of ghes.example.</td>" in html


def test_a_fetched_list_that_asks_is_no_failure(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1)]))
    instance = server(enterprise)
    many = {"removed": 29, "before": 30, "source": "ghes.example"}
    job = LicenseSyncJob.objects.create(
        deployment=instance,
        kind="sync",
        trigger="scheduled",
        state=JobState.FAILURE,
        problem_code="shrinks_too_much",
        problem_params=many,
    )
    asking = UsageFile.objects.create(
        enterprise=enterprise,
        deployment=instance,
        job=job,
        name="users",
        is_fetched=True,
        size=1,
        state="NEEDS_ANSWER",
        question="shrinks",
        question_params=many,
    )
    for name, arguments in (("license", []), ("instance", [instance.pk])):
        html = page(client, enterprise, name, *arguments)
        assert "Asks first" in html
        assert "This list would remove 29 of 30 accounts of ghes.example." in html
        assert "Failed" not in html
    assert '<div class="flash" data-tone="attention">' in html
    assert f'href="{reverse("license", args=[enterprise.slug])}#add-usage">Answer</a>' in html

    usage_files.discard(asking)
    html = page(client, enterprise, "instance", instance.pk)
    assert "Asks first" not in html
    assert "Answer</a>" not in html
    assert "Up to date" in html


def test_history_is_paged(client: Client, enterprise: Enterprise, billing_manager: User) -> None:
    assert "Nothing has arrived yet" in page(client, enterprise, "sync_history")
    import_one(enterprise, server_export([account(1, ANA)]))
    for _number in range(30):
        LicenseSyncJob.objects.create(
            deployment=server(enterprise), kind="file", trigger="uploaded", state=JobState.CANCELED
        )
    client.force_login(billing_manager)
    url = reverse("sync_history", args=[enterprise.slug])
    first = client.get(url).context["history"]
    assert (len(first.rows), first.newer) == (25, "")
    older = client.get(f"{url}?{first.older}").context["history"]
    assert (len(older.rows), older.older) == (6, "")
    again = client.get(f"{url}?{older.newer}").context["history"]
    assert [row.job.pk for row in again.rows] == [row.job.pk for row in first.rows]
    assert again.newer == ""


def test_news_leave_the_reader_on_an_older_page(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    for _number in range(60):
        LicenseSyncJob.objects.create(
            deployment=server(enterprise), kind="file", trigger="uploaded", state=JobState.CANCELED
        )
    url = reverse("instance", args=[enterprise.slug, server(enterprise).pk])
    newest = client.get(url)
    for query in (newest.context["history"].older, f"after={server(enterprise).jobs.earliest('pk').pk}"):
        older = client.get(f"{url}?{query}")
        [asks] = re.findall(r'id="live-instance" hx-get="([^"]+)"', older.content.decode())
        assert client.get(unescape(asks), headers=HTMX).status_code == 204, "as the reader has it"
        changed = client.get(unescape(asks).replace("seen=", "seen=old"), headers=HTMX)
        assert changed.content.decode().strip() in older.content.decode()
        assert [row.job.pk for row in changed.context["history"].rows] != [
            row.job.pk for row in newest.context["history"].rows
        ]


def test_history_of_one_source_or_state(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    for _number in range(30):
        LicenseSyncJob.objects.create(
            deployment=server(enterprise), kind="file", trigger="uploaded", state=JobState.CANCELED
        )
    url = reverse("sync_history", args=[enterprise.slug])

    def shown(query: str) -> list[tuple[str, str]]:
        rows = client.get(f"{url}?{query}").context["history"].rows
        return [(row.source, row.job.state) for row in rows]

    assert shown("state=SUCCESS") == [("Cloud", "SUCCESS"), ("ghes", "SUCCESS")]
    assert shown(f"source={server(enterprise).pk}&state=SUCCESS") == [("ghes", "SUCCESS")]
    assert len(shown("state=nonsense&source=0")) == 25
    assert "No sync matches this filter" in client.get(f"{url}?state=FAILURE").content.decode()
    canceled = client.get(f"{url}?state=CANCELED")
    assert f"?state=CANCELED&amp;{canceled.context['history'].older}#history" in canceled.content.decode()


def test_jobs_that_went_with_their_instance_leave_the_newest(
    client: Client, enterprise: Enterprise, owner: User
) -> None:
    """And not a page that says that nothing has ever arrived."""
    client.force_login(owner)
    import_one(enterprise, server_export([account(1, ANA)]))
    job = server(enterprise).jobs.get()
    for gone in (f"?before={job.pk}", f"?after={job.pk}"):
        html = page(client, enterprise, "sync_history", query=gone)
        assert "Nothing has arrived yet" not in html
        assert f'id="source-{job.pk}"' in html


@pytest.mark.parametrize("name", ["licenses", "sync_history"])
def test_the_browser_keeps_no_copy_of_a_page_with_addresses_of_people(
    client: Client, enterprise: Enterprise, name: str
) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    assert 'hx-history="false"' in page(client, enterprise, name)


@pytest.mark.parametrize(
    ("host", "short"), [("ghes-emea.octo.example", "ghes-emea"), ("10.0.0.5", "10.0.0.5"), ("[fd00::5]", "[fd00::5]")]
)
def test_an_ip_address_is_never_cut(host: str, short: str) -> None:
    assert short_host(Deployment(kind="server", host=host), []) == short


def test_hosts_that_begin_alike_are_told_apart() -> None:
    hosts = "github.emea.example", "github.apac.example", "ghes.emea.example"
    deployments = [Deployment(kind="server", host=host) for host in hosts]
    assert [short_host(each, deployments) for each in deployments] == [*hosts[:2], "ghes"]


def test_strangers_and_other_enterprises(client: Client, enterprise: Enterprise, owner: User, stranger: User) -> None:
    theirs = Enterprise.objects.exclude(pk=enterprise.pk).get()
    deployment = Deployment.objects.create(enterprise=theirs, kind="server", host="ghes.theirs.example")
    assert client.get(reverse("instance", args=[enterprise.slug, deployment.pk])).status_code == 404
    import_one(enterprise, server_export([account(1, ANA)]))
    client.force_login(stranger)
    for name, arguments in (("instance", [server(enterprise).pk]), ("cloud", []), ("sync_history", [])):
        assert client.get(reverse(name, args=[enterprise.slug, *arguments])).status_code == 404


def test_no_query_in_a_loop(
    client: Client, enterprise: Enterprise, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in (1, 2, 3):
        import_one(enterprise, server_export([account(number, ANA)]))
    with django_assert_num_queries(8):
        page(client, enterprise, "sync_history")
    with django_assert_num_queries(15):
        page(client, enterprise, "instance", server(enterprise).pk)


@pytest.mark.parametrize(
    ("used", "purchased", "said"),
    [(1, None, "seat used"), (2, None, "seats used"), (1, 1, "of 1 seat"), (1, 1234, "of 1,234 seats")],
)
def test_seats_of_a_server(client: Client, enterprise: Enterprise, used: int, purchased: int | None, said: str) -> None:
    import_one(enterprise, server_export([account(1, ANA)]))
    Deployment.objects.filter(enterprise=enterprise).update(total_seats_consumed=used, total_seats_purchased=purchased)
    assert f"<dd>{used} <small>{said}</small>" in page(client, enterprise, "instance", server(enterprise).pk)


def test_of_when_the_linked_identities_are_and_why_a_sync_could_not_fetch_them(
    client: Client, enterprise: Enterprise
) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    assert re.search(
        r"Linked identities</dt><dd>Not known <small><a[^>]+/feeds#linked-identities", cloud(client, enterprise)
    )
    problem = {"code": "identities_not_shown", "params": {"host": "api.github.com", "scope": "read:enterprise"}}
    Deployment.objects.update(identities_problem=problem)
    html = cloud(client, enterprise)
    assert "api.github.com does not show linked identities to this token" in html
    assert "The cloud’s list counts all the same. Enter the token of an owner." in html
    import_one(enterprise, identities(("ana", "ana@corp.example")))
    html = cloud(client, enterprise)
    assert re.search(r"Linked identities</dt><dd><time[^>]*>today</time>", html)
    assert re.search(r'class="trig">Script <small>Linked identities</small>', html)


def cloud(client: Client, enterprise: Enterprise) -> str:
    return unescape(page(client, enterprise, "cloud"))
