"""An invitation works once, for whom it is for, until it is revoked, renewed or too old. And tokens keep no secret."""

from datetime import timedelta

import pytest
from django.utils import timezone

from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Invitation, Role
from licensesync.enterprises.queries import invitations, open_invitation, role_of
from licensesync.enterprises.tokens import create_api_token
from licensesync.errors import ExpectedError
from licensesync.users.models import User
from licensesync.users.services import sha256


@pytest.fixture
def invited(enterprise: Enterprise, owner: User) -> tuple[Invitation, str]:
    return services.invite(enterprise=enterprise, email="New@Octo.example", role=Role.OWNER, invited_by=owner)


def test_only_a_hash_is_stored(invited: tuple[Invitation, str]) -> None:
    invitation, token = invited
    assert invitation.email == "new@octo.example"
    assert invitation.token_hash == sha256(token) != token
    assert open_invitation(token) == invitation


def test_it_works_once_for_a_new_person(invited: tuple[Invitation, str], enterprise: Enterprise) -> None:
    invitation, token = invited
    user = services.accept_as_new_person(invitation=invitation, password="a password of 20 signs")
    assert user
    assert role_of(user, enterprise) == Role.OWNER
    assert open_invitation(token) is None
    assert services.accept_as_new_person(invitation=invitation, password="a password of 20 signs") is None


def test_a_used_link_makes_no_user(invited: tuple[Invitation, str]) -> None:
    invitation, _token = invited
    Invitation.objects.all().delete()
    assert services.accept_as_new_person(invitation=invitation, password="a password of 20 signs") is None
    assert not User.objects.filter(email=invitation.email).exists()


def test_it_is_for_nobody_else(invited: tuple[Invitation, str], stranger: User) -> None:
    invitation, token = invited
    assert services.accept_invitation(invitation=invitation, user=stranger) is None
    assert open_invitation(token) == invitation


def test_a_renewed_one_ends_the_link_before(invited: tuple[Invitation, str], owner: User) -> None:
    invitation, token = invited
    renewed = services.renew_invitation(invitation=invitation, invited_by=owner)
    assert open_invitation(token) is None
    assert renewed is not None
    assert open_invitation(renewed) == invitation


def test_one_that_was_accepted_or_revoked_meanwhile_is_not_renewed(
    invited: tuple[Invitation, str], owner: User
) -> None:
    invitation, _token = invited
    services.revoke_invitation(invitation=Invitation.objects.get())
    assert services.renew_invitation(invitation=invitation, invited_by=owner) is None
    assert not Invitation.objects.exists()


def test_whoever_has_opened_a_link_that_is_renewed_meanwhile_comes_too_late(
    invited: tuple[Invitation, str], owner: User
) -> None:
    opened, _token = invited
    services.renew_invitation(invitation=Invitation.objects.get(pk=opened.pk), invited_by=owner)
    assert services.accept_as_new_person(invitation=opened, password="a password of 20 signs") is None
    assert not User.objects.filter(email=opened.email).exists()


def test_it_runs_out(invited: tuple[Invitation, str], enterprise: Enterprise) -> None:
    _invitation, token = invited
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert open_invitation(token) is None
    assert vars(invitations(enterprise).get())["has_run_out"]


@pytest.mark.parametrize(
    ("email", "code"), [("OWNER@octo.example", "already_member"), ("new@octo.example", "already_invited")]
)
def test_nobody_is_invited_twice(
    invited: tuple[Invitation, str], enterprise: Enterprise, owner: User, email: str, code: str
) -> None:
    with pytest.raises(ExpectedError) as raised:
        services.invite(enterprise=enterprise, email=email, role=Role.OWNER, invited_by=owner)
    assert raised.value.problem.code == code


def test_a_token_keeps_no_secret(enterprise: Enterprise, owner: User) -> None:
    token, secret = create_api_token(enterprise=enterprise, owner=owner, name="cron", scopes=["write:usage"])
    assert secret.startswith("lsy_")
    assert token.token_hash == sha256(secret)
    assert token.scopes == ["write:usage"]
    assert token.expires_at is None


def test_a_slug_is_taken_once(enterprise: Enterprise, owner: User) -> None:
    with pytest.raises(ExpectedError, match="octo-industries is already"):
        services.create_enterprise(owner=owner, slug=enterprise.slug, name="Another", license_model="volume")
