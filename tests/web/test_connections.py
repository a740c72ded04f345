"""Connecting in the browser: the form, its test, the schedule, the push token, and what is never shown again."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse

from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import ApiToken, Connection, Deployment, Enterprise, Schedule
from licensesync.flows import connecting
from licensesync.github.server import ServerConnection
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob, Trigger
from licensesync.users.models import User
from licensesync.users.services import sha256
from tests.github.serving import proxying
from tests.people import SignedIn
from tests.web.usage import HTMX
from tests.worlds import Played

pytestmark = pytest.mark.django_db

HOST = "ghe.octo.example"
ANYWAY = {"anyway": "1"}  # saves what these tests make up, which nobody answers at


@pytest.fixture
def browser(owner: User, signed_in: SignedIn, settings: Any) -> Client:
    settings.CONNECT_ALLOW = ("127.0.0.1",)
    return signed_in(owner)


@pytest.fixture
def server(enterprise: Enterprise) -> Deployment:
    return deployments.server_named(enterprise, "ghe.octo.example")


@pytest.fixture
def connection(server: Deployment) -> Connection:
    return connections.connect(
        server, url="https://ghe.octo.example", login="octo-admin", token="ghp_secret", connected_by=None
    )


def seen_on(page: str) -> dict[str, str]:
    """What the script of the License page says of the pieces that it has."""
    pieces = re.findall(r'id="(\S+)" data-version="(\w+)"', page)
    return {"seen": " ".join(f"{key}:{version}" for key, version in pieces)}


def address(name: str, enterprise: Enterprise, *more: int) -> str:
    return reverse(name, args=[enterprise.slug, *more])


def test_a_new_instance_is_connected_and_its_first_sync_requested(
    browser: Client, enterprise: Enterprise, github: Played
) -> None:
    played, addresses = github
    url = addresses.servers["ghe.octo.example"]
    typed = {"url": f" {url}/login ", "login": "octo-admin", "token": played.servers[0].token, "host": HOST}
    answer = browser.post(address("connect_new_server", enterprise), typed, follow=True)
    assert "The connection of ghe.octo.example is saved. Its first sync has started." in answer.content.decode()
    connection = Connection.objects.get()
    assert (connection.url, connection.login) == (url, "octo-admin")
    assert connections.token_of(connection) == played.servers[0].token
    job = LicenseSyncJob.objects.get()
    assert (job.kind, job.trigger, job.state) == (JobKind.SYNC, Trigger.SYNC_NOW, JobState.PENDING)
    assert job.requested_by is not None


def test_the_cloud_is_connected(browser: Client, enterprise: Enterprise) -> None:
    typed = ANYWAY | {"cloud_slug": "octo", "token": "ghp_secret", "url": "octo.ghe.com"}
    browser.post(address("connect_cloud", enterprise), typed)
    connection = Connection.objects.get()
    assert (connection.url, connection.cloud_slug) == ("https://api.octo.ghe.com", "octo")
    assert not connection.deployment.is_server


@pytest.mark.parametrize(
    "typed",
    [
        " octo-industries ",
        "https://github.com/enterprises/octo-industries",
        "https://github.com/enterprises/octo-industries/",
        "https://github.com/enterprises/octo-industries/settings/billing?tab=usage#licenses",
        "https://github.com/enterprises/octo-industries?tab=usage",
        "octo.ghe.com/enterprises/octo-industries",
        "enterprises/octo-industries",
    ],
)
def test_the_slug_is_taken_out_of_a_pasted_address(browser: Client, enterprise: Enterprise, typed: str) -> None:
    form = ANYWAY | {"cloud_slug": typed, "token": "ghp_secret", "url": "https://api.github.com"}
    assert browser.post(address("connect_cloud", enterprise), form).status_code == 302
    assert Connection.objects.get().cloud_slug == "octo-industries"


@pytest.mark.parametrize("typed", ["Octo Industries", "https://github.com/octo-industries", "github.com/enterprises/"])
def test_what_is_no_slug_is_told_how_one_looks(browser: Client, enterprise: Enterprise, typed: str) -> None:
    form = ANYWAY | {"cloud_slug": typed, "token": "ghp_secret", "url": "https://api.github.com"}
    page = browser.post(address("connect_cloud", enterprise), form).content.decode()
    assert "Use small letters, digits and single hyphens, for example octo-industries." in page
    assert not Connection.objects.exists()


def test_connections_that_hang_leave_the_web_server_to_others(browser: Client, enterprise: Enterprise) -> None:
    """Three tests hold a thread each, for as long as a server that accepts and says nothing lets them."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(3) as pool:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hanging = ServerConnection(url=url, login="octo-admin", token="ghp_secret")
        waiting = [pool.submit(connecting.check_server, hanging) for _each in range(3)]
        taken = [silent.accept()[0] for _each in waiting]
        typed = {"url": url, "login": "octo-admin", "token": "ghp_secret", "host": HOST, "test": "1"}
        for headers in ({}, {"HX-Request": "true"}):
            page = browser.post(address("connect_new_server", enterprise), typed, headers=headers).content.decode()
            assert page.count("Several connections are being tested at this moment. Nothing was stored.") == 1
        for each in taken:
            each.close()
        assert [check.state for check in waiting[0].result()][:2] == ["ok", "failed"]
    page = browser.post(address("connect_new_server", enterprise), typed).content.decode()
    assert "Several connections" not in page


