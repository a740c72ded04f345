"""What can't be undone is asked first: on a page, or as a fragment of it for a dialog."""

import pytest
from django.urls import reverse

from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Enterprise, Scope
from licensesync.enterprises.queries import members
from licensesync.enterprises.tokens import create_api_token
from licensesync.users.models import User
from tests.people import SignedIn
from tests.web.usage import HTMX


@pytest.mark.parametrize("name", ["step_down", "remove_member", "revoke_token", "delete_instance", "disconnect"])
def test_the_question_is_a_page_and_a_fragment(
    signed_in: SignedIn, owner: User, enterprise: Enterprise, name: str
) -> None:
    server = deployments.server_named(enterprise, "ghe.octo.example")
    connections.connect(server, url="https://ghe.octo.example", login="octo-admin", token="secret", connected_by=owner)
    token, _secret = create_api_token(enterprise=enterprise, owner=owner, name="script", scopes=[Scope.READ])
    ids = {"remove_member": [members(enterprise).get().pk], "revoke_token": [token.pk], "step_down": []}
    url = reverse(name, args=[enterprise.slug, *ids.get(name, [server.pk])])

    page, piece = (signed_in(owner).get(url, headers=headers).content.decode() for headers in ({}, HTMX))

    assert "<html" in page
    assert "<html" not in piece
    question, _, form = piece.partition("<form")
    assert 'id="dialog-title"' in question
    assert question.strip() in page
    assert f'action="{url}"' in form
