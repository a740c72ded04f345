"""What is found, what is said about it, and that strangers hear nothing of it."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from celery import current_app
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.enterprises.secrets import seal
from licensesync.flows import queue
from licensesync.operations import health, services
from licensesync.operations.models import Seen
from licensesync.syncing.models import JobState, LicenseSyncJob
from licensesync.users.models import User
from tests.flows.workers import together, wait_for
from tests.people import SignedIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def all_well() -> None:
    services.note_seen("worker@one", queues=queue.OF_JOBS, just_started=True)
    services.note_seen("upkeep@one", queues=queue.OF_SMALL_THINGS, just_started=True)
    services.note_seen(services.SCHEDULER)


def wrong() -> dict[str, str]:
    """What to do, by the title of what is wrong."""
    return {str(each.title): each.fix for each in health.findings() if not each.ok}


def doctor() -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except SystemExit as error:
        return int(str(error.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.usefixtures("all_well")
def test_all_is_well() -> None:
    assert wrong() == {}
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"ready\n")
    code, said = doctor()
    assert code == 0
    assert "worker@one" in said
    assert "WRONG" not in said


def test_nobody_works() -> None:
    assert set(wrong()) == {"Workers", "Scheduler"}
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"not ready\n")
    code, said = doctor()
    assert code == 1
    assert "To do: Start LicenseSync: manage.py up\n" in said


@pytest.mark.usefixtures("all_well")
@pytest.mark.parametrize(
    ("name", "title", "part"),
    [
        ("worker@one", "Workers", "--only worker"),
        ("upkeep@one", "Workers", "--only upkeep"),
        (services.SCHEDULER, "Scheduler", "--only scheduler"),
    ],
)
def test_who_was_not_seen_for_a_minute_is_not_there(name: str, title: str, part: str) -> None:
    Seen.objects.filter(name=name).update(seen_at=timezone.now() - timedelta(seconds=61))
    assert part in wrong()[title]
    services.note_seen(name, queues=queue.QUEUES)
    assert wrong() == {}


@pytest.mark.usefixtures("all_well")
def test_a_missing_migration() -> None:
    MigrationRecorder.Migration.objects.filter(app="operations").delete()
    assert wrong() == {"Migrations": "Run manage.py migrate."}


@pytest.mark.usefixtures("all_well")
def test_tables_of_a_newer_version() -> None:
    MigrationRecorder.Migration.objects.create(app="operations", name="0099_later")
    assert wrong() == {"Migrations": "Install that version; the way back is a backup from before."}
    with pytest.raises(CommandError, match=r"of a newer version \(which has operations 0099_later\)"):
        call_command("migrate", verbosity=0)
    MigrationRecorder.Migration.objects.filter(name="0099_later").delete()
    MigrationRecorder.Migration.objects.create(app="axes", name="0001_squashed_and_gone")
    assert wrong() == {}, "a library may drop old ones"


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite has no standby")
@pytest.mark.usefixtures("all_well")
def test_a_database_that_takes_no_changes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET transaction_read_only = on")
    assert health.missing() == ["Database"]
    assert "takes no changes" in doctor()[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite has no locks to be seen")
@pytest.mark.usefixtures("all_well")
def test_who_keeps_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LONGEST_LOCK", timedelta())
    assert "Locks" not in wrong()
    with closing(connection.copy()) as other, other.cursor() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("LOCK TABLE enterprises_enterprise IN ACCESS EXCLUSIVE MODE")
        pid = somebody.connection.info.backend_pid
        page = threading.Thread(target=together, args=(Enterprise.objects.first,))
        page.start()
        wait_for(lambda: "Locks" in wrong())
        code, said = doctor()
        assert code == 1
        assert f"Process {pid} of PostgreSQL (" in said
        assert "holds what 1 other waits for.\n       To do: End its transaction" in said
    page.join()
    assert "Locks" not in wrong()


@pytest.mark.usefixtures("all_well")
def test_tokens_that_no_key_opens(settings: Any) -> None:
    deployment = Deployment.objects.create(
        enterprise=Enterprise.objects.create(slug="keys", name="Keys"), kind="server", host="ghes.example"
    )
    Connection.objects.create(deployment=deployment, url="https://ghes.example", sealed_token=seal("token"))
    assert wrong() == {}
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert set(wrong()) == {"Encryption keys"}
    assert Client().get("/readyz").status_code == 200, "pages and files go on without"
    Connection.objects.update(sealed_token=seal("token"))
    assert wrong() == {}
    Connection.objects.update(sealed_proxy="not sealed by it")
    assert set(wrong()) == {"Encryption keys"}


@pytest.mark.usefixtures("all_well")
def test_a_full_disk(settings: Any) -> None:
    settings.DISK_RESERVE_MB = 10**9
    assert "LICENSESYNC_DISK_RESERVE_MB" in wrong()["Disk"]


@contextmanager
def unreachable_queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setitem(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
        patch.setitem(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
        yield


@pytest.mark.usefixtures("all_well")
@pytest.mark.parametrize(
    ("waiting", "said"), [(0, "0 messages wait."), (1, "1 message waits."), (2, "2 messages wait.")]
)
def test_how_many_messages_wait(waiting: int, said: str) -> None:
    current_app.control.purge()
    for _ in range(waiting):
        current_app.send_task("tests.nobody_does_this", queue=queue.SHORT)
    try:
        assert f"It answers; {said}" in doctor()[1]
    finally:
        current_app.control.purge()


@pytest.mark.usefixtures("all_well")
@pytest.mark.parametrize(
    ("missing", "said"), [(1, "1 change of the tables is missing."), (2, "2 changes of the tables are missing.")]
)
def test_how_many_migrations_are_missing(missing: int, said: str) -> None:
    recorder = MigrationRecorder(connections["default"])
    for app, name in MigrationExecutor(connections["default"]).loader.graph.leaf_nodes()[:missing]:
        recorder.record_unapplied(app, name)  # it is rolled back with the test
    assert said in [str(each.says) for each in health.findings()]


@pytest.mark.usefixtures("all_well")
def test_the_queue_does_not_answer_and_does_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with unreachable_queue(monkeypatch):
        assert set(wrong()) == {"Queue"}
        answer = Client().get("/readyz")
        assert (answer.status_code, answer.content) == (503, b"not ready\n")
        assert "'missing': ['Queue']" in caplog.text
    assert Client().get("/readyz").status_code == 200


@pytest.mark.usefixtures("all_well")
def test_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_more: Any) -> Any:
        raise DatabaseError("connection refused")

    monkeypatch.setattr(connections["default"], "cursor", refuse)
    monkeypatch.setattr(connections["default"], "close", lambda: None)
    found = {str(each.title): each.ok for each in health.findings()}
    assert found == {"Database": False, "Queue": True, "Disk": True}
    assert Client().get("/readyz").status_code == 503
    assert Client().get("/healthz").status_code == 200, "the process answers all the same"


@pytest.mark.usefixtures("all_well")
def test_the_page_is_for_superusers_and_names_nobody(
    enterprise: Enterprise, signed_in: SignedIn, owner: User, stranger: User
) -> None:
    deployment = Deployment.objects.create(enterprise=enterprise, kind="server", host="ghes.octo.example")
    job = LicenseSyncJob.objects.create(
        deployment=deployment,
        kind="file",
        trigger="uploaded",
        state=JobState.FAILURE,
        problem_code="disk_full",
        finished_at=timezone.now(),
    )
    assert signed_in(owner).get("/operations").status_code == 404
    stranger.is_superuser = True
    stranger.save()
    page = signed_in(stranger).get("/operations")
    text = page.content.decode()
    assert f"Job {job.pk}" in text
    assert "worker@one" in text
    assert text.count("Fine") == 8
    assert "octo" not in text
    assert 'href="/operations"' in text
    assert 'href="/operations"' not in signed_in(owner).get("/enterprises").content.decode()


def test_a_worker_that_stopped_or_is_long_gone_is_forgotten() -> None:
    services.note_seen("worker@old", queues=queue.QUEUES)
    Seen.objects.update(seen_at=timezone.now() - timedelta(days=2))
    services.note_seen("worker@new", queues=queue.QUEUES, just_started=True)
    assert [each.name for each in Seen.objects.all()] == ["worker@new"]
    services.note_gone("worker@new")
    assert not Seen.objects.exists()