def test_what_is_missing_is_said_once_and_in_words(browser: Client, enterprise: Enterprise) -> None:
    for data, headers in (({"save": ""}, {}), ({"test": "1"}, {}), ({"test": "1"}, {"HX-Request": "true"})):
        page = browser.post(address("connect_new_server", enterprise), data, headers=headers).content.decode()
        for said in ("Enter the address of the server.", "Enter the login of a site admin.", "Paste the token."):
            assert page.count(said) == 1, (data, headers)
    assert not Connection.objects.exists()


def test_the_test_says_step_by_step_what_works(browser: Client, enterprise: Enterprise, github: Played) -> None:
    played, addresses = github
    typed = {"url": addresses.servers[HOST], "login": "octo-admin", "token": played.servers[0].token, "host": HOST}
    answer = browser.post(address("connect_new_server", enterprise), typed | {"test": "1"})
    page = answer.content.decode()
    assert "GitHub Enterprise Server 3.19.2" in page
    assert page.count('data-state="SUCCESS"') >= 5
    assert not Connection.objects.exists()
    wrong = browser.post(address("connect_new_server", enterprise), typed | {"token": "ghp_wrong", "test": "1"})
    assert 'data-state="FAILURE"' in wrong.content.decode()
    assert "ghp_wrong" not in wrong.content.decode()
    nobody = browser.post(address("connect_new_server", enterprise), typed | {"login": "nobody", "test": "1"})
    assert "The token belongs to another login, or nobody is no site admin." in nobody.content.decode()


def test_what_does_not_work_is_saved_only_anyway(browser: Client, enterprise: Enterprise, github: Played) -> None:
    """With script the piece below the form comes, so that what was typed stays; without, the page with the same."""
    _played, addresses = github
    url = address("connect_new_server", enterprise)
    typed = {"url": addresses.servers[HOST], "login": "octo-admin", "token": "ghp_wrong", "host": HOST}
    for headers in ({}, HTMX):
        page = browser.post(url, typed | {"save": ""}, headers=headers).content.decode()
        assert 'data-state="FAILURE"' in page
        assert "Nothing was saved." in page
        assert 'name="anyway"' in page
        assert ("<html" in page) is not bool(headers)
    assert not Connection.objects.exists()
    assert 'name="anyway"' not in browser.post(url, typed | {"test": "1"}, headers=HTMX).content.decode()
    answer = browser.post(url, typed | ANYWAY, headers=HTMX)
    deployment = Deployment.objects.get()
    assert answer["HX-Redirect"] == address("instance", enterprise, deployment.pk)
    assert connections.token_of(deployment.connection) == "ghp_wrong"


