"""Setting LicenseSync up in the browser: link, password, enterprise, its page."""

import pytest
from django.test import Client

from licensesync.enterprises.models import Enterprise, Role
from licensesync.enterprises.queries import role_of
from licensesync.users.models import User
from licensesync.users.services import first_owner_path

pytestmark = pytest.mark.django_db
GIVEN = {"email": "Dana@octo.example", "new_password1": "a long first pass 1", "new_password2": "a long first pass 1"}


def test_from_the_link_to_the_first_page(client: Client) -> None:
    path = first_owner_path()
    assert path
    assert client.get(path).status_code == 200
    assert client.post(path, GIVEN)["Location"] == "/enterprises/new"
    data = {"name": "Octo Industries", "license_model": "volume", "enterprise_licenses": "2,400"}
    page = client.post("/enterprises/new", data, follow=True)
    assert page.status_code == 200
    enterprise = Enterprise.objects.get(slug="octo-industries")
    assert enterprise.enterprise_licenses == 2400
    assert role_of(User.objects.get(email="dana@octo.example"), enterprise) == Role.OWNER
    assert Client().get(path).status_code == 410


@pytest.mark.parametrize(
    "change",
    [
        {"email": "dana"},
        {"new_password2": "another one of 20"},
        {"email": "alongfirstpass1@x.example", "new_password1": "alongfirstpass1", "new_password2": "alongfirstpass1"},
    ],
)
def test_what_does_not_fit_leaves_the_link_as_it_is(client: Client, change: dict[str, str]) -> None:
    path = first_owner_path()
    assert path
    assert client.post(path, GIVEN | change).status_code == 200
    assert not User.objects.exists()
    assert client.get(path).status_code == 200
