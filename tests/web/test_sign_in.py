"""Signing in, and being kept from trying for ever."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise
from licensesync.flows import forget
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.people import PASSWORD, SignedIn

ELSEWHERE = ["https://evil.example/", "//evil.example", "javascript:alert(1)", "nowhere", "account"]


def try_to_sign_in(client: Client, email: str, password: str = "wrong") -> tuple[int, str]:
    answer = client.post("/sign-in", {"username": email, "password": password})
    return answer.status_code, answer.content.decode()


def test_in_any_case_of_letters(client: Client, owner: User, enterprise: Enterprise) -> None:
    assert try_to_sign_in(client, " Owner@Octo.Example", PASSWORD)[0] == 302
    assert client.get("/account").status_code == 200


def test_goes_on_where_the_reader_wanted_to_go(client: Client, owner: User) -> None:
    data = {"username": owner.email, "password": PASSWORD, "next": "/account"}
    assert client.post("/sign-in", data)["Location"] == "/account"


def test_after_a_wrong_password_that_one_is_typed_again(client: Client, owner: User) -> None:
    focused = r"<input[^>]* name=\"(\w+)\"[^>]* autofocus"
    assert re.findall(focused, client.get("/sign-in").content.decode()) == ["username"]
    assert re.findall(focused, try_to_sign_in(client, owner.email)[1]) == ["password"]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_never_leads_elsewhere(client: Client, owner: User, target: str) -> None:
    data = {"username": owner.email, "password": PASSWORD, "next": target}
    assert client.post("/sign-in", data)["Location"] == "/"


@pytest.mark.parametrize("email", ["owner@octo.example", "nobody@octo.example"])
def test_says_how_many_tries_are_left_and_then_locks_for_known_and_unknown_alike(
    client: Client, owner: User, email: str
) -> None:
    for left in ("4 tries", "3 tries", "2 tries", "1 try"):
        status, page = try_to_sign_in(client, email)
        assert status == 200
        assert f"belong together. {left} left." in page
    status, page = try_to_sign_in(client, email)
    assert status == 429
    assert "Wait 15 minutes" in page
    assert client.post("/sign-in", {"username": email, "password": "no"})["Retry-After"] == "900"
    assert try_to_sign_in(client, email, PASSWORD)[0] == 429


def test_the_log_says_that_it_failed_and_not_who(client: Client, owner: User, caplog: pytest.LogCaptureFixture) -> None:
    for _try in range(6):
        try_to_sign_in(client, owner.email)
    events = [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]
    assert events.count("sign_in_failed") == 6
    assert "sign_in_locked_out" in events
    assert owner.email not in caplog.text


def test_another_spelling_gives_no_further_tries(client: Client, owner: User) -> None:
    for spelling in ("owner@octo.example", "OWNER@octo.example", "Owner@Octo.example", " owner@octo.example"):
        try_to_sign_in(client, spelling)
    assert try_to_sign_in(client, "owner@octo.EXAMPLE")[0] == 429


def test_others_sign_in_meanwhile(client: Client, owner: User, stranger: User) -> None:
    for _ in range(5):
        try_to_sign_in(client, owner.email)
    assert try_to_sign_in(client, stranger.email, PASSWORD)[0] == 302


def test_says_so_while_nobody_can(client: Client, db: None) -> None:
    assert "Nobody can sign in yet" in client.get("/sign-in").content.decode()


def test_home_leads_to_the_only_enterprise_else_to_the_list_else_to_a_new_one(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, billing_manager: User
) -> None:
    assert signed_in(owner).get("/")["Location"].startswith("/enterprises/octo-industries/")
    services.create_enterprise(owner=owner, slug="second", name="Second", license_model="metered")
    assert signed_in(owner).get("/")["Location"] == "/enterprises"
    newcomer = create_user(email="newcomer@octo.example")
    assert signed_in(newcomer).get("/")["Location"] == "/enterprises"
    newcomer.is_superuser = True
    newcomer.save()
    assert signed_in(newcomer).get("/")["Location"] == "/enterprises/new"


def test_the_list_names_only_ones_own(signed_in: SignedIn, owner: User, enterprise: Enterprise, stranger: User) -> None:
    page = signed_in(owner).get("/enterprises").content.decode()
    assert "Octo Industries" in page
    assert "Hubot Labs" not in page


def test_behind_a_proxy_one_address_locks_no_other_out(owner: User, settings: Any) -> None:
    settings.BEHIND_PROXY = True
    guesser = Client(headers={"X-Forwarded-For": "10.9.9.9, 192.0.2.1"})
    at_home = Client(headers={"X-Forwarded-For": "10.9.9.9, 192.0.2.2"})
    for _ in range(settings.AXES_FAILURE_LIMIT):
        status, _page = try_to_sign_in(guesser, owner.email)
    assert status == 429
    assert try_to_sign_in(at_home, owner.email, PASSWORD)[0] == 302


@pytest.mark.parametrize("noted", ["192.0.2.1:{}", "[2001:db8::1]:{}"])
def test_a_proxy_may_note_the_port_of_each_try(owner: User, settings: Any, noted: str) -> None:
    settings.BEHIND_PROXY = True
    clients = [Client(headers={"X-Forwarded-For": noted.format(port)}) for port in range(4711, 4717)]
    assert [try_to_sign_in(client, owner.email)[0] for client in clients] == [200] * 4 + [429] * 2


def test_of_a_failed_try_neither_address_nor_browser_nor_form_is_kept_and_nothing_for_long(
    client: Client, signed_in: SignedIn, owner: User, settings: Any
) -> None:
    secret = {"password": "se-cret", "old_password": "se-cret", "new_password1": "se-cret", "new_password2": "se-cret"}
    facts: dict[str, Any] = {"REMOTE_ADDR": "192.0.2.77", "HTTP_USER_AGENT": "Agent/7", "HTTP_ACCEPT": "text/agent"}
    client.post("/sign-in?next=/agent", {"username": owner.email, "next": "/agent", **secret}, **facts)
    signed_in(owner).post("/account", secret, **facts)
    attempt = AccessAttempt.objects.get()
    assert attempt.failures_since_start == 2
    assert attempt.ip_address.startswith("fd")
    kept = " ".join(str(value) for value in vars(attempt).values())
    assert not [word for word in ("192.0.2.77", "gent", "se-cret") if word in kept]
    forget.forget_old()
    assert AccessAttempt.objects.exists()
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    forget.forget_old()
    assert not AccessAttempt.objects.exists()


def test_another_address_of_the_same_network_gives_no_further_tries(owner: User) -> None:
    """Whoever has an IPv6 address has 2^64 of them. An IPv4 address written as one stays an address."""
    tried = [try_to_sign_in(Client(REMOTE_ADDR=f"2001:db8:1:2::{number:x}"), owner.email)[0] for number in range(6)]
    assert tried == [200] * 4 + [429] * 2
    assert try_to_sign_in(Client(REMOTE_ADDR="2001:db8:1:3::1"), owner.email)[0] == 200
    mapped = [try_to_sign_in(Client(REMOTE_ADDR=f"::ffff:203.0.113.{number}"), owner.email)[0] for number in range(6)]
    assert mapped == [200] * 6
