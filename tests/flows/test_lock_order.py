"""Whoever locks an enterprise, its deployment, a connection and a job takes them in one order, so that nobody waits for
somebody who waits for them."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensesync import feeds
from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.flows import delete_deployment, sync_now
from licensesync.licenses import services as licenses
from licensesync.syncing import services as syncing
from licensesync.syncing import usage_files
from licensesync.syncing.models import JobKind, Trigger
from licensesync.users.models import User
from tests.flows.workers import together

pytestmark = pytest.mark.django_db(transaction=True)

LOOK = 0.4  # seconds in which the other one comes, who begins half of it later
REACHED: dict[str, Any] = {"url": "https://ghes.octo.example", "token": "t", "login": "ana"}

Lingers = Callable[[Any, str], None]


@pytest.fixture
def lingers(monkeypatch: pytest.MonkeyPatch) -> Lingers:
    """A step after which somebody stands for a moment, with the locks that they have."""

    def linger(module: Any, name: str) -> None:
        original = getattr(module, name)

        def step(*args: Any, **more: Any) -> Any:
            outcome = original(*args, **more)
            time.sleep(LOOK)
            return outcome

        monkeypatch.setattr(module, name, step)

    return linger


def later(work: Callable[[], Any]) -> Callable[[], None]:
    def after_a_moment() -> None:
        time.sleep(LOOK / 2)
        work()

    return after_a_moment


@pytest.fixture
def server(enterprise: Enterprise, owner: User) -> Deployment:
    server = deployments.server_named(enterprise, "ghes.octo.example")
    connections.connect(server, connected_by=owner, **REACHED)
    Connection.objects.update(next_sync_at=timezone.now() - timedelta(minutes=1))
    return server


def attach(server: Deployment) -> Callable[[], bool]:
    """A worker that has fetched a list makes it that of its job."""
    job = syncing.claim(sync_now.request_sync(server, trigger=Trigger.SYNC_NOW).pk)
    assert job is not None
    report = feeds.Recognition(kind=feeds.FeedKind.SERVER_REPORT)
    facts = {"name": "x", "stored_name": "y", "size": 1, "digest": "d", "created_at": timezone.now()}
    return lambda: syncing.attach(job, [(report, facts)])


def test_the_hour_has_come_while_somebody_connects_anew(server: Deployment, owner: User, lingers: Lingers) -> None:
    lingers(connections, "take")
    together(sync_now.request_due, later(lambda: sync_now.connect(server, connected_by=owner, **REACHED)))
    assert server.jobs.count() == 1


def test_somebody_connects_anew_what_is_being_deleted(server: Deployment, owner: User, lingers: Lingers) -> None:
    lingers(connections, "_refuse_other_place")
    together(
        lambda: sync_now.connect(server, connected_by=owner, **REACHED),
        later(lambda: delete_deployment.request_deletion(server, requested_by=owner)),
    )
    assert not Connection.objects.exists()


def test_a_list_is_fetched_of_what_is_being_deleted(server: Deployment, owner: User, lingers: Lingers) -> None:
    work = attach(server)
    lingers(usage_files, "create_fetched")
    together(work, later(lambda: delete_deployment.request_deletion(server, requested_by=owner)))
    assert server.jobs.filter(kind=JobKind.DELETE).exists()


def test_a_list_is_fetched_while_somebody_accepts_that_it_shrinks(server: Deployment, lingers: Lingers) -> None:
    work = attach(server)
    lingers(usage_files, "create_fetched")
    together(work, later(lambda: sync_now.request_sync(server, trigger=Trigger.SYNC_NOW, accept_shrink=True)))
    assert server.jobs.get().accept_shrink


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite has one lock, in short turns")
def test_nobody_waits_for_a_count_that_ends_its_many_changes(server: Deployment, owner: User) -> None:
    """Each of them refers to the enterprise and its deployment, which PostgreSQL looks at for seconds."""
    enterprise = server.enterprise_id
    with closing(connection.copy()) as other, other.cursor() as counting, connection.cursor() as ours:
        counting.execute("BEGIN")
        counting.execute("SET CONSTRAINTS ALL IMMEDIATE")
        counting.execute(
            """INSERT INTO licenses_licensechange
                   (enterprise_id, deployment_id, generation, at, number, kind, name, login)
               VALUES (%s, %s, 1, now(), 1, 'went', '', '')""",
            [enterprise, server.pk],
        )
        ours.execute("SET lock_timeout = 200")
        sync_now.request_sync(server, trigger=Trigger.SYNC_NOW)
        delete_deployment.request_deletion(server, requested_by=owner)
        assert licenses.begin_count(enterprise, owner="another job")
        ours.execute("RESET lock_timeout")