def test_a_form_that_is_refused_is_shown_again_whole(browser: Client, enterprise: Enterprise) -> None:
    """What is wrong stands at its field, also where a script asked."""
    answer = browser.post(address("connect_new_server", enterprise), {"save": ""}, headers=HTMX)
    assert (answer["HX-Reselect"], answer["HX-Retarget"], answer["HX-Reswap"]) == (
        "#connection",
        "#connection",
        "outerHTML",
    )
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_stored_token_is_never_shown_and_is_asked_for_again(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    url = address("connect_server", enterprise, connection.deployment_id)
    assert "ghp_secret" not in browser.get(url).content.decode()
    answer = browser.post(url, {"url": "https://attacker.example", "login": "octo-admin", "token": ""})
    assert answer.status_code == 200
    connection.refresh_from_db()
    assert connection.url == "https://ghe.octo.example"


def test_what_is_connected_is_not_connected_once_more_as_new(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    typed = ANYWAY | {"url": "https://ghe.octo.example", "login": "somebody", "token": "ghp_other"}
    page = browser.post(address("connect_new_server", enterprise), typed).content.decode()
    assert "ghe.octo.example is connected already, at https://ghe.octo.example. Nothing was stored." in page
    link = address("connect_server", enterprise, connection.deployment_id)
    assert f'<a href="{link}">Change the connection of ghe.octo.example</a>' in page
    connection = Connection.objects.get()
    assert (connection.login, connections.token_of(connection)) == ("octo-admin", "ghp_secret")
    assert not LicenseSyncJob.objects.exists()


def test_two_servers_on_two_ports_are_two_instances(browser: Client, enterprise: Enterprise, github: Played) -> None:
    """A host name has no port, as GitHub's lists have none; so the second one says by which name it knows itself."""
    url = address("connect_new_server", enterprise)
    first = ANYWAY | {"url": "http://127.0.0.1:8101", "login": "octo-admin", "token": "ghp_first", "host": HOST}
    second = ANYWAY | {"url": "http://127.0.0.1:8102", "login": "octo-admin", "token": "ghp_second"}
    browser.post(url, first)
    page = browser.post(url, second | {"host": HOST}).content.decode()
    assert "ghe.octo.example is connected already, at http://127.0.0.1:8101." in page
    assert '<details id="more" open>' in page  # where the host name is entered
    browser.post(url, second | {"host": "https://GHE.apac.example:443/"})
    found = {each.deployment.host: each.url for each in Connection.objects.select_related("deployment")}
    assert found == {HOST: "http://127.0.0.1:8101", "ghe.apac.example": "http://127.0.0.1:8102"}
    again = browser.post(url, second | {"host": "ghe.apac.example"}).content.decode()
    assert "ghe.apac.example is connected already" in again
    assert "can’t be a host name" in browser.post(url, second | {"host": "no host"}).content.decode()
    assert Deployment.objects.count() == 2


NAMELESS = "Enter the host name that people type to open this server."


@pytest.mark.parametrize("place", ["127.0.0.1:8251", "127.1", "[fd12::1]:8443", "localhost", "LocalHost.:1"])
def test_an_address_without_a_name_needs_one(browser: Client, enterprise: Enterprise, place: str) -> None:
    """GitHub's lists name servers by it; so it is asked for where it is entered, in the part that is folded else."""
    url = address("connect_new_server", enterprise)
    typed = {"url": f"https://{place}", "login": "octo-admin", "token": "ghp_secret"}
    for button in ({"save": ""}, {"test": "1"}, ANYWAY):
        page = browser.post(url, typed | button).content.decode()
        assert NAMELESS in page.split('<details id="more" open>')[1].split("</details>")[0]
    piece = browser.post(url, typed | {"test": "1"}, headers=HTMX).content.decode()
    assert piece.count(NAMELESS) == 2  # below the form, and at the field
    assert '<details id="more" hx-swap-oob="true" open>' in piece
    assert not Deployment.objects.exists()
    # An IP address that is said to be the name is one: a server may have no other.
    assert browser.post(url, typed | ANYWAY | {"host": "10.0.0.7"}).status_code == 302
    known = Deployment.objects.get()
    assert known.host == "10.0.0.7"
    change = address("connect_server", enterprise, known.pk)
    assert browser.post(change, typed | ANYWAY).status_code == 302


def test_a_host_name_that_was_missing_is_not_said_to_be_once_it_is_there(
    browser: Client, enterprise: Enterprise
) -> None:
    url = address("connect_new_server", enterprise)
    typed = {"url": "https://[::1]", "login": "octo-admin", "token": "ghp_secret", "host": HOST, "test": "1"}
    piece = browser.post(url, typed, headers=HTMX).content.decode()
    assert '<details id="more" hx-swap-oob="true" open>' in piece
    assert f'value="{HOST}"' in piece
    assert NAMELESS not in piece
    named = typed | {"url": "https://localhost.octo.example", "host": ""}
    assert "<details" not in browser.post(url, named, headers=HTMX).content.decode()


def test_one_server_under_another_name_is_refused_and_leads_to_the_first(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    typed = ANYWAY | {"url": "GHE.octo.example:443/login", "login": "octo-admin", "token": "ghp_new", "host": "typo"}
    page = browser.post(address("connect_new_server", enterprise), typed).content.decode()
    assert "https://ghe.octo.example is already connected as ghe.octo.example" in page
    assert f'<a href="{address("connect_server", enterprise, connection.deployment_id)}">Change the connection' in page
    assert Deployment.objects.get() == connection.deployment, "no instance is left behind"


@pytest.mark.parametrize("other", ["https://other.octo.example", "https://ghe.octo.example:8443"])
def test_an_address_elsewhere_is_taken_once_it_is_said_to_be_the_same_server(
    browser: Client, enterprise: Enterprise, connection: Connection, other: str
) -> None:
    url = address("connect_server", enterprise, connection.deployment_id)
    box = "This is the same server under a new name"
    assert box not in browser.get(url).content.decode()
    typed = ANYWAY | {"url": other, "login": "octo-admin", "token": "ghp_new", "proxy": ""}
    page = browser.post(url, typed).content.decode()
    place = other.removeprefix("https://")
    assert f"{place} may be another server than ghe.octo.example, and its list would replace the accounts" in page
    assert box in page
    connection.refresh_from_db()
    assert (connection.url, connections.token_of(connection)) == ("https://ghe.octo.example", "ghp_secret")
    assert not LicenseSyncJob.objects.exists()
    assert box in browser.post(url, typed | {"token": "", "is_same": "on"}).content.decode()  # it stays ticked
    assert browser.post(url, typed | {"is_same": "on"}).status_code == 302
    connection.refresh_from_db()
    assert connection.url == other
    assert connection.deployment.host == "ghe.octo.example"


@pytest.mark.parametrize("changed", [{"cloud_slug": "octo-emea"}, {"url": "https://api.octo.ghe.com"}])
def test_another_enterprise_at_github_is_taken_once_it_is_said_to_be_the_same(
    browser: Client, enterprise: Enterprise, changed: dict[str, str]
) -> None:
    url = address("connect_cloud", enterprise)
    box = "This is the same enterprise under a new slug or address"
    typed = ANYWAY | {"cloud_slug": "octo", "token": "ghp_secret", "url": "https://api.github.com"}
    assert browser.post(url, typed).status_code == 302
    assert box not in browser.get(url).content.decode()
    assert browser.post(url, typed | {"cloud_slug": "Octo", "token": "ghp_new"}).status_code == 302
    LicenseSyncJob.objects.all().delete()

    page = browser.post(url, typed | changed).content.decode()
    assert "may be another enterprise than Octo (api.github.com), and its list would replace the accounts" in page
    assert box in page
    stored = Connection.objects.get()
    assert (stored.cloud_slug, stored.url, connections.token_of(stored)) == ("Octo", typed["url"], "ghp_new")
    assert not LicenseSyncJob.objects.exists()
    typed |= changed | {"is_same": "on"}
    assert box in browser.post(url, typed | {"token": ""}).content.decode()  # it stays ticked
    assert browser.post(url, typed).status_code == 302
    stored.refresh_from_db()
    assert {"cloud_slug": stored.cloud_slug, "url": stored.url} == {name: typed[name] for name in ("cloud_slug", "url")}


def test_an_instance_with_a_list_is_not_connected_elsewhere_by_mistake(
    browser: Client, enterprise: Enterprise, server: Deployment
) -> None:
    """Its accounts came as a file; of one that nothing is known of, nothing can be replaced."""
    typed = ANYWAY | {"url": "https://other.octo.example", "login": "octo-admin", "token": "ghp_secret"}
    Deployment.objects.update(last_usage_at="2026-01-01T00:00Z")
    for url, more in (
        (address("connect_server", enterprise, server.pk), {}),
        (address("connect_new_server", enterprise), {"host": server.host}),
    ):
        page = browser.post(url, typed | more).content.decode()
        assert "other.octo.example may be another server than ghe.octo.example" in page
        assert "This is the same server under a new name" in page
    assert not Connection.objects.exists()
    Deployment.objects.update(last_usage_at=None)
    assert browser.post(address("connect_server", enterprise, server.pk), typed).status_code == 302


PROXY = "http://mona:pass%20word@proxy.octo.example:3128"


@pytest.fixture
def by_proxy(server: Deployment) -> Connection:
    return connections.connect(
        server, url="https://ghe.octo.example", login="octo-admin", token="ghp_secret", proxy=PROXY, connected_by=None
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ({}, PROXY),
        ({"proxy": "http://other.octo.example:3128"}, "http://other.octo.example:3128"),
        ({"no_proxy": "on"}, ""),
    ],
)
def test_a_new_token_keeps_the_proxy_unless_something_is_said_of_it(
    browser: Client, enterprise: Enterprise, by_proxy: Connection, typed: dict[str, str], kept: str
) -> None:
    url = address("connect_server", enterprise, by_proxy.deployment_id)
    page = browser.get(url).content.decode()
    assert "It is http://proxy.octo.example:3128, with its password if it has one." in page
    assert "Stop using a proxy" in page
    assert "pass" not in page.replace("password", "")
    form = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "ghp_new"}
    browser.post(url, ANYWAY | form | {"ca_certificates": "", "proxy": ""} | typed)
    connection = Connection.objects.get()
    assert (connections.token_of(connection), connections.proxy_of(connection)) == ("ghp_new", kept)
    assert ("Stop using a proxy" in browser.get(url).content.decode()) is bool(kept)


def test_a_proxy_and_none_at_once_is_refused(browser: Client, enterprise: Enterprise, by_proxy: Connection) -> None:
    url = address("connect_server", enterprise, by_proxy.deployment_id)
    form = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "ghp_new"}
    page = browser.post(url, form | {"proxy": "http://other.octo.example:3128", "no_proxy": "on"}).content.decode()
    assert "Enter a proxy or choose to use none, not both." in page
    assert connections.proxy_of(Connection.objects.get()) == PROXY


