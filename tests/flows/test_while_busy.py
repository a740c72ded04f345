"""While a large list is taken in, people sign in and read pages: no write transaction is long (SQLite has one lock)."""

import os
import signal
import time
from io import BytesIO

import pytest
from django.db import connection
from django.test import Client, RequestFactory

from licensesync.enterprises.models import Role
from licensesync.enterprises.services import add_member
from licensesync.flows import receive_usage, run_job
from licensesync.syncing.models import JobState
from licensesync.users.services import create_user
from tests.flows.lists import account, new_enterprise, server_export

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNTS = 60_000
PATIENCE = 5.0  # seconds that a program waits for SQLite's lock if nobody tells it to wait longer


def test_people_sign_in_and_see_the_last_figures() -> None:
    enterprise = new_enterprise()
    owner = create_user(email="owner@octo.example", password="correct horse battery")
    add_member(enterprise=enterprise, user=owner, role=Role.OWNER)
    users = (account(number, f"user-{number}@octo.example") for number in range(1, ACCOUNTS + 1))
    file = receive_usage.receive_file(
        BytesIO(server_export(users)), enterprise=enterprise, name="large", uploaded_by=owner
    )
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    job = file.job
    assert job is not None
    connection.close()
    worker = os.fork()
    if worker == 0:
        try:
            run_job.run_job(job.pk)
        finally:
            os._exit(0)
    waits = []
    try:
        while job.state in (JobState.PENDING, JobState.RUNNING):
            waits.append(sign_in_and_look(enterprise.slug))
            job.refresh_from_db()
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    assert (job.state, job.licenses_after) == (JobState.SUCCESS, ACCOUNTS)
    assert len(waits) > 3, "the list was too short to get in anybody's way"
    assert max(waits) < PATIENCE


def sign_in_and_look(slug: str) -> float:
    """Seconds for a sign-in, which writes, and a page."""
    started = time.monotonic()
    client = Client()
    request = RequestFactory().post("/sign-in")  # axes wants to know where it comes from
    assert client.login(request=request, username="owner@octo.example", password="correct horse battery")
    assert client.get(f"/enterprises/{slug}/settings/license").status_code == 200
    return time.monotonic() - started
