"""API tokens in the browser: made, shown once, used, seen by whom, revoked."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from licensesync.enterprises import services, tokens
from licensesync.enterprises.deployments import server_named
from licensesync.enterprises.models import ApiToken, Enterprise, Membership, Role
from licensesync.enterprises.secrets import unseal
from licensesync.users.models import User
from licensesync.users.services import sha256
from licensesync.web import once
from tests.people import SignedIn

pytestmark = pytest.mark.django_db

TOKENS = "/enterprises/octo-industries/settings/tokens"
LICENSES = "/api/v3/enterprises/octo-industries/consumed-licenses"


def make(browser: Client, *scopes: str, days: str = "90") -> str:
    """The secret of a new token."""
    made = browser.post(TOKENS, {"name": "report", "scopes": scopes, "days": days})
    assert (made.status_code, made["Location"]) == (302, TOKENS)
    answer = browser.get(TOKENS)
    assert answer["Cache-Control"] == "no-store"
    found = re.search(r'value="(lsy_[0-9a-f]{40})"', answer.content.decode())
    assert found, answer.content.decode()
    return found[1]


def status(secret: str) -> int:
    return Client(headers={"Authorization": f"Bearer {secret}"}).get(LICENSES).status_code


def test_a_token_is_shown_once_works_and_is_revoked(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    browser = signed_in(owner)
    assert "No token yet" in browser.get(TOKENS).content.decode()
    secret = make(browser, "read:enterprise", "write:usage")
    token = ApiToken.objects.get()
    assert token.token_hash == sha256(secret)
    assert (token.name, token.scopes, token.owner) == ("report", ["read:enterprise", "write:usage"], owner)
    assert token.expires_at is not None
    assert abs(token.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=5)
    page = browser.get(TOKENS).content.decode()
    assert "lsy_" not in page
    assert "Never" in page
    assert status(secret) == 200
    assert "just now" in browser.get(TOKENS).content.decode()
    url = f"{TOKENS}/{token.pk}/revoke"
    question = "Revoke the token “report”?"
    assert question in browser.get(url).content.decode()
    dialog = browser.get(url, HTTP_HX_REQUEST="true").content.decode()
    assert question in dialog
    assert "<html" not in dialog
    assert status(secret) == 200
    assert "no longer works" in browser.post(url, follow=True).content.decode()
    assert status(secret) == 401


def test_on_its_way_to_the_page_a_secret_is_sealed_and_for_that_page_and_person_only(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser = signed_in(owner)
    made = browser.post(TOKENS, {"name": "report", "scopes": ["read:enterprise"], "days": "90"})
    cookie = made.cookies[once.COOKIE_NAME]
    assert "lsy_" not in made.content.decode() + str(made.headers) + str(made.cookies)
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", once.SECONDS)
    assert ApiToken.objects.get().token_hash == sha256(unseal(cookie.value)[-44:])

    def shown_to(person: User, page: str, sealed: str) -> bool:
        other = signed_in(person)
        other.cookies[once.COOKIE_NAME] = sealed
        answer = other.get(page)
        assert answer.status_code == 200
        return "lsy_" in answer.content.decode()

    server = server_named(enterprise, "ghes.octo.example")
    push = f"/enterprises/octo-industries/settings/instances/{server.pk}/push"
    assert not shown_to(billing_manager, TOKENS, cookie.value)
    assert not shown_to(owner, push, cookie.value)
    assert not shown_to(owner, TOKENS, cookie.value[:-8])
    assert not shown_to(owner, TOKENS, "é")
    assert shown_to(owner, TOKENS, cookie.value)
    browser.get(TOKENS)
    assert browser.cookies[once.COOKIE_NAME].value == ""
    assert "lsy_" not in browser.get(TOKENS).content.decode()
    assert ApiToken.objects.count() == 1


def test_a_token_without_an_end_and_one_that_has_run_out(
    signed_in: SignedIn, owner: User, enterprise: Enterprise
) -> None:
    browser = signed_in(owner)
    secret = make(browser, "read:enterprise", days="")
    assert ApiToken.objects.get().expires_at is None
    assert "Never" in browser.get(TOKENS).content.decode()
    ApiToken.objects.update(expires_at=timezone.now())
    assert "Expired" in browser.get(TOKENS).content.decode()
    assert status(secret) == 401


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "", "scopes": ["read:enterprise"], "days": "30"}, "Give the token a name."),
        ({"name": "report", "days": "30"}, "Choose at least one scope."),
        ({"name": "report", "scopes": ["made:up"], "days": "30"}, "made:up"),
        ({"name": "report", "scopes": ["read:enterprise"], "days": "5000"}, "5000"),
    ],
)
def test_what_can_not_be_is_said_beside_its_field(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, typed: dict[str, str | list[str]], said: str
) -> None:
    assert said in signed_in(owner).post(TOKENS, typed).content.decode()
    assert not ApiToken.objects.exists()


def test_a_billing_manager_makes_tokens_that_read_and_sees_no_others(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    theirs, _secret = tokens.create_api_token(enterprise=enterprise, owner=owner, name="of-the-owner", scopes=[])
    browser = signed_in(billing_manager)
    refused = browser.post(TOKENS, {"name": "more", "scopes": ["admin:enterprise"], "days": "30"})
    assert "admin:enterprise is not one of the available choices" in refused.content.decode()
    secret = make(browser, "read:enterprise")
    page = browser.get(TOKENS).content.decode()
    assert "report" in page
    assert "of-the-owner" not in page
    assert browser.post(f"{TOKENS}/{theirs.pk}/revoke").status_code == 404
    page = signed_in(owner).get(TOKENS).content.decode()
    assert "report" in page
    assert "of-the-owner" in page
    assert status(secret) == 200


def test_a_token_never_exceeds_its_owners_role_and_dies_with_it(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    membership = Membership.objects.get(user=billing_manager)
    services.change_role(membership=membership, role=Role.OWNER)
    secret = make(signed_in(billing_manager), "admin:enterprise")
    deliver = "/api/v3/enterprises/octo-industries/usage"
    script = Client(headers={"Authorization": f"Bearer {secret}"})
    assert script.post(deliver, b"{}", content_type="application/json").status_code == 202
    services.change_role(membership=membership, role=Role.BILLING_MANAGER)
    assert script.post(deliver, b"{}", content_type="application/json").status_code == 403
    assert status(secret) == 200
    services.remove_member(membership=membership)
    assert status(secret) == 401
    assert not ApiToken.objects.exists()
