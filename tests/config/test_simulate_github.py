"""`manage.py simulate_github`: the example enterprise or one's own lists, on loopback, until it is told to stop."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from licensesync.demo import SLUG, write_demo_files
from licensesync.simulated_github import worlds
from tests.flows.lists import identities
from tests.product import MANAGE, product_environment
from tests.simulated_github.test_simulated_github import LICENSES, REPORT, ask, basic

DAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@contextmanager
def simulated(data_dir: Path, *words: str, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """The command as a process of its own, and the lines that it said until it was ready."""
    process = subprocess.Popen(
        [sys.executable, str(MANAGE), "simulate_github", "--bind", "127.0.0.1:0", *words],
        env=product_environment(data_dir, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        yield process, lines
    finally:
        process.kill()
        process.communicate()


def said(lines: Sequence[str], pattern: str) -> str:
    match = re.search(pattern, "".join(lines))
    assert match, lines
    return match[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_plays_the_example_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    with simulated(tmp_path, "--demo", "--as-of", "2026-11-24T09:00:00Z", "--build-seconds", "0") as (process, lines):
        address, token = said(lines, r"cloud +(\S+)"), said(lines, r"cloud.* token (\S+)")
        answer = ask(address, LICENSES, Authorization=f"Bearer {token}")
        assert answer.json["total_seats_consumed"] == 2_002
        address, token = said(lines, r"server +(\S+)"), said(lines, r"server.* token (\S+)")
        login = said(lines, r"server.* login (\S+)")
        answers = [ask(address, REPORT, Authorization=basic(login, token)) for _ in range(2)]
        assert [answer.status for answer in answers] == [202, 200]
        process.send_signal(number)
        assert process.wait(20) == 0


def test_a_taken_port_is_said_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with simulated(tmp_path, "--demo", "--bind", bind) as (process, lines):
            assert process.wait(20) == 1
            assert "Nothing was started" in "".join(lines)


def test_tokens_are_the_same_each_time_and_need_not_be_seen(tmp_path: Path) -> None:
    with simulated(tmp_path, "--demo") as (_, lines):
        tokens = re.findall(r"ghp_\w{36}", "".join(lines))
        assert len(set(tokens)) == 3
    with simulated(tmp_path, "--demo", "--hide-tokens") as (_, lines):
        assert "ghp_" not in "".join(lines)
        answer = ask(said(lines, r"cloud +(\S+)"), LICENSES, Authorization=f"Bearer {tokens[0]}")
        assert answer.status == 200
    with simulated(tmp_path, "--demo", LICENSESYNC_SIMULATED_GITHUB_TOKEN="of-my-own") as (_, lines):
        assert "of-my-own" not in "".join(lines)
        answer = ask(said(lines, r"cloud +(\S+)"), LICENSES, Authorization="Bearer of-my-own")
        assert answer.status == 200


def test_the_example_reports_exactly_the_people_of_its_files(tmp_path: Path) -> None:
    files = write_demo_files(tmp_path, today=DAY)
    github = worlds.example(DAY)
    own = worlds.from_directory(directory_of(tmp_path, files.cloud_licenses, files.server_report), slug=SLUG)
    assert github.cloud
    assert own.cloud
    assert list(github.cloud.licenses) == list(own.cloud.licenses)
    assert (github.cloud.purchased, own.cloud.consumed) == (own.cloud.purchased, 2_002)
    example_servers = {server.host: list(server.accounts) for server in github.servers}
    assert example_servers[files.report_host] == list(own.servers[0].accounts)
    assert len(example_servers) == 2


def directory_of(tmp_path: Path, cloud_licenses: Path, server_report: Path) -> Path:
    directory = tmp_path / "own"
    directory.mkdir()
    cloud_licenses.rename(directory / "consumed-licenses.json")
    server_report.rename(directory / "ghes-apac.octo.example.csv")
    return directory


def test_own_identities_are_those_that_it_answers_with(tmp_path: Path) -> None:
    lists = {"total_seats_purchased": 5, "total_seats_consumed": 2, "users": []}
    (tmp_path / "consumed-licenses.json").write_text(json.dumps(lists))
    own = worlds.from_directory(tmp_path, slug=SLUG).cloud
    assert own
    assert own.identities is None
    pages = [json.loads(identities((login, f"{login}@octo.example"))) for login in ("ana", "bob")]
    (tmp_path / "identities.json").write_text(json.dumps(pages))
    own = worlds.from_directory(tmp_path, slug=SLUG).cloud
    assert own
    assert own.identities
    assert [node["user"]["login"] for node in own.identities] == ["ana", "bob"]
    (tmp_path / "identities.json").write_text('{"data": null}')
    with pytest.raises(ValueError, match="identities"):
        worlds.from_directory(tmp_path, slug=SLUG)


def test_own_lists_must_be_lists(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has neither"):
        worlds.from_directory(tmp_path, slug=SLUG)
    (tmp_path / "consumed-licenses.json").write_text('{"users": []}')
    with pytest.raises(ValueError, match="no list of consumed licenses"):
        worlds.from_directory(tmp_path, slug=SLUG)
    (tmp_path / "ghe.octo.example.csv").write_text("login,email\nmona,mona@octo.example\n")
    with pytest.raises(ValueError, match="columns of all_users"):
        worlds.from_directory(tmp_path, slug=SLUG)


@pytest.mark.parametrize(
    "bind", ["0.0.0.0:8100", "192.0.2.1:8100", "[::]:8100", "8100", "127.0.0.1:http", "127.0.0.1:"]
)
def test_it_listens_on_loopback_alone(bind: str) -> None:
    with pytest.raises(CommandError, match=r"127\.0\.0\.1:PORT alone"):
        call_command("simulate_github", "--demo", "--bind", bind)


def test_it_says_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has neither"):
        call_command("simulate_github", "--data", str(tmp_path))
    with pytest.raises(CommandError, match="write it like"):
        call_command("simulate_github", "--demo", "--as-of", "yesterday")
