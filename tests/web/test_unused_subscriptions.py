"""Visual Studio subscriptions that nobody uses, as a list."""

import re
from typing import Any

import pytest
from django.test import Client

from licensesync.enterprises.models import Enterprise
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, server_export
from tests.web.usage import page

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/enterprises/octo-industries/settings/cloud/unused-subscriptions"


@pytest.fixture(autouse=True)
def signed_in_owner(client: Client, owner: User) -> None:
    client.force_login(owner)


def subscription(name: str, **more: Any) -> dict[str, Any]:
    email = f"{name}@octo.example"
    return cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=email, **more)


def emails(html: str) -> list[str]:
    return [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r'<th scope="row">(.*?)</th>', html)]


def test_it_has_those_that_meet_nobody(client: Client, enterprise: Enterprise) -> None:
    other = new_enterprise()
    import_one(other, server_export([account(1, "elsewhere@octo.example")]))
    users = [account(1, "ana@octo.example"), account(2, "away@octo.example", suspended=True)]
    import_one(enterprise, server_export(users))
    rows = [
        cloud_user("bob", "BOB@octo.example"),
        cloud_user("eve", github_com_saml_name_id="eve@octo.example"),
        subscription("ana"),  # on the server
        subscription("away"),  # there as well, but suspended
        subscription("bob"),
        subscription("eve"),
        subscription("elsewhere"),
        subscription("invited", github_com_member_roles=["octo:Member"]),  # a license of its own
        subscription("other-name", enterprise_server_user_ids=["ghes.example:1"]),  # ana's, as GitHub says
        subscription("nobody", github_com_name="=Nobody", visual_studio_license_status="Pending"),
    ]
    import_one(enterprise, cloud_list(rows))

    cloud = page(client, enterprise, "cloud")
    assert f'href="{ADDRESS}">3</a>' in cloud
    assert emails(client.get(ADDRESS).content.decode()) == [
        "away@octo.example",
        "elsewhere@octo.example",
        "nobody@octo.example",
    ]
    answer = client.get(f"{ADDRESS}.csv")
    assert "octo-industries-unused-visual-studio-subscriptions-" in answer["Content-Disposition"]
    lines = b"".join(answer).decode().splitlines()
    assert lines[0] == '"Visual studio subscription email","Name","Visual studio license status"'
    assert lines[3] == '"nobody@octo.example","\'=Nobody","Pending"'

    import_one(enterprise, server_export([*users, account(3, "nobody@octo.example")]))
    assert emails(client.get(ADDRESS).content.decode()) == ["away@octo.example", "elsewhere@octo.example"]


def test_where_there_are_none(client: Client, enterprise: Enterprise) -> None:
    assert client.get(ADDRESS).status_code == 404
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    assert "unused-subscriptions" not in page(client, enterprise, "cloud")
    assert "None. Every subscription" in client.get(ADDRESS).content.decode()


def test_pages_lead_to_each_other(client: Client, enterprise: Enterprise) -> None:
    rows = [subscription(f"nobody-{n:02}") for n in range(60)]
    import_one(enterprise, cloud_list([cloud_user("ana"), *rows]))
    seen, address = [], ADDRESS
    while True:
        html = client.get(address).content.decode()
        seen.append(emails(html))
        if not (following := re.search(r'rel="next" href="([^"#]+)', html)):
            break
        address = ADDRESS + following[1].replace("&amp;", "&")
    assert [len(page) for page in seen] == [25, 25, 10]
    assert [email for page in seen for email in page] == [f"nobody-{n:02}@octo.example" for n in range(60)]
    back = re.search(r'rel="prev" href="([^"#]+)', html)
    assert back
    assert emails(client.get(ADDRESS + back[1].replace("&amp;", "&")).content.decode()) == seen[1]
    assert len(b"".join(client.get(f"{ADDRESS}.csv")).splitlines()) == 61
