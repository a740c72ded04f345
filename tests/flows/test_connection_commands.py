"""`connect`, `sync` and `rotate_keys`: what scripts get told, and that nothing of it is secret."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from licensesync.enterprises import connections
from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.licenses.queries import current_count
from licensesync.syncing.models import LicenseSyncJob, Trigger, UsageFile
from tests.flows.lists import new_enterprise
from tests.worlds import Played

pytestmark = pytest.mark.django_db(transaction=True)

Connect = Callable[..., list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def quick(settings: Any) -> None:
    settings.CONNECT_ALLOW = ("127.0.0.1",)
    settings.RETRY_SECONDS = 0.02


@pytest.fixture
def enterprise() -> Enterprise:
    return new_enterprise()


def run(*words: str) -> list[dict[str, Any]]:
    """The lines of a command, which are JSON."""
    out = io.StringIO()
    call_command(*words, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, enterprise: Enterprise, github: Played) -> Connect:
    """`manage.py connect` for the played server or cloud, with its token or another one."""
    played, addresses = github
    assert played.cloud
    server = ["server", "--url", addresses.servers["ghe.octo.example"], "--login", "octo-admin"]
    server += ["--host", "ghe.octo.example"]
    cloud = ["cloud", "--url", addresses.cloud, "--slug", played.cloud.slug]

    def words(kind: str, token: str = "") -> list[dict[str, Any]]:
        right = played.servers[0].token if kind == "server" else getattr(played.cloud, "token", "")
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{token or right}\n"))
        return run("connect", enterprise.slug, *(server if kind == "server" else cloud), "--token-stdin")

    return words


def test_connected_and_synced_by_script(connect: Connect, enterprise: Enterprise, github: Played) -> None:
    played, addresses = github
    [server], [cloud] = connect("server"), connect("cloud")
    assert (server["source"], server["login"], server["schedule"]) == ("ghe.octo.example", "octo-admin", "weekly")
    assert server["url"] == addresses.servers["ghe.octo.example"]
    assert (cloud["login"], cloud["slug"]) == (None, "octo-industries")
    assert played.servers[0].token not in str([server, cloud])

    [waiting] = run("sync", enterprise.slug, "--cloud")
    assert (waiting["state"], waiting["accounts_read"], waiting["problem"]) == ("PENDING", None, None)
    done = run("sync", enterprise.slug, "--all", "--wait")
    assert [(line["source"], line["state"], line["accounts_read"]) for line in done] == [
        ("ghe.octo.example", "SUCCESS", 6),
        ("GitHub Enterprise Cloud", "SUCCESS", 3),
    ]
    assert done[1]["job"] == waiting["job"]  # the one that waited
    [again] = run("sync", enterprise.slug, "--server", "ghe.octo.example", "--wait")
    assert (again["added"], again["changed"], again["removed"]) == (0, 0, 0)
    assert set(LicenseSyncJob.objects.values_list("trigger", flat=True)) == {Trigger.SCRIPT}
    enterprise.refresh_from_db()
    count = current_count(enterprise)
    assert count is not None
    assert count.consumed == 7


def test_one_that_fails_is_said_and_the_others_are_synced(connect: Connect, enterprise: Enterprise) -> None:
    connect("server", "ghp_wrong")
    connect("cloud")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"ghe\.octo\.example: ") as failed:
        call_command("sync", enterprise.slug, "--all", "--wait", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["state"] for line in lines] == ["FAILURE", "SUCCESS"]
    assert lines[0]["problem"] in str(failed.value)
    assert "ghp_wrong" not in out.getvalue() + str(failed.value)


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        (["--all"], "Nothing is connected"),
        (["--server", "ghes.example"], "There is no instance ghes.example"),
        (["--cloud"], "The cloud is not connected"),
    ],
)
def test_what_is_not_connected_is_said(enterprise: Enterprise, which: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("sync", enterprise.slug, *which)


def test_without_a_token_nothing_is_connected(enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(CommandError, match="The token is missing"):
        run("connect", enterprise.slug, "cloud", "--slug", "octo", "--token-stdin")
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--proxy", "http://proxy.example:99999"], "The address of the proxy can’t be read. Nothing was stored."),
        (["--ca", __file__], r"The certificate of the authority \(CA\) can’t be read. Nothing was stored."),
    ],
)
def test_what_can_not_be_right_is_not_stored(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch, option: list[str], sentence: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("ghp_secret\n"))
    with pytest.raises(CommandError, match=sentence):
        run("connect", enterprise.slug, "cloud", "--slug", "octo", "--token-stdin", *option)
    assert not Connection.objects.exists()


def test_a_script_connects_two_servers_of_one_machine_and_moves_none_by_mistake(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(port: int, *more: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("ghp_secret\n"))
        url = f"http://127.0.0.1:{port}"
        words = ("server", "--url", url, "--login", "octo-admin", "--token-stdin")
        [connected] = run("connect", enterprise.slug, *words, *more)
        return str(connected["source"])

    with pytest.raises(CommandError, match=r"Enter the host name.*Nothing was stored.*--host HOST"):
        connect(8101)
    assert not Deployment.objects.exists()
    named = ("--host", "127.0.0.1")
    assert [connect(8101, *named), connect(8101)] == ["127.0.0.1", "127.0.0.1"]  # as it is known, it stays
    with pytest.raises(
        CommandError, match=r"127\.0\.0\.1:8102 may be another server than 127\.0\.0\.1:8101.*--host HOST"
    ):
        connect(8102)
    assert connect(8102, "--host", "ghe.apac.example") == "ghe.apac.example"
    with pytest.raises(CommandError, match=r"http://127\.0\.0\.1:8102 is already connected as ghe\.apac\.example"):
        connect(8102, "--host", "typo.example")
    assert not Deployment.objects.filter(host="typo.example").exists()
    assert connect(8103, "--same-server") == "127.0.0.1"
    assert set(Connection.objects.values_list("url", flat=True)) == {"http://127.0.0.1:8102", "http://127.0.0.1:8103"}


def test_a_script_takes_no_other_enterprise_by_mistake(enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(slug: str, *more: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("ghp_secret\n"))
        run("connect", enterprise.slug, "cloud", "--slug", slug, "--token-stdin", *more)

    connect("octo")
    with pytest.raises(CommandError, match=r"octo-emea \(api\.github\.com\) may be another.*--same-enterprise"):
        connect("octo-emea")
    assert Connection.objects.get().cloud_slug == "octo"
    connect("octo-emea", "--same-enterprise")
    assert Connection.objects.get().cloud_slug == "octo-emea"


def test_a_proxy_stays_until_the_script_says_otherwise(enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = "http://mona:password@proxy.example:3128"
    for options, kept in ((["--proxy", proxy], proxy), ([], proxy), (["--proxy", ""], "")):
        monkeypatch.setattr("sys.stdin", io.StringIO("ghp_secret\n"))
        run("connect", enterprise.slug, "cloud", "--slug", "octo", "--token-stdin", *options)
        assert connections.proxy_of(Connection.objects.get()) == kept


def test_keys_are_rotated_by_adding_one_first(connect: Connect, github: Played, settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    connect("server")
    settings.ENCRYPTION_KEYS = [new, old]
    call_command("rotate_keys", stdout=io.StringIO())
    settings.ENCRYPTION_KEYS = [new]
    assert connections.token_of(Connection.objects.get()) == github[0].servers[0].token
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), old]
    with pytest.raises(CommandError, match=r"can’t be read.*Nothing was changed"):
        call_command("rotate_keys", stdout=io.StringIO())


def test_keys_are_not_rotated_where_only_the_old_one_is_known(connect: Connect, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]  # as in a shell without the processes' variables
    connect("server")
    sealed = Connection.objects.get().sealed_token
    with pytest.raises(CommandError, match=r"Only one key.*Nothing was changed"):
        call_command("rotate_keys", stdout=io.StringIO())
    assert Connection.objects.get().sealed_token == sealed


def test_no_token_is_in_any_line_or_row(
    connect: Connect, enterprise: Enterprise, github: Played, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    for kind, which in (("server", ["--server", "ghe.octo.example"]), ("cloud", ["--cloud"])):
        connect(kind, "ghp_wrong_one")
        with pytest.raises(CommandError) as failed:
            run("sync", enterprise.slug, *which, "--wait")
        connect(kind)
        run("sync", enterprise.slug, *which, "--wait")
        rows = str([list(model.objects.values()) for model in (LicenseSyncJob, UsageFile, Connection)])
        said = caplog.text + "".join(capfd.readouterr()) + str(failed.value) + rows
        for secret in ("ghp_wrong_one", *(each.token for each in github[0].deployments)):
            assert secret not in said
