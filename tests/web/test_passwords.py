"""One's own password, and links for who forgot it."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from licensesync.enterprises.models import Enterprise, Membership, Scope
from licensesync.enterprises.tokens import create_api_token
from licensesync.flows.mail_password_link import mail_password_link
from licensesync.users.models import PasswordLinkRequest, User
from licensesync.users.services import password_link_path
from tests.people import PASSWORD, SignedIn

NEW = "an entirely new pass 7"
TWICE = {"new_password1": NEW, "new_password2": NEW}


def test_the_page_puts_nobody_into_the_password(signed_in: SignedIn, owner: User) -> None:
    """On a phone the keyboard would cover what else the page is about."""
    assert "autofocus" not in signed_in(owner).get("/account").content.decode()


def test_a_change_signs_out_everywhere_else(signed_in: SignedIn, owner: User) -> None:
    here, elsewhere = signed_in(owner), signed_in(owner)
    answer = here.post("/account", {"old_password": PASSWORD, **TWICE}, follow=True)
    assert "The password is changed" in answer.content.decode()
    assert elsewhere.get("/account").status_code == 302


def test_who_changes_a_password_hears_of_tokens_that_still_work(
    signed_in: SignedIn, enterprise: Enterprise, owner: User
) -> None:
    def is_told() -> bool:
        owner.refresh_from_db()
        answer = Client().post(password_link_path(user=owner), TWICE, follow=True).content.decode()
        assert "The password is changed" in answer
        return "Your API tokens still work" in answer

    assert not is_told()
    over = timezone.now() - timedelta(days=1)
    create_api_token(enterprise=enterprise, owner=owner, name="old", scopes=[Scope.READ], expires_at=over)
    assert not is_told()
    create_api_token(enterprise=enterprise, owner=owner, name="nightly", scopes=[Scope.READ])
    assert is_told()
    owner.refresh_from_db()
    change = {"old_password": NEW, **TWICE}
    assert "Your API tokens still work" in signed_in(owner).post("/account", change, follow=True).content.decode()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("wrong", NEW, "This is not your old password"), (PASSWORD, "short", "at least 12 characters")],
)
def test_a_change_that_is_refused_says_why(signed_in: SignedIn, owner: User, old: str, new: str, words: str) -> None:
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    answer = signed_in(owner).post("/account", data)
    assert words in answer.content.decode()
    assert list(answer.context["form"].errors) == ["old_password" if old == "wrong" else "new_password1"]
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_a_link_sets_the_password_once_and_signs_in(client: Client, owner: User) -> None:
    path = password_link_path(user=owner)
    assert client.post(path, TWICE)["Location"] == "/"
    assert client.get("/account").status_code == 200
    assert client.get(path).status_code == 410


def test_without_mail_the_page_says_whom_to_ask(client: Client, owner: User) -> None:
    assert "manage.py reset_password" in client.get("/password/forgot").content.decode()


def test_the_page_says_the_same_to_everybody_after_the_same_work(
    client: Client, owner: User, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.EMAIL_HOST = "mail.octo.example"
    pages = []
    for email in ("Owner@octo.example", "nobody@octo.example"):
        with django_assert_num_queries(3):  # note the wish, count for the e-mail, count for the client
            pages.append(client.post("/password/forgot", {"email": email}).content.decode().lower())
    assert "is on its way" in pages[0]
    assert pages[0].replace("owner", "nobody") == pages[1]
    assert not mail.outbox
    assert not PasswordLinkRequest.objects.filter(client__contains="127.0.0.1").exists()
    mail_password_link(PasswordLinkRequest.objects.earliest("pk").pk)
    assert "http://testserver/password/new/" in mail.outbox[0].body


def test_too_many_links_are_refused_with_a_sentence(client: Client, owner: User, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.octo.example"
    answers = [client.post("/password/forgot", {"email": owner.email}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "Links that have arrived still work" in answers[-1].content.decode()


def test_the_old_password_is_guessed_no_more_often_than_at_the_door(
    signed_in: SignedIn, owner: User, settings: Settings
) -> None:
    browser = signed_in(owner)
    guesses = [browser.post("/account", {"old_password": "guess", **TWICE}) for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert guesses[-1].status_code == 429
    assert browser.post("/account", {"old_password": PASSWORD, **TWICE}).status_code == 429
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_an_owner_makes_a_link_that_is_shown_once(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    member = Membership.objects.get(user=billing_manager)
    browser = signed_in(owner)
    url = f"/enterprises/octo-industries/settings/people/{member.pk}/password-link"
    page = browser.post(url, follow=True).content.decode()
    assert "http://testserver/password/new/" in page
    assert "/password/new/" not in browser.get("/enterprises/octo-industries/settings/people").content.decode()


def test_but_not_for_who_also_belongs_elsewhere(
    signed_in: SignedIn, owner: User, stranger: User, enterprise: Enterprise
) -> None:
    member = Membership.objects.create(enterprise=enterprise, user=stranger, role="billing_manager")
    url = f"/enterprises/octo-industries/settings/people/{member.pk}/password-link"
    page = signed_in(owner).post(url, follow=True).content.decode()
    assert "/password/new/" not in page
    assert "manage.py reset_password stranger@hubot.example" in page
