"""A proxy that asks the company's identity provider, as its headers look here."""

from typing import Any

import pytest
from django.test import Client

from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Membership, Role
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.people import PASSWORD, SignedIn

pytestmark = pytest.mark.django_db

SECRET = "of the proxy and of nobody else 32"


@pytest.fixture(autouse=True)
def behind_single_sign_on(settings: Any) -> None:
    settings.SSO_HEADER, settings.SSO_SECRET = "X-Forwarded-Email", SECRET


def through_proxy(email: str, secret: str = SECRET) -> Client:
    """The browser of whoever the proxy has signed in."""
    return Client(headers={"X-Forwarded-Email": email, "X-SSO-Secret": secret})


def name_proxy_says(browser: Client, email: str) -> None:
    browser.defaults["HTTP_X_FORWARDED_EMAIL"] = email


def who_is(browser: Client) -> str:
    """The e-mail on the account page, "" where it leads to the door."""
    answer = browser.get("/account")
    return str(answer.context["user"].email) if answer.status_code == 200 else ""


def test_whom_the_proxy_names_is_signed_in(owner: User, enterprise: Enterprise) -> None:
    browser = through_proxy("Owner@Octo.example ")
    assert browser.get("/enterprises/octo-industries/settings/license").status_code == 200
    assert who_is(browser) == owner.email
    assert browser.get("/sign-in?next=/account").headers["Location"] == "/account"


@pytest.mark.parametrize("secret", ["", "guessed", SECRET + "x", "\xe9"])
def test_whoever_is_not_the_proxy_names_nobody(owner: User, secret: str) -> None:
    browser = through_proxy(owner.email, secret)
    assert who_is(browser) == ""
    assert "single sign-on" not in browser.get("/sign-in").content.decode()


def test_without_the_setting_the_header_is_nothing(owner: User, settings: Any) -> None:
    settings.SSO_HEADER = settings.SSO_SECRET = ""
    assert who_is(through_proxy(owner.email, "")) == ""


def test_somebody_without_an_account_is_told_whom_to_ask(enterprise: Enterprise) -> None:
    browser = through_proxy("<new>@octo.example")
    assert browser.get("/account").status_code == 302
    html = browser.get("/sign-in").content.decode()
    assert "Your single sign-on says that you are &lt;new&gt;@octo.example. Nobody has that address here" in html
    assert not User.objects.filter(email__contains="new").exists()


def test_a_session_is_of_whom_the_proxy_names_now(owner: User, billing_manager: User) -> None:
    browser = through_proxy(owner.email)
    assert who_is(browser) == owner.email
    name_proxy_says(browser, billing_manager.email)
    assert who_is(browser) == billing_manager.email
    name_proxy_says(browser, "nobody@octo.example")
    assert who_is(browser) == ""


def test_a_session_ends_with_that_of_the_proxy(owner: User) -> None:
    browser = through_proxy(owner.email)
    assert who_is(browser) == owner.email
    name_proxy_says(browser, "")
    assert who_is(browser) == ""


def test_an_account_that_was_closed_does_not_come_in(owner: User) -> None:
    browser = through_proxy(owner.email)
    assert who_is(browser) == owner.email
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert who_is(browser) == ""
    assert who_is(through_proxy(owner.email)) == ""


def test_a_password_still_lets_in_who_comes_past_the_proxy(owner: User) -> None:
    browser = Client()
    browser.post("/sign-in", {"username": owner.email, "password": PASSWORD})
    assert who_is(browser) == owner.email


def test_scripts_come_with_a_token_whatever_the_proxy_says(owner: User, enterprise: Enterprise) -> None:
    answer = through_proxy(owner.email).get("/api/v3/enterprises/octo-industries/consumed-licenses")
    assert answer.status_code == 401
    assert not answer.cookies


def test_an_invitation_makes_an_account_without_a_password(enterprise: Enterprise, owner: User) -> None:
    _invitation, token = services.invite(
        enterprise=enterprise, email="ana@octo.example", role=Role.BILLING_MANAGER, invited_by=owner
    )
    of_other = through_proxy("eve@octo.example").get(f"/invitations/{token}").content.decode()
    assert "you are signed in as" in of_other
    assert "eve<wbr>@octo.example" in of_other
    assert "Sign out" not in of_other, "the proxy would name her again"
    through_proxy("eve@octo.example").post(f"/invitations/{token}")
    assert not User.objects.filter(email__in=("ana@octo.example", "eve@octo.example")).exists()

    browser = through_proxy("ana@octo.example")
    html = browser.get(f"/invitations/{token}").content.decode()
    assert "Join" in html
    assert "password" not in html.lower()
    assert browser.post(f"/invitations/{token}").status_code == 302
    assert who_is(browser) == "ana@octo.example"
    assert Membership.objects.get(user__email="ana@octo.example").role == Role.BILLING_MANAGER
    assert through_proxy("ana@octo.example").get(f"/invitations/{token}").status_code == 410


def test_who_has_an_account_joins_with_it(enterprise: Enterprise, owner: User) -> None:
    known = create_user(email="known@octo.example", password=PASSWORD)
    _invitation, token = services.invite(enterprise=enterprise, email=known.email, role=Role.OWNER, invited_by=owner)
    assert through_proxy(known.email).post(f"/invitations/{token}").status_code == 302
    assert Membership.objects.filter(user=known, enterprise=enterprise).exists()


def test_without_a_password_there_is_none_to_change_or_to_confirm_with(db: None) -> None:
    create_user(email="ana@octo.example")
    browser = through_proxy("ana@octo.example")
    html = browser.get("/account").content.decode()
    assert "You have no password" in html
    assert 'type="password"' not in html
    assert "This is not your e-mail." in browser.post("/account/delete", {"typed": "x"}).content.decode()
    assert browser.post("/account/delete", {"typed": "Ana@octo.example"}).status_code == 302
    assert not User.objects.exists()


def test_signing_out_leads_to_where_the_proxy_does(owner: User, settings: Any, signed_in: SignedIn) -> None:
    browser = through_proxy(owner.email)
    assert "Sign out" not in browser.get("/account").content.decode()
    settings.SSO_SIGN_OUT_URL = "https://sso.octo.example/sign-out"
    assert "Sign out" in browser.get("/account").content.decode()
    assert browser.post("/sign-out").headers["Location"] == "https://sso.octo.example/sign-out"
    unknown = through_proxy("eve@octo.example").post("/sign-out", {"next": "/account"})
    assert unknown.headers["Location"] == "https://sso.octo.example/sign-out"
    assert signed_in(owner).post("/sign-out").headers["Location"] == "/sign-in"
