"""compose.yaml: what it says, and that each of its commands runs as it stands there."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.config.test_documented import names_read
from tests.docker.files import DOCKER, compose, copy_image, image, our_services
from tests.product import STOP_SECONDS, services

on_services = pytest.mark.skipif(
    not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")), reason="DATABASE_URL and REDIS_URL not set"
)
PATIENCE = 120


def test_only_settings_that_there_are() -> None:
    names = set(names_read())
    for service in our_services().values():
        assert {name.removesuffix("_FILE") for name in service["environment"]} <= names
    for file in ("compose.yaml", "Caddyfile"):
        said = re.findall(r"\$\{(\w+):-|\{\$(\w+)\}", (DOCKER / file).read_text())
        assert said
        assert {"".join(each) for each in said} <= names


def test_every_name_in_it_is_of_something_that_is_there() -> None:
    whole = compose()
    for name, service in whole["services"].items():
        assert set(service.get("depends_on", {})) <= set(whole["services"]), name
        assert set(service.get("secrets", [])) <= set(whole["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in whole["volumes"] or (DOCKER / source).exists(), name
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], name
    made = (DOCKER / "make-secrets").read_text()
    for secret in whole["secrets"].values():
        assert f"make {Path(secret['file']).name}\n" in made


def test_each_service_is_bounded_and_started_again() -> None:
    for name, service in compose()["services"].items():
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
    for name, service in our_services().items():
        assert (service["read_only"], service["init"], service["cap_drop"]) == (True, True, ["ALL"]), name
        assert service["stop_grace_period"] == "40s", name  # more than the 25 that `up` takes, on a busy machine


def test_the_order_of_the_start_is_by_health() -> None:
    all_services = compose()["services"]
    assert all_services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("web", "worker", "upkeep", "scheduler"):
        needs = all_services[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["redis"]["condition"] == "service_healthy"


@on_services
def test_every_command_runs_as_it_stands_there(tmp_path: Path) -> None:
    """On the files of the image, with real PostgreSQL and Redis: migrate, then the four parts; they become healthy,
    the link for the first owner is in the log, Prometheus gets in with its token, and all end well at SIGTERM."""
    copy_image(tmp_path / "app")
    (tmp_path / "make-secrets").write_bytes((DOCKER / "make-secrets").read_bytes())
    subprocess.run(["sh", str(tmp_path / "make-secrets")], check=True, timeout=30)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with services() as urls:
        containers = Containers(tmp_path, port, urls)
        assert containers.run("migrate", *our_services()["migrate"]["command"]) == 0
        with containers.all_up("web", "worker", "upkeep", "scheduler") as processes:
            wait_until(lambda: status(f"http://127.0.0.1:{port}/readyz") == 200)
            wait_until(lambda: "first owner, once: http://localhost:8000/setup/" in containers.log("web"))
            assert containers.run("web", *image().healthcheck) == 0
            for part in ("worker", "upkeep", "scheduler"):
                _cmd, *words = our_services()[part]["healthcheck"]["test"]
                wait_until(lambda part=part, words=words: containers.run(part, *words) == 0)  # type: ignore[misc]
            token = (tmp_path / "secrets" / "metrics-token").read_text()
            assert status(f"http://127.0.0.1:{port}/metrics", Authorization=f"Bearer {token}") == 200
            assert status(f"http://127.0.0.1:{port}/metrics") == 404
            for process in processes.values():
                process.send_signal(signal.SIGTERM)
            assert {name: process.wait(STOP_SECONDS) for name, process in processes.items()} == dict.fromkeys(
                processes, 0
            )
        assert "Traceback" not in "".join(map(containers.log, processes))


@pytest.mark.parametrize("url", ["https://licenses.example.com", "https://licenses.example.com/"])
def test_caddy_is_told_no_path(tmp_path: Path, url: str) -> None:
    """A slash at the end would be one; LicenseSync itself takes it off."""
    caddy = tmp_path / "caddy"
    caddy.write_text('#!/bin/sh\necho "$LICENSESYNC_URL $*"\n')
    caddy.chmod(0o755)
    words = [word.replace("$$", "$") for word in compose()["services"]["caddy"]["command"]]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LICENSESYNC_URL": url}
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, timeout=30).stdout
    assert said.startswith("https://licenses.example.com run --config /etc/caddy/Caddyfile ")


def test_the_image_itself_runs_web() -> None:
    assert our_services()["web"]["command"] == image().command


class Containers:
    """The services as processes: the image's files and environment, compose's commands, our own addresses."""

    def __init__(self, folder: Path, port: int, urls: dict[str, str]) -> None:
        self.folder, self.port, self.urls = folder, port, urls

    def environment(self, name: str) -> dict[str, str]:
        theirs = {
            variable: value.replace("/run/secrets", str(self.folder / "secrets"))
            for variable, value in our_services()[name]["environment"].items()
        }
        ours = {"PATH": os.environ["PATH"], "LICENSESYNC_DATA_DIR": str(self.folder / "data")}
        ours["http_proxy"] = "http://127.0.0.1:9"  # Docker and Podman hand on the one of whoever starts it
        return image().environment | theirs | ours | self.urls

    def command(self, words: tuple[str, ...]) -> list[str]:
        words = tuple(word.replace(":8000", f":{self.port}") for word in words)
        if words[0] != "python":
            words = (*image().entrypoint, *words)
        return [sys.executable, *words[1:]]

    def run(self, name: str, *words: str) -> int:
        return subprocess.run(
            self.command(words), cwd=self.folder / "app", env=self.environment(name), check=False, timeout=PATIENCE
        ).returncode

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    @contextmanager
    def all_up(self, *names: str) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
        with ExitStack() as stack:
            processes = {}
            for name in names:
                log = stack.enter_context((self.folder / f"{name}.log").open("wb"))
                processes[name] = subprocess.Popen(
                    self.command(tuple(our_services()[name]["command"])), cwd=self.folder / "app",
                    env=self.environment(name), stdout=log, stderr=log,
                )  # fmt: skip
                stack.callback(processes[name].wait, STOP_SECONDS)
                stack.callback(processes[name].terminate)
            yield processes


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
