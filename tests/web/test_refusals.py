"""Requests that can't be answered get a page, whatever is broken of them."""

import os
from contextlib import closing

import pytest
from django.db import connection
from django.test import Client

from licensesync.users.models import User
from tests.flows.workers import cut_off
from tests.people import PASSWORD, SignedIn

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("kind", [f"{FORM}; charset=utf-16", f"{FORM}; charset=idna", "multipart/form-data"])
@pytest.mark.parametrize(("path", "status"), [("/sign-in", 400), ("/nothing", 404)])
def test_a_body_that_breaks_whoever_looks_at_it(db: None, kind: str, path: str, status: int) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies["licensesync-csrf"] = "K" * 32
    answer = client.generic("POST", path, b"a=b", content_type=kind)
    assert answer.status_code in (status, 403)
    assert "default-src" in answer["Content-Security-Policy"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite does not go away")
@pytest.mark.parametrize("path", ["/enterprises", "/api/v3/enterprises/octo-industries/consumed-licenses"])
def test_a_database_that_goes_away_is_back_soon(signed_in: SignedIn, owner: User, path: str) -> None:
    client = signed_in(owner)
    client.raise_request_exception = False
    headers = {"Authorization": "Bearer lsy_of-nobody"} if "/api/" in path else {}
    cut_off()
    answer = client.get(path, headers=headers)
    connection.close()
    assert (answer.status_code, int(answer["Retry-After"]) > 0) == (503, True)
    assert client.get(path, headers=headers).status_code in (200, 401), "it is"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite has no standby")
def test_a_database_that_takes_no_changes_takes_some_soon(client: Client, owner: User) -> None:
    client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    typed = {"username": owner.email, "password": PASSWORD}
    answer = client.post("/sign-in", typed)
    connection.close()
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert client.post("/sign-in", typed).status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="SQLite is read while somebody writes")
@pytest.mark.parametrize("bound", ["lock_timeout", "statement_timeout"])
@pytest.mark.parametrize("path", ["/enterprises", "/api/v3/enterprises/octo-industries/consumed-licenses"])
def test_a_table_that_somebody_holds_is_free_again_soon(
    signed_in: SignedIn, owner: User, path: str, bound: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in(owner)
    client.raise_request_exception = False
    headers = {"Authorization": "Bearer lsy_of-nobody"} if "/api/" in path else {}
    with closing(connection.copy()) as other, other.cursor() as somebody, connection.cursor() as ours:
        somebody.execute("BEGIN")
        somebody.execute("LOCK TABLE users_user, enterprises_apitoken IN ACCESS EXCLUSIVE MODE")
        ours.execute(f"SET {bound} = 200")
        answer = client.get(path, headers=headers)
        ours.execute(f"RESET {bound}")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "Traceback" not in caplog.text
    assert bound.replace("_timeout", " timeout") in caplog.text
    assert client.get(path, headers=headers).status_code in (200, 401), "it is"


def test_a_host_that_is_not_ours(client: Client, db: None) -> None:
    answer = client.get("/sign-in", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "can’t be understood" in answer.content.decode()
