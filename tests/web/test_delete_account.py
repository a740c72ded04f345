"""Somebody deletes their own account."""

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from licensesync.enterprises import tokens
from licensesync.enterprises.models import ApiToken, Enterprise, Membership, Role
from licensesync.enterprises.services import add_member, delete_account
from licensesync.errors import ExpectedError
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.people import PASSWORD, SignedIn

pytestmark = pytest.mark.django_db

PAGE = "/account/delete"


def test_whoever_knows_the_password_is_gone_and_signed_out(
    signed_in: SignedIn, enterprise: Enterprise, billing_manager: User
) -> None:
    tokens.create_api_token(enterprise=enterprise, owner=billing_manager, name="script", scopes=[])
    browser = signed_in(billing_manager)
    assert PAGE in browser.get("/account").content.decode()
    html = browser.get(PAGE).content.decode()
    assert "You leave: Octo Industries." in html
    assert "This is not your password." in browser.post(PAGE, {"password": "wrong"}).content.decode()
    assert User.objects.filter(pk=billing_manager.pk).exists()
    answer = browser.post(PAGE, {"password": PASSWORD}, follow=True)
    assert "Your account is deleted." in answer.content.decode()
    assert not User.objects.filter(email="billing@octo.example").exists()
    assert not ApiToken.objects.exists()
    assert browser.get("/account").status_code == 302
    assert Membership.objects.filter(enterprise=enterprise).count() == 1


def test_its_password_is_guessed_no_more_often_than_at_the_door(
    signed_in: SignedIn, billing_manager: User, settings: Settings
) -> None:
    browser = signed_in(billing_manager)
    guesses = [browser.post(PAGE, {"password": "guess"}) for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert [answer.status_code for answer in guesses] == [200] * (settings.AXES_FAILURE_LIMIT - 1) + [429]
    assert browser.post(PAGE, {"password": PASSWORD}).status_code == 429
    assert User.objects.filter(pk=billing_manager.pk).exists()


def test_the_last_owner_stays(signed_in: SignedIn, enterprise: Enterprise, owner: User) -> None:
    html = signed_in(owner).post(PAGE, {"password": PASSWORD}).content.decode()
    assert "owner@octo.example is the last owner of Octo Industries. Nothing was changed." in html
    assert Membership.objects.filter(user=owner, role=Role.OWNER).exists()
    add_member(enterprise=enterprise, user=create_user(email="second@octo.example", password=PASSWORD), role=Role.OWNER)
    delete_account(owner)
    assert Membership.objects.get(enterprise=enterprise).user.email == "second@octo.example"


def test_whoever_operates_it_deletes_any(enterprise: Enterprise, owner: User, billing_manager: User) -> None:
    with pytest.raises(CommandError, match=r"--confirm x is not billing@octo\.example"):
        call_command("delete_account", billing_manager.email, confirm="x")
    call_command("delete_account", billing_manager.email, confirm=billing_manager.email)
    assert not User.objects.filter(email="billing@octo.example").exists()
    with pytest.raises(CommandError, match="Nobody signs in here as billing@"):
        call_command("delete_account", "billing@octo.example", confirm="billing@octo.example")
    with pytest.raises(CommandError, match="the last owner of Octo Industries"):
        call_command("delete_account", owner.email, confirm=owner.email)


def test_nobody_leaves_some_enterprises_and_not_the_others(enterprise: Enterprise, stranger: User) -> None:
    """One of whose enterprises has no other owner keeps all memberships."""
    add_member(enterprise=enterprise, user=stranger, role=Role.OWNER)
    with pytest.raises(ExpectedError, match="the last owner of Hubot Labs"):
        delete_account(stranger)
    assert Membership.objects.filter(user=stranger).count() == 2


def test_the_last_operator_stays(owner: User) -> None:
    first = create_user(email="operator@octo.example", password=PASSWORD, is_operator=True)
    with pytest.raises(ExpectedError, match="the only one who sees how it is"):
        delete_account(first)
    create_user(email="another@octo.example", password=PASSWORD, is_operator=True)
    delete_account(first)
    assert not User.objects.filter(pk=first.pk).exists()
