"""Real HTTP and HTTPS servers on loopback that answer as a test tells them to, a CONNECT proxy, and certificates."""

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from licensesync.github.transport import Rules

LOOPBACK = Rules(allow=("127.0.0.1", "::1"))
TOKEN = "ghp_secret0123456789"


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Handler(BaseHTTPRequestHandler):
    """One request; `reply` sends a whole answer."""

    protocol_version = "HTTP/1.1"
    site: "Site"

    def reply(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.site.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        self.site.answer(self)

    do_HEAD = do_POST = do_GET

    def log_message(self, *_args: Any) -> None:
        pass


@dataclass
class Site:
    answer: Callable[[Handler], None]
    url: str = ""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_args: Any) -> None:
        """Clients that hang up are what many tests are about."""


@contextmanager
def serving(
    answer: Callable[[Handler], None], *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Site]:
    site = Site(answer)
    server = _Server(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": site}))
    server.tls = tls
    site.port = server.server_port
    site.url = f"{'https' if tls else 'http'}://{host}:{site.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def replying(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(status, body, **headers)


def by_path(**answers: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """Answers by the last word of the path, without its ending; 404 for the rest."""

    def answer(handler: Handler) -> None:
        word = handler.path.split("?")[0].rsplit("/", 1)[-1].split(".")[0].replace("-", "_")
        answers.get(word, replying(404))(handler)

    return answer


def dripping(pieces: list[bytes], pause: float, *, status: int = 200, **headers: str) -> Callable[[Handler], None]:
    """Sends piece by piece, then closes the connection."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(pause)
        handler.close_connection = True

    return answer


@dataclass
class Authority:
    """A private CA, as the company of an appliance has one."""

    ca: trustme.CA = field(default_factory=lambda: trustme.CA(organization_name="Acme", organization_unit_name="CA"))

    @property
    def pem(self) -> str:
        return self.ca.cert_pem.bytes().decode()

    def tls(self, *names: str, until: datetime.datetime | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(
            *(names or ("127.0.0.1",)),
            common_name="ghes.example.com",
            not_before=datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC),
            not_after=until,
        ).configure_cert(context)
        return context


@contextmanager
def proxying(refusal: bytes | None = None) -> Iterator[tuple[str, list[str]]]:
    """A CONNECT proxy that sends a refusal, or leads to the same port of loopback whatever the host's name.

    Yields its address and the heads of the requests that it got.
    """
    heads: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            heads.append(head.decode())
            if refusal is not None:
                client.sendall(refusal)
                return
            port = int(heads[-1].split()[1].rsplit(":", 1)[1])
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
                back.start()
                _pump(client, upstream)
                back.join(5)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads
    finally:
        listener.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
