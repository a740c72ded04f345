"""Owners and billing: inviting, changing roles, removing; and what whoever is invited sees."""

import re

from django.core import mail
from django.test import Client
from pytest_django import Settings

from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Invitation, Membership, Role
from licensesync.enterprises.queries import role_of
from licensesync.users.models import User
from tests.people import PASSWORD, SignedIn

PEOPLE = "/enterprises/octo-industries/settings/people"
TWICE = {"new_password1": "a long fresh pass 3", "new_password2": "a long fresh pass 3"}


def invite(browser: Client, email: str, role: str = "billing_manager") -> str:
    """The path of the link that the page shows."""
    page = browser.post(PEOPLE, {"email": email, "role": role}, follow=True).content.decode()
    found = re.search(r"http://testserver(/invitations/\w+)", page)
    assert found, page
    return found[1]


def test_a_new_person_is_invited_and_joins(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    browser = signed_in(owner)
    link = invite(browser, "new@octo.example")
    assert link not in browser.get(PEOPLE).content.decode()
    newcomer = Client()
    assert newcomer.post(link, TWICE)["Location"].startswith("/enterprises/octo-industries/")
    assert role_of(User.objects.get(email="new@octo.example"), enterprise) == Role.BILLING_MANAGER
    assert newcomer.get(PEOPLE).status_code == 200
    assert Client().get(link).status_code == 410


def test_who_signs_in_here_already_signs_in_first(
    signed_in: SignedIn, owner: User, stranger: User, enterprise: Enterprise
) -> None:
    link = invite(signed_in(owner), stranger.email, "owner")
    visitor = Client()
    assert "Sign in to join" in visitor.get(link).content.decode()
    visitor.post(link, TWICE)
    stranger.refresh_from_db()
    assert stranger.check_password(PASSWORD)  # a link to an enterprise is no way into an account
    assert signed_in(stranger).post(link).status_code == 302
    assert role_of(stranger, enterprise) == Role.OWNER


def test_it_is_for_nobody_else(signed_in: SignedIn, owner: User, stranger: User, enterprise: Enterprise) -> None:
    link = invite(signed_in(owner), "new@octo.example")
    assert "for somebody else" in signed_in(stranger).post(link).content.decode()
    assert role_of(stranger, enterprise) is None


def test_links_that_nobody_has_looked_at_are_stored_nowhere(
    signed_in: SignedIn, owner: User, enterprise: Enterprise
) -> None:
    """Not in the session either, however many there are."""
    browser = signed_in(owner)
    for number in range(60):
        browser.post(PEOPLE, {"email": f"{number}@octo.example", "role": "billing_manager"})
    assert "/invitations/" not in str(dict(browser.session))
    assert "/invitations/" in browser.get(PEOPLE).content.decode()


def test_with_mail_the_link_goes_by_mail_too(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, settings: Settings
) -> None:
    settings.EMAIL_HOST = "mail.octo.example"
    link = invite(signed_in(owner), "new@octo.example")
    [sent] = mail.outbox
    assert sent.to == ["new@octo.example"]
    assert link in sent.body


def test_a_mail_server_that_fails_stops_nobody(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, settings: Settings
) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    invite(signed_in(owner), "new@octo.example")


def test_a_page_with_a_link_is_kept_by_no_browser(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    browser = signed_in(owner)
    page = browser.post(PEOPLE, {"email": "new@octo.example", "role": "owner"}, follow=True)
    assert "/invitations/" in page.content.decode()
    assert page["Cache-Control"] == "no-store"


def test_a_second_invitation_is_refused_in_words(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    browser = signed_in(owner)
    invite(browser, "new@octo.example")
    page = browser.post(PEOPLE, {"email": "NEW@octo.example", "role": "owner"}).content.decode()
    assert "is already invited" in page


def test_renew_and_revoke(signed_in: SignedIn, owner: User, enterprise: Enterprise) -> None:
    browser = signed_in(owner)
    link = invite(browser, "new@octo.example")
    url = f"{PEOPLE}/invitations/{Invitation.objects.get().pk}"
    assert "/invitations/" in browser.post(f"{url}/renew", follow=True).content.decode()
    assert Client().get(link).status_code == 410
    assert "is revoked" in browser.post(f"{url}/revoke", follow=True).content.decode()
    assert not Invitation.objects.exists()


def test_a_role_is_changed_but_not_that_of_the_last_owner(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser = signed_in(owner)
    mine, other = (Membership.objects.get(user=user).pk for user in (owner, billing_manager))
    page = browser.post(f"{PEOPLE}/{mine}/role", {"role": "billing_manager"}, follow=True).content.decode()
    assert "is the last owner. Nothing was changed." in page
    assert role_of(owner, enterprise) == Role.OWNER
    browser.post(f"{PEOPLE}/{other}/role", {"role": "owner"})
    assert role_of(billing_manager, enterprise) == Role.OWNER


def test_removing_asks_first_as_a_page_or_as_a_dialog(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser, url = signed_in(owner), f"{PEOPLE}/{Membership.objects.get(user=billing_manager).pk}/remove"
    question = "Remove billing@octo.example?"
    page, dialog = browser.get(url), browser.get(url, HTTP_HX_REQUEST="true")
    assert question in page.content.decode()
    assert question in dialog.content.decode()
    assert b"<html" in page.content
    assert b"<html" not in dialog.content
    assert "is removed" in browser.post(url, follow=True).content.decode()
    assert role_of(billing_manager, enterprise) is None


def test_an_owner_leaves_when_another_stays(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    browser, url = signed_in(owner), f"{PEOPLE}/{Membership.objects.get(user=owner).pk}/remove"
    question = browser.get(url).content.decode()
    assert f"Leave {enterprise.name}?" in question
    assert "They" not in question
    answer = browser.post(url)
    assert answer["Location"] == "/"
    assert role_of(owner, enterprise) is None


def test_an_owner_steps_down_when_another_stays(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser, url = signed_in(owner), f"{PEOPLE}/step-down"
    assert f"Give up being an owner of {enterprise.name}?" in browser.get(url).content.decode()
    assert "is the last owner" in browser.post(url, follow=True).content.decode()
    assert role_of(owner, enterprise) == Role.OWNER
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    assert f"You are a billing manager of {enterprise.name} now" in browser.post(url, follow=True).content.decode()
    assert role_of(owner, enterprise) == Role.BILLING_MANAGER


def test_a_billing_manager_sees_people_but_nothing_to_change(signed_in: SignedIn, billing_manager: User) -> None:
    page = signed_in(billing_manager).get(PEOPLE).content.decode()
    assert "owner<wbr>@octo.example" in page
    for words in ("Invite", "Remove", "Change", "Become"):
        assert words not in page
    assert page.count("Leave…") == 1


def test_a_billing_manager_leaves(
    signed_in: SignedIn, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser = signed_in(billing_manager)
    ours, others = (Membership.objects.get(user=user).pk for user in (billing_manager, owner))
    assert browser.post(f"{PEOPLE}/{others}/remove").status_code == 404
    assert f"Leave {enterprise.name}?" in browser.get(f"{PEOPLE}/{ours}/remove").content.decode()
    assert browser.post(f"{PEOPLE}/{ours}/remove")["Location"] == "/"
    assert role_of(billing_manager, enterprise) is None
    assert role_of(owner, enterprise) == Role.OWNER


def test_members_of_another_enterprise_are_out_of_reach(
    signed_in: SignedIn, owner: User, stranger: User, enterprise: Enterprise
) -> None:
    theirs = Membership.objects.get(user=stranger)
    for action in ("role", "remove", "password-link"):
        assert signed_in(owner).post(f"{PEOPLE}/{theirs.pk}/{action}", {"role": "owner"}).status_code == 404
