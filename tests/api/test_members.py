"""Members, roles and invitations by script."""

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from pytest_django import Settings

from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Invitation, Membership, Role
from licensesync.enterprises.queries import role_of
from licensesync.users.models import User
from licensesync.users.queries import by_password_link

pytestmark = pytest.mark.django_db

MEMBERS = "/api/v3/enterprises/octo-industries/members"
INVITATIONS = "/api/v3/enterprises/octo-industries/invitations"
JSON = "application/json"


def test_members_and_their_roles(
    owners_script: Client, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    listed = owners_script.get(MEMBERS).json()
    assert [(each["email"], each["role"]) for each in listed] == [
        ("billing@octo.example", "billing_manager"),
        ("owner@octo.example", "owner"),
    ]
    theirs, mine = (each["url"] for each in listed)
    assert owners_script.get(theirs).json() == listed[0]
    assert owners_script.patch(theirs, {"role": "owner"}, content_type=JSON).json()["role"] == "owner"
    assert role_of(billing_manager, enterprise) == Role.OWNER
    assert owners_script.patch(theirs, {"role": "king"}, content_type=JSON).status_code == 422
    assert owners_script.delete(theirs).status_code == 204
    assert owners_script.get(theirs).status_code == 404
    for refused in (
        owners_script.delete(mine),
        owners_script.patch(mine, {"role": "billing_manager"}, content_type=JSON),
    ):
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "last_owner")
    assert role_of(owner, enterprise) == Role.OWNER


def test_an_owner_removes_themselves_and_the_token_ends(
    owners_script: Client, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    assert owners_script.delete(f"{MEMBERS}/{Membership.objects.get(user=owner).pk}").status_code == 204
    assert owners_script.get(MEMBERS).status_code == 401


def test_a_full_disk_of_the_database_is_said(owners_script: Client) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA page_count")
            [pages] = cursor.fetchone()
            cursor.execute(f"PRAGMA max_page_count = {pages}")
            cursor.fetchall()
        else:  # which can't be told how large it may grow
            cursor.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
                "CREATE TRIGGER full_disk BEFORE INSERT ON enterprises_invitation EXECUTE FUNCTION full_disk()"
            )
    try:
        for number in range(2000):
            answer = owners_script.post(INVITATIONS, {"email": f"new{number}@octo.example"}, content_type=JSON)
            if answer.status_code != 201:
                break
    finally:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA max_page_count = 1073741823")
                cursor.fetchall()
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (507, "disk_full")


def test_an_invitation_is_handed_over_renewed_and_revoked(
    owners_script: Client, owner: User, enterprise: Enterprise, settings: Settings
) -> None:
    settings.LICENSESYNC_URL = "https://licenses.octo.example"
    answer = owners_script.post(INVITATIONS, {"email": "New@octo.example"}, content_type=JSON)
    assert answer.status_code == 201
    invited = answer.json()
    assert (invited["email"], invited["role"], invited["mailed"]) == ("new@octo.example", "billing_manager", False)
    link = invited["link"]
    assert link.startswith("https://licenses.octo.example/invitations/")
    path = link.removeprefix("https://licenses.octo.example")
    assert Client().get(path).status_code == 200
    again = owners_script.post(INVITATIONS, {"email": "new@octo.example"}, content_type=JSON)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (422, "already_invited")
    [listed] = owners_script.get(INVITATIONS).json()
    assert "link" not in listed
    renewed = owners_script.post(f"{INVITATIONS}/{listed['id']}/renew")
    assert renewed.status_code == 201
    assert renewed.json()["link"] != link
    assert Client().get(path).status_code == 410
    assert owners_script.delete(f"{INVITATIONS}/{listed['id']}").status_code == 204
    assert not Invitation.objects.exists()
    member = owners_script.post(INVITATIONS, {"email": "owner@octo.example"}, content_type=JSON)
    assert member.json()["errors"][0]["code"] == "already_member"


def test_where_there_is_mail_the_link_goes_by_mail_too(
    owners_script: Client, enterprise: Enterprise, settings: Settings
) -> None:
    settings.EMAIL_HOST = "mail.octo.example"
    said = {"email": "new@octo.example", "role": "owner"}
    invited = owners_script.post(INVITATIONS, said, content_type=JSON).json()
    [sent] = mail.outbox
    assert invited["mailed"] is True
    assert invited["link"] in sent.body


def test_a_link_to_a_new_password(
    owners_script: Client, billing_manager: User, stranger: User, enterprise: Enterprise
) -> None:
    member = Membership.objects.get(user=billing_manager)
    answer = owners_script.post(f"{MEMBERS}/{member.pk}/password-link")
    assert answer.status_code == 201
    assert by_password_link(*answer.json()["link"].strip("/").split("/")[-2:]) == billing_manager
    services.add_member(enterprise=enterprise, user=stranger, role=Role.BILLING_MANAGER)
    theirs = Membership.objects.get(user=stranger, enterprise=enterprise)
    assert owners_script.post(f"{MEMBERS}/{theirs.pk}/password-link").status_code == 403


def test_members_of_another_enterprise_are_not_there(
    owners_script: Client, stranger: User, enterprise: Enterprise
) -> None:
    theirs = f"{MEMBERS}/{Membership.objects.get(user=stranger).pk}"
    assert owners_script.get(theirs).status_code == 404
    assert owners_script.delete(theirs).status_code == 404
    assert owners_script.patch(theirs, {"role": "owner"}, content_type=JSON).status_code == 404


def test_a_name_of_two_lines_is_one_line_of_the_mail(
    owners_script: Client, enterprise: Enterprise, settings: Settings
) -> None:
    """It was an error of ours, with an invitation that nobody had the link of."""
    settings.EMAIL_HOST = "mail.octo.example"
    enterprise.name = "Octo\nBcc: evil@hubot.example"
    enterprise.save()
    assert owners_script.post(INVITATIONS, {"email": "new@octo.example"}, content_type=JSON).status_code == 201
    [sent] = mail.outbox
    assert sent.subject == "Invitation to Octo Bcc: evil@hubot.example on LicenseSync"
    assert sent.recipients() == ["new@octo.example"]
