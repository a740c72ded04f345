"""Requests that can't be answered get a page, whatever is broken of them."""

import pytest
from django.test import Client

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("kind", [f"{FORM}; charset=utf-16", f"{FORM}; charset=idna", "multipart/form-data"])
@pytest.mark.parametrize(("path", "status"), [("/sign-in", 400), ("/nothing", 404)])
def test_a_body_that_breaks_whoever_looks_at_it(db: None, kind: str, path: str, status: int) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.cookies["licensesync-csrf"] = "K" * 32
    answer = client.generic("POST", path, b"a=b", content_type=kind)
    assert answer.status_code in (status, 403)
    assert "default-src" in answer["Content-Security-Policy"]


def test_a_host_that_is_not_ours(client: Client, db: None) -> None:
    answer = client.get("/sign-in", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "can’t be understood" in answer.content.decode()
