"""Scripts of the people of `tests/conftest.py`: clients that carry a token."""

from collections.abc import Sequence

import pytest
from django.test import Client

from licensesync.enterprises.models import Deployment, Enterprise, Role, Scope
from licensesync.enterprises.queries import role_of
from licensesync.enterprises.tokens import create_api_token
from licensesync.users.models import User


def script(
    owner: User,
    enterprise: Enterprise,
    scopes: Sequence[str] = tuple(Scope),
    *,
    deployment: Deployment | None = None,
    kind: str = "Bearer",
) -> Client:
    """A client with a new token of this person."""
    assert role_of(owner, enterprise) in set(Role)
    _token, secret = create_api_token(
        enterprise=enterprise, owner=owner, name="script", scopes=scopes, deployment=deployment
    )
    return Client(headers={"Authorization": f"{kind} {secret}"}, raise_request_exception=False)


@pytest.fixture
def owners_script(owner: User, enterprise: Enterprise) -> Client:
    return script(owner, enterprise)


@pytest.fixture
def billing_script(billing_manager: User, enterprise: Enterprise) -> Client:
    return script(billing_manager, enterprise)


@pytest.fixture
def strangers_script(stranger: User) -> Client:
    return script(stranger, Enterprise.objects.get(slug="hubot-labs"))
