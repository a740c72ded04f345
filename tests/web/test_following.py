"""Pages that follow open work: how soon they look again, and what becomes of them when there is nothing to see."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise, Membership
from licensesync.syncing.models import JobState, LicenseSyncJob, UsageFile
from licensesync.users.models import User
from tests.web.usage import HTMX, page

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, SECONDS = timedelta(hours=1), timedelta(seconds=10)


@pytest.fixture
def server(enterprise: Enterprise, client: Client, billing_manager: User) -> Deployment:
    client.force_login(billing_manager)
    return Deployment.objects.create(enterprise=enterprise, kind=DeploymentKind.SERVER, host="ghes.example")


def job(server: Deployment, state: JobState, *, starts_in: timedelta = timedelta()) -> LicenseSyncJob:
    return LicenseSyncJob.objects.create(
        deployment=server, kind="sync", trigger="sync_now", state=state, not_before=timezone.now() + starts_in
    )


def looks_again(client: Client, server: Deployment) -> tuple[str, str, str]:
    """What the License page, its news and the instance page say about when they ask again."""
    enterprise = server.enterprise
    first = re.findall(r"load delay:\w+", page(client, enterprise))
    news = client.get(reverse("license_news", args=[enterprise.slug]), headers=HTMX)
    [every] = re.findall(r"every \w+", page(client, enterprise, "instance", server.pk))
    return "".join(first), news.get("HX-Trigger", ""), every


@pytest.mark.parametrize(
    ("state", "starts_in", "expected"),
    [
        (JobState.RUNNING, -HOUR, ("load delay:1s", "still-open", "every 1s")),
        (JobState.PENDING, timedelta(), ("load delay:1s", "still-open", "every 1s")),
        (JobState.PENDING, SECONDS, ("load delay:1s", "still-open", "every 1s")),
        (JobState.PENDING, HOUR, ("load delay:20s", "still-waiting", "every 20s")),
        (JobState.PENDING, -HOUR, ("load delay:20s", "still-waiting", "every 20s")),  # behind others
        (JobState.SUCCESS, -HOUR, ("", "", "every 20s")),
    ],
)
def test_what_waits_is_looked_at_rarely(
    client: Client, server: Deployment, state: JobState, starts_in: timedelta, expected: tuple[str, str, str]
) -> None:
    job(server, state, starts_in=starts_in)
    assert looks_again(client, server) == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [(SECONDS, ("load delay:1s", "still-open")), (HOUR, ("load delay:20s", "still-waiting"))],
)
def test_a_file_whose_other_pages_never_come_is_looked_at_rarely(
    client: Client, server: Deployment, age: timedelta, expected: tuple[str, str]
) -> None:
    UsageFile.objects.create(enterprise=server.enterprise, name="page-1.json", size=1, created_at=timezone.now() - age)
    assert looks_again(client, server)[:2] == expected


def test_one_that_moves_is_enough(client: Client, server: Deployment) -> None:
    job(server, JobState.PENDING, starts_in=HOUR)
    other = Deployment.objects.create(enterprise=server.enterprise, kind=DeploymentKind.SERVER, host="other.example")
    job(other, JobState.RUNNING)
    assert looks_again(client, server) == ("load delay:1s", "still-open", "every 20s")


def test_an_instance_whose_time_comes_is_looked_at_soon(client: Client, server: Deployment) -> None:
    """Although nothing of what the page shows has changed."""
    waiting = job(server, JobState.PENDING, starts_in=HOUR)
    asks = re.findall(r'id="live-instance" hx-get="([^"]+)"', page(client, server.enterprise, "instance", server.pk))[0]
    assert client.get(asks, headers=HTMX).status_code == 204
    LicenseSyncJob.objects.filter(pk=waiting.pk).update(not_before=timezone.now() + SECONDS)
    assert "every 1s" in client.get(asks, headers=HTMX).content.decode()


@pytest.mark.parametrize(
    ("state", "starts_in", "every"),
    [
        (JobState.RUNNING, -HOUR, ["5"]),
        (JobState.PENDING, timedelta(), ["5"]),
        (JobState.PENDING, HOUR, ["20"]),
        (JobState.SUCCESS, -HOUR, []),
    ],
)
def test_the_history_follows_what_is_open(
    client: Client, server: Deployment, state: JobState, starts_in: timedelta, every: list[str]
) -> None:
    """With the page and the filter that are open."""
    opened = job(server, state, starts_in=starts_in)
    query = f"?source={server.pk}&state={state}"
    html = page(client, server.enterprise, "sync_history", query=query)
    assert re.findall(r'id="history"[^>]* hx-trigger="every (\d+)s"', html) == every
    if every:
        [asks] = re.findall(r'id="history" hx-get="([^"]+)"', html)
        assert asks.endswith(query.replace("&", "&amp;"))
    assert 'id="history" hx-get' not in page(client, server.enterprise, "instance", server.pk)
    assert f'id="source-{opened.pk}"' in html, "so that the focus stays on it"


@pytest.mark.parametrize("name", ["license_news", "instance_news", "sync_history"])
def test_who_is_no_member_any_more_is_led_away_and_told(
    client: Client, server: Deployment, billing_manager: User, name: str
) -> None:
    """Else the page would ask for ever."""
    more = [server.pk] if name == "instance_news" else []
    url = reverse(name, args=[server.enterprise.slug, *more])
    assert client.get(url, headers=HTMX).status_code in (200, 204)
    Membership.objects.filter(user=billing_manager).delete()
    answer = client.get(url, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, reverse("home"))
    assert "not yours to see any more" in client.get(reverse("home"), follow=True).content.decode()
    assert client.get(url).status_code == 404, "for whoever asks without a page"
    client.logout()
    assert client.get(url, headers=HTMX, follow=True)["HX-Refresh"] == "true", "the whole page leads to the door"