def test_the_test_goes_the_way_that_would_be_stored(
    browser: Client, enterprise: Enterprise, server: Deployment
) -> None:
    with proxying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as (proxy, heads):
        form = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "ghp_new"}
        connections.connect(
            server, url=form["url"], login=form["login"], token="ghp_secret", proxy=proxy, connected_by=None
        )
        url = address("connect_server", enterprise, server.pk)
        assert "407 Proxy Authentication Required" in browser.post(url, form | {"test": "1"}).content.decode()
        assert heads
        heads.clear()
        browser.post(url, form | {"test": "1", "no_proxy": "on"})
        assert not heads


def test_a_proxy_that_can_not_be_read_any_more_does_not_get_lost(
    browser: Client, enterprise: Enterprise, by_proxy: Connection, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    url = address("connect_server", enterprise, by_proxy.deployment_id)
    assert "can’t be read any more" in browser.get(url).content.decode()
    form = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "ghp_new"}
    for button in ("save", "test"):
        page = browser.post(url, form | {button: "1"}).content.decode()
        assert "The stored proxy can’t be read, since the encryption key of LicenseSync has changed." in page
    connection = Connection.objects.get()
    assert connection.sealed_proxy == by_proxy.sealed_proxy
    browser.post(url, ANYWAY | form | {"proxy": PROXY})
    assert connections.proxy_of(Connection.objects.get()) == PROXY


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("url", "ftp://ghe.octo.example", "ftp://ghe.octo.example"),
        (
            "ca_certificates",
            "no certificate",
            "authority (CA) can’t be read. Nothing was stored.",
        ),
        ("proxy", "proxy:3128", "The address of the proxy can’t be read. Nothing was stored."),
        ("proxy", "http://", "The address of the proxy can’t be read. Nothing was stored."),
        ("proxy", "http://proxy.example:99999", "The address of the proxy can’t be read. Nothing was stored."),
    ],
)
def test_what_can_not_be_right_is_refused_beside_its_field(
    browser: Client, enterprise: Enterprise, field: str, typed: str, said: str
) -> None:
    form = {"url": "https://ghe.octo.example", "login": "octo-admin", "token": "ghp_secret"} | {field: typed}
    for button in ("test", "save"):
        answer = browser.post(address("connect_new_server", enterprise), form | {button: "1"})
        assert said in answer.content.decode()
    assert not Connection.objects.exists()


