"""Links to a new password: once, for a day, and only while whoever made them may."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from licensesync.enterprises import services as enterprises
from licensesync.enterprises.models import Enterprise, Role
from licensesync.users.models import User
from licensesync.users.password_links import password_links
from licensesync.users.queries import by_password_link
from licensesync.users.services import create_user, password_link_path, set_password, void_password_links


def behind(path: str) -> User | None:
    uid, token = path.split("/")[-2:]
    return by_password_link(uid, token)


def test_it_works_once(owner: User) -> None:
    path = password_link_path(user=owner)
    assert behind(path) == owner
    set_password(user=owner, password="another long password")
    assert behind(path) is None


@pytest.mark.parametrize(("hours", "works"), [(23, True), (25, False)])
def test_it_works_for_a_day(owner: User, hours: int, works: bool) -> None:
    uid = password_link_path(user=owner).split("/")[-2]
    then = password_links._num_seconds(datetime.now() - timedelta(hours=hours))  # noqa: DTZ005
    made = password_links._make_token_with_timestamp(owner, then, password_links.secret)
    assert by_password_link(uid, made) == (owner if works else None)


@pytest.mark.parametrize("path", ["/x/y", "/MQ/y", "/OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5/y", "/é/y"])
def test_nonsense_is_nobody(db: None, path: str) -> None:
    assert behind(path) is None


def test_it_ends_when_its_person_joins_another_enterprise(
    billing_manager: User, stranger: User, enterprise: Enterprise
) -> None:
    """The owner who made it may not reach that one."""
    void_password_links(billing_manager)  # within the same second
    path = password_link_path(user=billing_manager)
    invitation, _token = enterprises.invite(
        enterprise=Enterprise.objects.get(slug="hubot-labs"),
        email=billing_manager.email,
        role=Role.OWNER,
        invited_by=stranger,
    )
    enterprises.accept_invitation(invitation=invitation, user=billing_manager)
    assert behind(path) is None


@pytest.mark.parametrize("role", [Role.BILLING_MANAGER, None])
def test_it_ends_when_an_owner_who_may_have_made_it_goes(
    owner: User, enterprise: Enterprise, billing_manager: User, role: Role | None
) -> None:
    """Else whoever is removed would come back as somebody else, for a day."""
    second = enterprises.add_member(
        enterprise=enterprise, user=create_user(email="second@octo.example"), role=Role.OWNER
    )
    void_password_links(owner, billing_manager)  # within the same second
    paths = [password_link_path(user=person) for person in (owner, billing_manager)]
    if role:
        enterprises.change_role(membership=second, role=role)
    else:
        enterprises.remove_member(membership=second)
    assert [behind(path) for path in paths] == [None, None]


def test_the_operator_makes_one_on_the_command_line(owner: User) -> None:
    out = StringIO()
    call_command("reset_password", "Owner@Octo.example", stdout=out)
    assert behind(out.getvalue().strip()) == owner
    with pytest.raises(CommandError, match=r"nobody@octo\.example"):
        call_command("reset_password", "nobody@octo.example")
