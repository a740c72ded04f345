"""When a connection syncs by itself, who gets a sync that is due, and how its secrets are kept."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, Deployment, Enterprise, Schedule
from licensesync.errors import ADDRESS_CONNECTED, BEING_DELETED, SECRET_UNREADABLE, SERVER_ELSEWHERE, ExpectedError
from licensesync.users.models import User
from tests.flows.workers import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(enterprise: Enterprise) -> Deployment:
    return deployments.server_named(enterprise, "ghes.octo.example")


def connected(server: Deployment, *, at: datetime | None = None) -> Connection:
    connection = connections.connect(
        server,
        url=f"https://{server.host}",
        login="admin",
        token="ghp_a-secret",
        proxy="http://user:password@proxy.octo.example:3128",
        connected_by=None,
    )
    if at is not None:
        connection.connected_at = at
        connections.set_schedule(connection, Schedule.WEEKLY)
    return connection


def test_one_server_is_not_connected_under_two_names(server: Deployment, enterprise: Enterprise) -> None:
    """It would be counted twice. What was connected so before may still get a new token."""
    first = connected(server)
    other = deployments.server_named(enterprise, "other.octo.example")
    second = connected(other)
    for is_same in (False, True):
        with pytest.raises(ExpectedError) as refused:
            connections.connect(
                other, url=first.url, login="admin", token="ghp_new", connected_by=None, is_same=is_same
            )
        assert refused.value.problem is ADDRESS_CONNECTED
        assert "https://ghes.octo.example is already connected as ghes.octo.example" in str(refused.value)
    second.refresh_from_db()
    assert second.url == "https://other.octo.example"
    Connection.objects.filter(pk=second.pk).update(url=first.url)
    assert connected(server).url == first.url


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_do_not_connect_one_server_under_two_names(
    server: Deployment, enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = iter([server, deployments.server_named(enterprise, "other.octo.example")])
    looked, original = threading.Barrier(2), connections.proxy_by
    refused: list[ExpectedError] = []

    def slowly(*given: Any) -> str:
        with contextlib.suppress(threading.BrokenBarrierError):  # unless the other one waits for us, as it should
            looked.wait(1)
        return original(*given)

    def either() -> None:
        try:
            connections.connect(
                next(both), url="https://ghes.octo.example", login="admin", token="ghp_x", connected_by=None
            )
        except ExpectedError as error:
            refused.append(error)

    monkeypatch.setattr(connections, "proxy_by", slowly)
    together(*[either] * 2)
    assert Connection.objects.count() == 1
    assert [error.problem for error in refused] == [ADDRESS_CONNECTED]


@pytest.mark.django_db(transaction=True)
def test_a_schedule_that_is_set_while_a_connection_is_changed_stays(
    server: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connected(server)
    has_read, is_set, original = threading.Event(), threading.Event(), connections.proxy_by

    def slowly(*given: Any) -> str:
        has_read.set()
        is_set.wait(1)  # unless it waits for us, as it should
        return original(*given)

    def schedule() -> None:
        has_read.wait(10)
        connections.set_schedule(connection, Schedule.OFF)
        is_set.set()

    monkeypatch.setattr(connections, "proxy_by", slowly)
    together(lambda: connected(server), schedule)
    connection.refresh_from_db()
    assert (connection.schedule, connection.next_sync_at) == (Schedule.OFF, None)


def test_a_list_that_came_since_the_form_was_opened_is_not_replaced_by_another_servers(server: Deployment) -> None:
    before = Deployment.objects.get(pk=server.pk)
    deployments.show_list(server, last_usage_at=timezone.now())
    with pytest.raises(ExpectedError) as refused:
        connections.connect(before, url="https://other.octo.example", login="admin", token="ghp_x", connected_by=None)
    assert refused.value.problem is SERVER_ELSEWHERE


def test_an_instance_that_is_gone_is_not_connected(server: Deployment) -> None:
    gone = Deployment.objects.get(pk=server.pk)
    deployments.delete(server)
    with pytest.raises(ExpectedError) as refused:
        connected(gone)
    assert refused.value.problem is BEING_DELETED


def test_two_enterprises_may_connect_one_server(server: Deployment, stranger: User) -> None:
    elsewhere = deployments.server_named(Enterprise.objects.get(slug="hubot-labs"), server.host)
    assert connected(server).url == connected(elsewhere).url


def test_nothing_secret_is_stored_as_it_is(server: Deployment) -> None:
    connected(server)
    [row] = Connection.objects.values_list()
    assert "secret" not in str(row)
    assert "password" not in str(row)
    connection = Connection.objects.get()
    assert connections.token_of(connection) == "ghp_a-secret"
    assert connections.proxy_of(connection) == "http://user:password@proxy.octo.example:3128"


def test_a_key_is_changed_by_adding_one_in_front(server: Deployment, settings: Any) -> None:
    connected(server)
    old, new = settings.ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, old]
    assert connections.token_of(Connection.objects.get()) == "ghp_a-secret"
    assert connections.reseal_all() == 1
    settings.ENCRYPTION_KEYS = [new]
    assert connections.token_of(Connection.objects.get()) == "ghp_a-secret"
    settings.ENCRYPTION_KEYS = [old]
    with pytest.raises(ExpectedError) as refused:
        connections.token_of(Connection.objects.get())
    assert refused.value.problem is SECRET_UNREADABLE


def test_a_connection_syncs_weekly_on_its_weekday_about_at_its_hour(server: Deployment) -> None:
    monday = datetime(2026, 3, 2, 14, tzinfo=UTC)
    connection = connected(server, at=monday)
    moment = connections.next_sync(connection, after=monday + timedelta(days=3))
    assert moment is not None
    assert moment.date() == datetime(2026, 3, 9).date()  # noqa: DTZ001
    assert abs(moment - (monday + timedelta(days=7))) <= connections.SPREAD
    # Whatever has passed meanwhile, one time is next: after it the one a week later.
    later = connections.next_sync(connection, after=moment)
    assert later == moment + timedelta(days=7)


def test_its_hour_stays_when_clocks_are_changed(server: Deployment, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    winter = datetime(2026, 3, 23, 14, tzinfo=ZoneInfo("Europe/Berlin"))
    connection = connected(server, at=winter)
    before = connections.next_sync(connection, after=winter - timedelta(hours=2))
    after = connections.next_sync(connection, after=winter + timedelta(days=1))
    assert before is not None
    assert after is not None
    assert after - before == timedelta(days=7, hours=-1)  # the clocks went forward in between
    assert before.astimezone(ZoneInfo("Europe/Berlin")).time() == after.astimezone(ZoneInfo("Europe/Berlin")).time()


def test_it_can_sync_daily_or_never_by_itself(server: Deployment) -> None:
    now = timezone.now()
    connection = connected(server, at=now)
    connections.set_schedule(connection, Schedule.DAILY)
    assert connection.next_sync_at is not None
    assert now < connection.next_sync_at <= now + timedelta(days=1, hours=1)
    connections.set_schedule(connection, Schedule.OFF)
    assert connection.next_sync_at is None
    assert connections.due() == []


def test_many_that_were_connected_together_dont_start_together(enterprise: Enterprise) -> None:
    now = timezone.now()
    moments = set()
    for number in range(50):
        connection = connected(deployments.server_named(enterprise, f"ghes-{number}.octo.example"), at=now)
        moments.add(connection.next_sync_at)
    assert len(moments) == 50
    assert None not in moments


def test_a_sync_that_is_due_is_taken_once_and_counts_once(server: Deployment) -> None:
    connection = connected(server, at=timezone.now() - timedelta(days=40))
    missed = timezone.now() - timedelta(days=30)  # the scheduler was down: four times have passed
    Connection.objects.update(next_sync_at=missed)
    [first], [second] = connections.due(), connections.due()  # two schedulers look at the same time
    assert connections.take(first)
    assert not connections.take(second)
    assert connections.due() == []
    connection.refresh_from_db()
    assert connection.next_sync_at is not None
    assert connection.next_sync_at > timezone.now()


def test_a_clock_that_was_ahead_once_stops_no_schedule(server: Deployment) -> None:
    connection = connected(server, at=timezone.now() - timedelta(days=40))
    assert connections.due() == []
    Connection.objects.update(next_sync_at=timezone.now() + timedelta(days=9 * 365))
    [due] = connections.due()
    assert connections.take(due)
    connection.refresh_from_db()
    assert connection.next_sync_at is not None
    assert connection.next_sync_at < timezone.now() + timedelta(days=8)


def test_to_disconnect_keeps_the_deployment(server: Deployment) -> None:
    connections.disconnect(connected(server))
    server.refresh_from_db()
    assert not Connection.objects.exists()
