"""The deployments on real sockets: one port each, on loopback."""

import contextlib
import secrets
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from licensesync.simulated_github import control
from licensesync.simulated_github.enterprise_cloud import SimulatedCloud
from licensesync.simulated_github.enterprise_server import SimulatedServer
from licensesync.simulated_github.exchange import (
    Deployment,
    Reply,
    Request,
    redirect,
    sign_in_page,
    whole,
)
from licensesync.simulated_github.trouble import Trouble

LOOPBACK = "127.0.0.1"
IDLE_SECONDS = 60
ENDLESS_CHUNK = b" " * 65_536


@dataclass
class SimulatedGitHub:
    """Everything that is played at once. Its objects may be changed at any time."""

    servers: list[SimulatedServer] = field(default_factory=list)
    cloud: SimulatedCloud | None = None

    @property
    def deployments(self) -> list[Deployment]:
        """In the order of their ports."""
        return [*([self.cloud] if self.cloud else []), *self.servers]


@dataclass(frozen=True)
class Addresses:
    """Where each answers, like `http://127.0.0.1:8100`, without a slash at the end."""

    cloud: str  # "" where none is played
    servers: dict[str, str]  # by host


@contextmanager
def running(github: SimulatedGitHub, *, first_port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Addresses]:
    """Play it in threads of this process until the end of the block, on free ports or on `first_port` and following.

    With `tls` (a server's context with its certificate) it answers https. OSError: a port is taken.
    """
    with contextlib.ExitStack() as stack:
        addresses = {}
        for number, deployment in enumerate(github.deployments):
            listener = Listener(deployment, first_port and first_port + number, tls)
            stack.callback(listener.stop)
            threading.Thread(target=listener.serve_forever, daemon=True).start()
            addresses[deployment.name] = listener.address
        cloud = addresses.pop(github.cloud.name) if github.cloud else ""
        yield Addresses(cloud, addresses)


class Listener(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, deployment: Deployment, port: int, tls: ssl.SSLContext | None) -> None:
        self.deployment = deployment
        self.connections: set[socket.socket] = set()
        super().__init__((LOOPBACK, port), Handler)
        self.address = f"{'https' if tls else 'http'}://{LOOPBACK}:{self.server_port}"
        if tls:  # the handshake is left to the connection's own thread
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self) -> None:
        """Without looking up the name of 127.0.0.1, as HTTPServer does, which takes seconds on some machines."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, client = super().get_request()
        self.connections.add(connection)
        return connection, client

    def close_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().close_request(request)

    def stop(self) -> None:
        """Also ends connections that are kept open: what has stopped answers nobody."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for connections
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up whenever they like, and refuse certificates; anything else is our mistake and is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    server_version = "GitHub.com"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Nothing: requests carry tokens."""

    def do_GET(self) -> None:
        if self.path.startswith(control.PREFIX):
            self._send(control.answer(self.server.deployment, "GET", self.path, b""), Trouble())
            return
        self._play(b"")

    def _play(self, body: bytes) -> None:
        deployment = self.server.deployment
        with deployment.lock:
            deployment.seen[f"{self.command} {self.path}"] += 1
            trouble = deployment.next_trouble(self.path)
        trouble = trouble or Trouble()
        time.sleep(trouble.delay_seconds)
        if trouble.hang_up:
            self.close_connection = True
            return
        self._send(self._reply(trouble, body), trouble)

    def do_POST(self) -> None:
        self.close_connection = True  # whatever of the body stays unread
        # A page in a browser can't send this type to another origin without asking first, and nobody answers that.
        if self.headers.get_content_type() != "application/json":
            self._send(Reply(404), Trouble())
            return
        length = min(whole(self.headers.get("Content-Length", ""), 0), control.MAX_BYTES)
        body = self.rfile.read(length)
        if self.path.startswith(control.PREFIX):
            self._send(control.answer(self.server.deployment, "POST", self.path, body), Trouble())
        else:
            self._play(body)

    def _reply(self, trouble: Trouble, body: bytes) -> Reply:
        if trouble.status is not None:
            return self.server.deployment.failure(trouble)
        if trouble.sign_in_page:
            return sign_in_page()
        if trouble.redirect_to is not None:
            return redirect(trouble.redirect_to)
        parts = urlsplit(self.path)
        scheme, _, host = self.server.address.partition("://")
        return self.server.deployment.answer(
            Request(
                address=f"{scheme}://{self.headers.get('Host', host)}",
                path=unquote(parts.path),
                query=dict(parse_qsl(parts.query)),
                headers=cast(Mapping[str, str], self.headers),
                method=self.command,
                body=body,
            )
        )

    def _send(self, reply: Reply, trouble: Trouble) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("X-GitHub-Request-Id", secrets.token_hex(16).upper())
        if trouble.endless:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        body = reply.body
        if trouble.close_after_bytes is not None:
            body = body[: trouble.close_after_bytes]
            self.close_connection = True
        if trouble.bytes_per_second is None:
            self.wfile.write(body)
        else:
            step = max(1, trouble.bytes_per_second // 20)
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                time.sleep(step / trouble.bytes_per_second)
        while trouble.endless:
            self.wfile.write(ENDLESS_CHUNK)
