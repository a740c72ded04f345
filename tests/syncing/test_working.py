"""A worker that is asked to stop while its database is away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.syncing import services as syncing
from licensesync.syncing import working
from licensesync.syncing.models import LicenseSyncJob, Phase
from tests.flows.lists import new_enterprise

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def jobs_away() -> Iterator[None]:
    table = LicenseSyncJob._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


def test_a_job_that_cannot_be_given_back_is_let_go_of(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds it silent takes it up; the heartbeat ends in a line of the log, not in a traceback."""
    settings.HAND_BACK_SECONDS = 0
    fell: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", fell.append)
    deployment = Deployment.objects.create(enterprise=new_enterprise(), kind=DeploymentKind.SERVER, host="a.example")
    claimed = syncing.claim(LicenseSyncJob.objects.create(deployment=deployment, trigger="scheduled", kind="sync").pk)
    assert claimed is not None
    work = working.Work(claimed)
    heartbeat = threading.Thread(target=work.keep_alive)
    try:
        with jobs_away():
            working.stop_soon()
            heartbeat.start()
            heartbeat.join(timeout=20)
    finally:
        working._stopping[0] = 0
    assert not heartbeat.is_alive()
    assert fell == []
    with pytest.raises(working.ClaimLost):
        work.report(Phase.FETCHING, 1, 2)
