"""Instances and their connections by script, and Sync now."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export
from tests.github.serving import Authority, proxying
from tests.worlds import Played

pytestmark = pytest.mark.django_db

INSTANCES = "/api/v3/enterprises/octo-industries/instances"
SYNC = "/api/v3/enterprises/octo-industries/sync"
JSON = "application/json"


@pytest.fixture
def server(enterprise: Enterprise) -> Deployment:
    return deployments.server_named(enterprise, "ghe.octo.example")


@pytest.fixture
def connected(server: Deployment) -> Deployment:
    connections.connect(server, url="https://ghe.octo.example", login="octo-admin", token="secret", connected_by=None)
    return server


def test_an_instance_is_added_once(owners_script: Client, enterprise: Enterprise) -> None:
    assert owners_script.get(INSTANCES).json() == []
    added = owners_script.post(INSTANCES, {"host": "https://GHE.octo.example/"}, content_type=JSON)
    assert added.status_code == 201
    assert added["Location"] == added.json()["url"]
    again = owners_script.post(INSTANCES, {"host": "ghe.octo.example"}, content_type=JSON)
    assert again.json() == added.json()
    assert owners_script.get(added["Location"]).json() == added.json()
    assert owners_script.get(INSTANCES).json() == [added.json()]
    assert (added.json()["kind"], added.json()["name"], added.json()["connection"]) == (
        "server",
        "ghe.octo.example",
        None,
    )
    refused = owners_script.post(INSTANCES, {"host": "no host"}, content_type=JSON)
    assert refused.status_code == 422
    assert "can’t be a host name" in refused.json()["message"]


@pytest.mark.django_db(transaction=True)
def test_the_accounts_of_a_server(owners_script: Client, enterprise: Enterprise) -> None:
    users = [account(1, "ana@octo.example"), *(account(user_id, suspended=True) for user_id in (2, 3))]
    import_one(enterprise, server_export(users))
    address = f"{INSTANCES}/{Deployment.objects.get().pk}/accounts"
    everybody = owners_script.get(address).json()
    assert [(each["user_id"], each["suspended"], each["license"]) for each in everybody] == [
        (1, False, 1),
        (2, True, None),
        (3, True, None),
    ]
    first = owners_script.get(f"{address}?state=suspended&per_page=1")
    assert [each["user_id"] for each in first.json()] == [2]
    following = first["Link"].partition(">")[0].lstrip("<")
    last = owners_script.get(following)
    assert [each["user_id"] for each in last.json()] == [3]
    assert "Link" not in last
    assert owners_script.get(f"{address}?state=dormant").json() == []
    assert owners_script.get(f"{address}?state=active").status_code == 422
    assert owners_script.get(f"{INSTANCES}/cloud/accounts").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_subscriptions_that_nobody_uses(owners_script: Client, enterprise: Enterprise) -> None:
    rows = [
        cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email=f"{name}@octo.example")
        for name in ("ana", "bob", "eve")
    ]
    import_one(enterprise, cloud_list([cloud_user("bob", "bob@octo.example"), *rows]))
    address = f"/api/v3/enterprises/{enterprise.slug}/unused-visual-studio-subscriptions"
    first = owners_script.get(f"{address}?per_page=1")
    assert first.json() == [{"email": "ana@octo.example", "name": "", "status": ""}]
    last = owners_script.get(first["Link"].partition(">")[0].lstrip("<"))
    assert [each["email"] for each in last.json()] == ["eve@octo.example"]
    assert "Link" not in last


def test_the_same_request_with_its_key_is_one(owners_script: Client, enterprise: Enterprise) -> None:
    keyed = {"content_type": JSON, "headers": {"Idempotency-Key": "one"}}
    first = owners_script.post(INSTANCES, {"host": "ghe.octo.example"}, **keyed)  # type: ignore[arg-type]
    again = owners_script.post(INSTANCES, {"host": "ghe.octo.example"}, **keyed)  # type: ignore[arg-type]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    other = owners_script.post(INSTANCES, {"host": "other.octo.example"}, **keyed)  # type: ignore[arg-type]
    assert other.status_code == 422


def test_a_server_is_tested_connected_scheduled_and_disconnected(
    owners_script: Client, server: Deployment, github: Played, settings: Settings
) -> None:
    settings.CONNECT_ALLOW = ("127.0.0.1",)
    played, addresses = github
    url = f"{INSTANCES}/{server.pk}/connection"
    assert owners_script.get(url).status_code == 404
    reached = {
        "url": addresses.servers["ghe.octo.example"],
        "login": "octo-admin",
        "token": played.servers[0].token,
    }
    checks = owners_script.post(f"{url}/test", reached, content_type=JSON).json()
    assert {each["step"]: each["state"] for each in checks}["version"] == "ok"
    wrong = owners_script.post(f"{url}/test", reached | {"token": "wrong"}, content_type=JSON).json()
    assert next(each for each in wrong if each["state"] == "failed")["problem"]["code"] == "wrong_credentials"
    assert not Connection.objects.exists()

    answer = owners_script.put(url, reached, content_type=JSON)
    assert answer.status_code == 202
    assert (answer.json()["kind"], answer.json()["state"]) == ("sync", "PENDING")
    assert owners_script.get(answer["Location"]).json() == answer.json()
    shown = owners_script.get(url)
    assert played.servers[0].token not in shown.content.decode()
    assert (shown.json()["url"], shown.json()["login"], shown.json()["schedule"]) == (
        reached["url"],
        "octo-admin",
        "weekly",
    )
    assert owners_script.get(f"{INSTANCES}/{server.pk}").json()["connection"] == shown.json()

    off = owners_script.patch(url, {"schedule": "off"}, content_type=JSON).json()
    assert (off["schedule"], off["next_sync_at"]) == ("off", None)
    assert owners_script.patch(url, {"schedule": "hourly"}, content_type=JSON).status_code == 422
    assert owners_script.delete(url).status_code == 204
    assert owners_script.delete(url).status_code == 404
    assert Deployment.objects.get() == server


def test_the_cloud_is_connected_under_its_name(owners_script: Client, enterprise: Enterprise) -> None:
    cloud = f"{INSTANCES}/cloud"
    assert owners_script.get(cloud).status_code == 404
    reached = {"enterprise_slug": "octo", "token": "secret", "url": "octo.ghe.com"}
    assert owners_script.put(f"{cloud}/connection", reached, content_type=JSON).status_code == 202
    shown = owners_script.get(cloud).json()
    assert (shown["kind"], shown["name"]) == ("cloud", "GitHub Enterprise Cloud")
    assert (shown["connection"]["url"], shown["connection"]["enterprise_slug"]) == ("https://api.octo.ghe.com", "octo")
    assert owners_script.get(f"{INSTANCES}/{shown['id']}").json() == shown
    again = owners_script.put(f"{INSTANCES}/{shown['id']}/connection", reached, content_type=JSON)
    assert again.status_code == 202
    assert LicenseSyncJob.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "ftp://ghe.octo.example"}, "url"),
        ({"ca_certificates": "no certificate"}, "ca_certificates"),
        ({"proxy": "proxy:3128"}, "proxy"),
        ({"proxy": "http://proxy.example:99999"}, "proxy"),
        ({"token": ""}, "token"),
        ({"token": "ghp_one\nghp_two"}, "token"),
        ({"token": "ghp_one ghp_two"}, "token"),
        ({"token": "ghp_öne"}, "token"),
        ({"login": None}, "login"),
    ],
)
def test_what_can_not_be_right_is_said_of_its_field(
    owners_script: Client, server: Deployment, wrong: dict[str, Any], field: str
) -> None:
    reached = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "secret"} | wrong
    answer = owners_script.put(f"{INSTANCES}/{server.pk}/connection", reached, content_type=JSON)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert "The last good figures" not in answer.content.decode()
    tested = owners_script.post(f"{INSTANCES}/{server.pk}/connection/test", reached, content_type=JSON)
    assert (tested.status_code, tested.json()["errors"]) == (422, answer.json()["errors"])
    assert not Connection.objects.exists()


def test_an_address_elsewhere_is_confirmed(owners_script: Client, connected: Deployment) -> None:
    url = f"{INSTANCES}/{connected.pk}/connection"
    reached = {"url": "https://other.octo.example", "login": "octo-admin", "token": "another"}
    refused = owners_script.put(url, reached, content_type=JSON)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "server_elsewhere")
    assert Connection.objects.get().url == "https://ghe.octo.example"
    assert owners_script.put(url, reached | {"same_server": True}, content_type=JSON).status_code == 202
    assert Connection.objects.get().url == "https://other.octo.example"
    assert owners_script.put(url, reached, content_type=JSON).status_code == 202  # where it is now


def test_another_enterprise_at_github_is_confirmed(owners_script: Client) -> None:
    url, reached = f"{INSTANCES}/cloud/connection", {"enterprise_slug": "octo", "token": "secret"}
    assert owners_script.put(url, reached, content_type=JSON).status_code == 202
    reached["enterprise_slug"] = "octo-emea"
    refused = owners_script.put(url, reached, content_type=JSON)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "cloud_elsewhere")
    assert Connection.objects.get().cloud_slug == "octo"
    assert owners_script.put(url, reached | {"same_enterprise": True}, content_type=JSON).status_code == 202
    assert Connection.objects.get().cloud_slug == "octo-emea"


PROXY = "http://mona:password@proxy.octo.example:3128"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({}, (PROXY, True)),
        ({"proxy": ""}, ("", True)),
        ({"proxy": None}, ("", True)),
        ({"proxy": "http://other.octo.example:3128"}, ("http://other.octo.example:3128", True)),
        ({"ca_certificates": ""}, (PROXY, False)),
        ({"ca_certificates": None}, (PROXY, False)),
    ],
)
def test_what_is_left_out_of_a_connection_stays(
    owners_script: Client, server: Deployment, sent: dict[str, Any], kept: tuple[str, bool]
) -> None:
    url, authority = f"{INSTANCES}/{server.pk}/connection", Authority()
    reached = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "secret"}
    owners_script.put(url, reached | {"proxy": PROXY, "ca_certificates": authority.pem}, content_type=JSON)
    answer = owners_script.put(url, reached | {"token": "another"} | sent, content_type=JSON)
    assert answer.status_code == 202
    connection = Connection.objects.get()
    assert connections.token_of(connection) == "another"
    assert (connections.proxy_of(connection), bool(connection.ca_certificates)) == kept


def test_a_test_goes_the_way_that_is_stored_unless_another_is_sent(
    owners_script: Client, server: Deployment, settings: Settings
) -> None:
    settings.CONNECT_ALLOW = ("127.0.0.1",)
    url = f"{INSTANCES}/{server.pk}/connection"
    reached = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "secret"}
    with proxying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as (proxy, heads):
        owners_script.put(url, reached | {"proxy": proxy}, content_type=JSON)
        checks = owners_script.post(f"{url}/test", reached, content_type=JSON).json()
        assert [each["problem"]["code"] for each in checks if each["problem"]] == ["proxy_refused"]
        heads.clear()
        owners_script.post(f"{url}/test", reached | {"proxy": ""}, content_type=JSON)
        assert not heads


def test_sync_now_of_one_and_of_all(owners_script: Client, connected: Deployment) -> None:
    other = deployments.server_named(connected.enterprise, "other.octo.example")
    first = owners_script.post(f"{INSTANCES}/{connected.pk}/sync")
    assert first.status_code == 202
    assert owners_script.post(f"{INSTANCES}/{connected.pk}/sync").json()["id"] == first.json()["id"]
    assert [job["id"] for job in owners_script.post(SYNC).json()] == [first.json()["id"]]
    refused = owners_script.post(f"{INSTANCES}/{other.pk}/sync")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_connected")
    job = LicenseSyncJob.objects.get()
    assert (job.trigger, job.requested_by) == ("script", connected.enterprise.memberships.get().user)


def test_nothing_connected_nothing_to_sync(owners_script: Client, server: Deployment) -> None:
    refused = owners_script.post(SYNC)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_connected")
    assert "Connect an instance first" in refused.json()["message"]


def test_deleting_is_a_job(owners_script: Client, connected: Deployment) -> None:
    answer = owners_script.delete(f"{INSTANCES}/{connected.pk}")
    assert (answer.status_code, answer.json()["kind"]) == (202, "delete")
    job = LicenseSyncJob.objects.get()
    assert (job.kind, job.state) == (JobKind.DELETE, JobState.PENDING)
    assert not Connection.objects.exists()


def test_instances_come_in_pages(owners_script: Client, enterprise: Enterprise) -> None:
    for number in range(5):
        deployments.server_named(enterprise, f"ghe{number}.octo.example")
    hosts, address = [], f"{INSTANCES}?per_page=2"
    while address:
        answer = owners_script.get(address)
        hosts += [each["host"] for each in answer.json()]
        address = answer.get("Link", "").partition("<")[2].partition(">")[0]
    assert hosts == [f"ghe{number}.octo.example" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("name", ["0", "99999", "9" * 30, "other", "-", "CLOUD"])
def test_an_instance_that_is_not_there(owners_script: Client, enterprise: Enterprise, name: str) -> None:
    for address in (f"{INSTANCES}/{name}", f"{INSTANCES}/{name}/connection"):
        assert owners_script.get(address).status_code == 404
    assert owners_script.post(f"{INSTANCES}/{name}/sync").status_code == 404
