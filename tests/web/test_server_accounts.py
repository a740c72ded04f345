"""The lists behind the figures of a server."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, report, server_export
from tests.web.usage import page

pytestmark = pytest.mark.django_db(transaction=True)

ANA = "ana@octo.example"


@pytest.fixture(autouse=True)
def signed_in_owner(client: Client, owner: User) -> None:
    client.force_login(owner)


def server(enterprise: Enterprise) -> Deployment:
    return Deployment.objects.get(enterprise=enterprise, kind="server")


def shown(client: Client, enterprise: Enterprise, query: str = "") -> str:
    return page(client, enterprise, "server_accounts", server(enterprise).pk, query=query)


def logins(html: str) -> list[str]:
    return re.findall(r'<th scope="row">([\w-]+)', html)


def test_the_figures_lead_to_whom_they_count(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1, ANA), account(2, suspended=True), account(3)]))
    figures = page(client, enterprise, "instance", server(enterprise).pk)
    address = f"/enterprises/octo-industries/settings/instances/{server(enterprise).pk}/accounts"
    assert f'href="{address}">3</a>' in figures
    assert f'href="{address}?state=suspended">1</a>' in figures
    assert "state=dormant" not in figures, "the export does not say who is dormant"

    everybody = shown(client, enterprise)
    assert logins(everybody) == ["user-1", "user-2", "user-3"]
    assert everybody.count(">License ") == 2
    assert "None <small>Suspended</small>" in everybody
    assert logins(shown(client, enterprise, "?state=suspended")) == ["user-2"]
    assert "Its list does not say who is dormant" in shown(client, enterprise, "?state=dormant")
    assert client.get(f"{address}?state=active").status_code == 404


def test_dormant_here_is_whoever_is_not_suspended_active_elsewhere_or_not(
    client: Client, enterprise: Enterprise
) -> None:
    first = Deployment.objects.create(enterprise=enterprise, kind="server", host="ghes.example")
    people = [(1, ANA), (2, "bob@octo.example"), (3, "eve@octo.example")]
    import_one(enterprise, report(people, dormant=[1, 3], suspended=[3]), server=first)
    other = Deployment.objects.create(enterprise=enterprise, kind="server", host="other.example")
    import_one(enterprise, report([(1, ANA)]), server=other)

    html = page(client, enterprise, "server_accounts", first.pk, query="?state=dormant")
    assert logins(html) == ["user-1"]
    assert "Dormant <span>1</span>" in html
    [everywhere] = re.findall(r'href="([^"]+dormant=yes)"', html)
    assert "user-1" not in client.get(everywhere.replace("&amp;", "&")).content.decode(), "active on the other server"
    assert logins(page(client, enterprise, "server_accounts", first.pk, query="?state=suspended")) == ["user-3"]


def test_pages_lead_to_each_other(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(user_id, suspended=True) for user_id in range(1, 61)]))
    html, seen = shown(client, enterprise, "?state=suspended"), []
    assert "Previous" not in html
    while True:
        seen.append(logins(html))
        if not (following := re.search(r'rel="next" href="([^"#]+)', html)):
            break
        html = shown(client, enterprise, following[1].replace("&amp;", "&"))
    assert [len(page) for page in seen] == [25, 25, 10]
    assert [login for page in seen for login in page] == [f"user-{n}" for n in range(1, 61)]
    back = re.search(r'rel="prev" href="([^"#]+)', html)
    assert back
    assert logins(shown(client, enterprise, back[1].replace("&amp;", "&"))) == seen[1]


def test_as_csv(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    import_one(
        enterprise,
        server_export([account(1, ANA, login="ana", created_at="2024-05-06T07:08:09Z"), account(2, suspended=True)]),
    )
    address = f"/enterprises/octo-industries/settings/instances/{server(enterprise).pk}/accounts.csv"
    answer = client.get(address)
    assert "ghes-example-accounts-" in answer["Content-Disposition"]
    lines = b"".join(answer).decode().splitlines()
    assert lines[0].startswith('"User id","Login","Name","E-mail","Site admin","Suspended","Dormant"')
    assert lines[1:] == [
        '"1","ana","","ana@octo.example","false","false","","2024-05-06 07:08:09+00:00","","1"',
        '"2","user-2","","","false","true","","","",""',
    ]
    assert b"".join(client.get(f"{address}?state=suspended")).decode().splitlines()[1:] == lines[2:]


def test_the_cloud_has_none(client: Client, enterprise: Enterprise) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana", ANA)]))
    cloud = Deployment.objects.get(enterprise=enterprise, kind="cloud")
    assert client.get(f"/enterprises/octo-industries/settings/instances/{cloud.pk}/accounts").status_code == 404


@pytest.mark.parametrize("people", [1, 40])
def test_however_many_they_are_it_asks_as_often(
    client: Client, enterprise: Enterprise, django_assert_num_queries: DjangoAssertNumQueries, people: int
) -> None:
    import_one(enterprise, server_export([account(user_id) for user_id in range(1, people + 1)]))
    address = f"/enterprises/octo-industries/settings/instances/{server(enterprise).pk}/accounts"
    client.get(address)
    with django_assert_num_queries(9):
        client.get(address)


def test_who_has_gone_from_a_page_leaves_the_first_one(client: Client, enterprise: Enterprise) -> None:
    """And not one that says that there is nobody."""
    import_one(enterprise, server_export([account(1, ANA), account(2)]))
    for gone in ("?after=2", "?before=1"):
        assert logins(shown(client, enterprise, gone)) == ["user-1", "user-2"]
