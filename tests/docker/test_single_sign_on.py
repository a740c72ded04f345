"""The proxy of docs/operations.md, "Single sign-on", as it stands there: whom it lets through, and as whom."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.docker.files import DOCKER

pytestmark = pytest.mark.skipif(not shutil.which("caddy"), reason="Caddy is not installed")

SECRET = "of-the-proxy-and-of-nobody-else-32"
PATIENCE = 20


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Provider(Quiet):
    """oauth2-proxy, which knows Eve by her cookie."""

    def do_GET(self) -> None:
        is_eve = self.headers.get("Cookie") == "eve"
        is_asked = self.path.partition("?")[0] == "/oauth2/auth"
        self.send_response(401 if is_asked and not is_eve else 200)
        if is_eve:
            self.send_header("X-Auth-Request-Email", "eve@octo.example")
        self.send_header("Content-Length", "0")
        self.end_headers()


class Product(Quiet):
    """LicenseSync: answers with what it was told."""

    def do_GET(self) -> None:
        told = f"{self.headers.get('X-Auth-Request-Email')} {self.headers.get('X-SSO-Secret')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Its port."""
    folder = tmp_path_factory.mktemp("caddy")
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), each) for each in (Provider, Product)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    said = (DOCKER.parent / "docs" / "operations.md").read_text()
    config = re.findall(r"^```\n(licenses\.example\.com \{\n.*?^\})\n```", said, re.DOTALL | re.MULTILINE)[0]
    for theirs, ours in (
        ("licenses.example.com", f"http://127.0.0.1:{port}"),
        ("127.0.0.1:4180", f"127.0.0.1:{servers[0].server_port}"),
        ("127.0.0.1:8000", f"127.0.0.1:{servers[1].server_port}"),
    ):
        assert theirs in config
        config = config.replace(theirs, ours)
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + config)
    environment = {"HOME": str(folder), "LICENSESYNC_SSO_SECRET": SECRET}
    command = [str(shutil.which("caddy")), "run", "--adapter", "caddyfile", "--config", str(file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as caddy:
        try:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                with socket.socket() as there:
                    if there.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield port
        finally:
            caddy.terminate()
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(port: int, path: str, **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer, answer.read().decode()


FORGED = {"X_Auth_Request_Email": "owner@octo.example", "X_SSO_Secret": "guessed"}


def test_who_is_signed_in_is_named_whatever_the_browser_says(proxy: int) -> None:
    assert ask(proxy, "/account", Cookie="eve", **FORGED)[1] == f"eve@octo.example {SECRET}"


@pytest.mark.parametrize("path", ["/account?page=2", "/static/../account", "/static/..%2faccount", "/metrics"])
def test_a_page_leads_to_the_provider_and_back(proxy: int, path: str) -> None:
    """Back by a path alone: oauth2-proxy takes an address of another site for a trap, unless it is told otherwise."""
    answer, _ = ask(proxy, path, Accept="text/html,*/*", **FORGED)
    assert (answer.status, answer.headers["Location"]) == (302, f"/oauth2/sign_in?rd={path}")


@pytest.mark.parametrize("headers", [{"HX_Request": "true", "Accept": "*/*"}, {"Accept": "text/plain"}])
def test_scripts_of_a_page_have_it_loaded_anew(proxy: int, headers: dict[str, str]) -> None:
    """htmx at its header, upload.js at the status."""
    answer, _ = ask(proxy, "/account", **headers)
    assert (answer.status, answer.headers["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize("path", ["/api/v3/enterprises", "/static/x.css", "/healthz", "/readyz"])
def test_what_needs_nobody_names_nobody(proxy: int, path: str) -> None:
    assert ask(proxy, path, **FORGED)[1].startswith("None ")
