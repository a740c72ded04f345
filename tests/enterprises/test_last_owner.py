"""An enterprise never loses its last owner, however the requests fall."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection

from licensesync.enterprises import services
from licensesync.enterprises.models import ApiToken, Enterprise, Invitation, Membership, Role
from licensesync.enterprises.queries import open_invitation
from licensesync.enterprises.tokens import create_api_token
from licensesync.errors import ExpectedError
from licensesync.users.models import User
from licensesync.users.services import create_user

DEMOTE = lambda membership: services.change_role(membership=membership, role=Role.BILLING_MANAGER)  # noqa: E731
REMOVE = lambda membership: services.remove_member(membership=membership)  # noqa: E731
Act = Callable[[Membership], None]


@pytest.mark.parametrize("act", [DEMOTE, REMOVE])
def test_the_last_owner_stays(enterprise: Enterprise, owner: User, billing_manager: User, act: Act) -> None:
    membership = Membership.objects.get(user=owner)
    with pytest.raises(ExpectedError, match="last owner"):
        act(membership)
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    act(membership)
    assert not Membership.objects.filter(user=owner, role=Role.OWNER).exists()


def test_tokens_go_with_their_owner(enterprise: Enterprise, billing_manager: User, owner: User, stranger: User) -> None:
    """Those for this enterprise: elsewhere their owner stays a member."""
    elsewhere = Enterprise.objects.get(slug="hubot-labs")
    services.add_member(enterprise=elsewhere, user=billing_manager, role=Role.BILLING_MANAGER)
    for of, user in ((enterprise, owner), (enterprise, billing_manager), (elsewhere, billing_manager)):
        create_api_token(enterprise=of, owner=user, name="cron", scopes=["read:licenses"])
    services.remove_member(membership=Membership.objects.get(enterprise=enterprise, user=billing_manager))
    left = [(token.enterprise, token.owner) for token in ApiToken.objects.order_by("pk")]
    assert left == [(enterprise, owner), (elsewhere, billing_manager)]


@pytest.mark.parametrize("act", [DEMOTE, REMOVE])
def test_an_owner_who_goes_has_no_way_back(
    enterprise: Enterprise, owner: User, billing_manager: User, act: Act
) -> None:
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    mine, _link = services.invite(enterprise=enterprise, email="me@home.example", role=Role.OWNER, invited_by=owner)
    both = services.invite(enterprise=enterprise, email="both@octo.example", role=Role.OWNER, invited_by=owner)
    renewed = services.renew_invitation(invitation=both[0], invited_by=billing_manager)
    _other, others = services.invite(
        enterprise=enterprise, email="other@octo.example", role=Role.OWNER, invited_by=billing_manager
    )
    act(Membership.objects.get(user=owner))
    assert not Invitation.objects.filter(pk=mine.pk).exists()
    assert renewed is not None
    assert open_invitation(renewed)
    assert open_invitation(others)


@pytest.mark.parametrize("act", [DEMOTE, REMOVE])
def test_nor_has_who_became_an_owner_just_now(
    enterprise: Enterprise, owner: User, billing_manager: User, act: Act
) -> None:
    read_before = Membership.objects.get(user=billing_manager)
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    services.invite(enterprise=enterprise, email="me@home.example", role=Role.OWNER, invited_by=billing_manager)
    act(read_before)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("act", [DEMOTE, REMOVE])
def test_an_invitation_that_was_being_written_lets_nobody_in(
    enterprise: Enterprise, owner: User, billing_manager: User, act: Act
) -> None:
    services.change_role(membership=Membership.objects.get(user=billing_manager), role=Role.OWNER)
    act(Membership.objects.get(user=owner))
    _late, link = services.invite(enterprise=enterprise, email="me@home.example", role=Role.OWNER, invited_by=owner)
    assert open_invitation(link) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [DEMOTE, REMOVE])
def test_two_who_take_each_other_away_leave_one(act: Act) -> None:
    owners = [create_user(email=f"{name}@octo.example") for name in ("ada", "bo")]
    enterprise = services.create_enterprise(owner=owners[0], slug="octo", name="Octo", license_model="volume")
    services.add_member(enterprise=enterprise, user=owners[1], role=Role.OWNER)
    start, refused = Barrier(2), []

    def take_away(user: User) -> None:
        membership = Membership.objects.get(user=user)
        start.wait()
        try:
            act(membership)
        except ExpectedError as error:
            refused.append(error.problem.code)
        finally:
            connection.close()

    threads = [Thread(target=take_away, args=[user]) for user in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert refused == ["last_owner"]
    assert Membership.objects.filter(enterprise=enterprise, role=Role.OWNER).count() == 1