def test_sync_now_twice_is_one_job(browser: Client, enterprise: Enterprise, connection: Connection) -> None:
    url = address("sync_now", enterprise, connection.deployment_id)
    browser.post(url)
    answer = browser.post(url, {"from": "instance"}, follow=True)
    assert LicenseSyncJob.objects.count() == 1
    assert "Waiting to start" in answer.content.decode()
    assert "every 1s" in answer.content.decode()  # the page follows it


def test_the_page_of_an_instance_is_sent_again_only_when_it_has_changed(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    page = browser.get(address("instance", enterprise, connection.deployment_id)).content.decode()
    news = page.split('hx-get="')[-1].split('"')[0] if 'id="live-instance"' not in page else ""
    news = news or page.split('id="live-instance" hx-get="')[1].split('"')[0]
    assert browser.get(news).status_code == 204
    browser.post(address("sync_now", enterprise, connection.deployment_id))
    assert b"Waiting to start" in browser.get(news).content


def test_a_server_without_a_list_is_said_to_have_none_here(
    browser: Client, enterprise: Enterprise, server: Deployment
) -> None:
    """Whether GitHub has its usage by GitHub Connect, we can't know."""
    page = browser.get(address("license", enterprise)).content.decode()
    assert "<small>No usage in LicenseSync yet</small>" in page
    assert "GitHub Connect" not in page


def test_sync_all(browser: Client, enterprise: Enterprise, connection: Connection) -> None:
    deployments.server_named(enterprise, "not-connected.octo.example")
    browser.post(address("sync_all", enterprise))
    assert [job.deployment for job in LicenseSyncJob.objects.all()] == [connection.deployment]


def test_what_was_done_is_told_as_news_and_a_refusal_at_once_as_one(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    url = address("disconnect", enterprise, connection.deployment_id)
    done = browser.post(url, follow=True).content.decode()
    assert '<div class="flash" data-tone="success" role="status">' in done
    refused = browser.post(address("sync_now", enterprise, connection.deployment_id), follow=True).content.decode()
    assert '<div class="flash" data-tone="danger" role="alert">' in refused
    assert "ghe.octo.example is not connected" in refused


def test_a_click_that_is_refused_is_told_so_at_once_where_it_was_clicked(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    """Somebody else has disconnected the server, while the page with its button is open."""
    news, license = address("license_news", enterprise), address("license", enterprise)
    seen = seen_on(browser.get(license).content.decode())
    connections.disconnect(connection)
    sync_now = address("sync_now", enterprise, connection.deployment_id)
    told = browser.post(sync_now, seen, headers=HTMX).content.decode()
    assert '<div class="stack stack-close messages" id="messages" hx-swap-oob="true">' in told
    assert '<div class="flash" data-tone="danger" role="alert">' in told
    assert "ghe.octo.example is not connected" in told
    for later in (license, news):
        assert "is not connected, so nothing" not in browser.get(later).content.decode()
    # Nothing else on the page need have changed, and nobody but who clicked is told.
    seen = seen_on(browser.get(license).content.decode())
    assert "is not connected" in browser.post(sync_now, seen, headers=HTMX).content.decode()
    browser.post(sync_now)
    assert browser.get(news, seen, headers=HTMX).status_code == 204
    assert "is not connected" in browser.get(license).content.decode()


def test_the_schedule_is_changed(browser: Client, enterprise: Enterprise, connection: Connection) -> None:
    url, license = address("schedule", enterprise, connection.deployment_id), address("license", enterprise)
    browser.post(url, {"schedule": "daily"})
    assert "<small>Only on Sync now</small>" not in browser.get(license).content.decode()
    connection.refresh_from_db()
    assert connection.schedule == Schedule.DAILY
    browser.post(url, {"schedule": "off"})
    connection.refresh_from_db()
    assert connection.next_sync_at is None
    page = browser.get(address("instance", enterprise, connection.deployment_id)).content.decode()
    assert "It never syncs by itself." in page
    assert "<small>Only on Sync now</small>" in browser.get(license).content.decode()
    connections.disconnect(connection)
    assert "<small>Only on Sync now</small>" not in browser.get(license).content.decode()


def test_to_disconnect_forgets_the_token_and_keeps_the_accounts(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    url = address("disconnect", enterprise, connection.deployment_id)
    assert b"Disconnect ghe.octo.example?" in browser.get(url).content
    browser.post(url)
    assert not Connection.objects.exists()
    assert Deployment.objects.filter(pk=connection.deployment_id).exists()


def test_a_push_token_is_shown_once_and_is_for_this_instance_only(
    browser: Client, enterprise: Enterprise, server: Deployment
) -> None:
    url = address("push", enterprise, server.pk)
    made = browser.post(url, {"name": "cron"})
    assert (made.status_code, made["Location"]) == (302, url), "loaded again, the page makes no other token"
    answer = browser.get(url)
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    secret = "lsy_" + page.split("lsy_")[1][:40]
    token = ApiToken.objects.get()
    assert token.token_hash == sha256(secret)
    assert (token.deployment, token.scopes, token.name) == (server, ["write:usage"], "cron")
    assert f"Bearer {secret}" in page
    assert "lsy_" not in browser.get(url).content.decode()
    revoke = address("revoke_push_token", enterprise, server.pk, token.pk)
    assert "Revoke the token “cron”?" in browser.get(revoke).content.decode()
    assert browser.post(revoke)["Location"] == url
    assert not ApiToken.objects.exists()


def test_a_push_token_has_a_name_that_can_be_stored(
    browser: Client, enterprise: Enterprise, server: Deployment
) -> None:
    browser.post(address("push", enterprise, server.pk), {"name": "nightly\0 \u2028report"})
    assert ApiToken.objects.get(deployment=server).name == "nightly report"


def test_the_push_of_the_cloud_is_of_its_own_list(browser: Client, enterprise: Enterprise, server: Deployment) -> None:
    """A server's file that is delivered as the cloud's is refused."""
    cloud = deployments.cloud_of(enterprise)
    of_cloud = browser.get(address("push", enterprise, cloud.pk)).content.decode()
    of_server = browser.get(address("push", enterprise, server.pk)).content.decode()
    assert "--data-binary @consumed-licenses.json" in of_cloud
    assert "--data-binary @license-usage.json" in of_server
    for words in ("all_users.csv", "license usage export", "For a server that", "appliance"):
        assert words in of_server
        assert words not in of_cloud


def test_deleting_asks_in_figures_first(browser: Client, enterprise: Enterprise, server: Deployment) -> None:
    Deployment.objects.update(last_usage_at="2026-01-01T00:00Z", accounts=704, only_here=88)
    url = address("delete_instance", enterprise, server.pk)
    page = " ".join(browser.get(url).content.decode().split())
    assert "Its 704 accounts go; 88 people who are only here stop counting. This can’t be undone: added again," in page
    assert Deployment.objects.exists()
    browser.post(url)
    assert LicenseSyncJob.objects.get().kind == JobKind.DELETE


def test_after_three_failures_the_owner_sees_a_standing_notice(
    browser: Client, enterprise: Enterprise, connection: Connection
) -> None:
    for _ in range(3):
        LicenseSyncJob.objects.create(
            deployment=connection.deployment,
            kind=JobKind.SYNC,
            trigger=Trigger.SCHEDULED,
            state=JobState.FAILURE,
            finished_at="2026-01-01T00:00Z",
            problem_code="sign_in_page",
            problem_params={"host": "ghe.octo.example", "scope": "site_admin"},
        )
    page = browser.get(address("instance", enterprise, connection.deployment_id)).content.decode()
    assert "The last 3 syncs failed." in page
    assert "Enter a new token" in page
