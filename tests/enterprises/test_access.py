"""Who sees an enterprise, who may create one, and for whom an owner may make a password link."""

from licensesync.enterprises import services
from licensesync.enterprises.models import Enterprise, Role
from licensesync.enterprises.queries import may_create_enterprise, may_make_password_link, role_of, visible_to
from licensesync.users.models import User
from licensesync.users.services import create_first_owner, first_owner_path


def test_members_see_their_enterprise_and_nobody_else(
    enterprise: Enterprise, owner: User, billing_manager: User, stranger: User
) -> None:
    assert list(visible_to(owner)) == [enterprise]
    assert list(visible_to(billing_manager)) == [enterprise]
    assert enterprise not in visible_to(stranger)
    roles = [role_of(user, enterprise) for user in (owner, billing_manager, stranger)]
    assert roles == [Role.OWNER, Role.BILLING_MANAGER, None]


def test_the_operator_creates_enterprises_but_sees_none(db: None) -> None:
    first_owner_path()
    operator = create_first_owner(email="operator@octo.example", password="a password of 20 signs")
    assert operator
    assert may_create_enterprise(operator)
    assert not visible_to(operator).exists()


def test_owners_create_further_ones(enterprise: Enterprise, owner: User, billing_manager: User) -> None:
    assert may_create_enterprise(owner)
    assert not may_create_enterprise(billing_manager)


def test_no_password_link_into_an_enterprise_of_somebody_else(
    enterprise: Enterprise, owner: User, billing_manager: User, stranger: User
) -> None:
    assert may_make_password_link(owner, billing_manager)
    elsewhere = Enterprise.objects.get(slug="hubot-labs")
    services.add_member(enterprise=elsewhere, user=billing_manager, role=Role.BILLING_MANAGER)
    assert not may_make_password_link(owner, billing_manager)
    services.add_member(enterprise=elsewhere, user=owner, role=Role.BILLING_MANAGER)
    assert not may_make_password_link(owner, billing_manager)  # a member there, but not an owner


def test_no_password_link_for_the_operator(enterprise: Enterprise, owner: User, billing_manager: User) -> None:
    billing_manager.is_superuser = True
    billing_manager.save()
    assert not may_make_password_link(owner, billing_manager)
