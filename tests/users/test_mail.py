"""Mail as the settings say, to a mail server on this machine: who signs in there, from whom, and never in the clear."""

import base64
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.github.serving import Authority
from tests.product import MANAGE, product_environment

SEND = "import django; django.setup(); from licensesync.users import mail; print(mail.send('to@b.example', 'S', 'T'))"


@dataclass
class MailServer:
    """What it was told, and over what: (word, whether TLS was on)."""

    port: int
    heard: list[tuple[str, bool]] = field(default_factory=list)

    def heard_in_tls(self, word: str) -> list[bool]:
        return [is_tls for heard, is_tls in self.heard if heard.lower().startswith(word.lower())]


@contextmanager
def mail_server(tls: ssl.SSLContext | None) -> Iterator[MailServer]:
    """It takes mail from whoever signs in; with `tls` it offers STARTTLS."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = MailServer(listener.getsockname()[1])

    def serve() -> None:
        with suppress(OSError):
            while True:
                with suppress(ssl.SSLError):
                    _talk(listener.accept()[0], server, tls)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _talk(client: socket.socket, server: MailServer, tls: ssl.SSLContext | None) -> None:
    client.settimeout(20)
    client.sendall(b"220 mail\r\n")
    lines = client.makefile("rb")
    is_tls = False
    while line := lines.readline().decode().strip():
        server.heard.append((line, is_tls))
        word = line.split()[0].upper()
        if word == "EHLO":
            offers = ["mail", *(["STARTTLS"] if tls and not is_tls else []), "AUTH PLAIN"]
            signs = ["-"] * (len(offers) - 1) + [" "]
            client.sendall("".join(f"250{sign}{offer}\r\n" for sign, offer in zip(signs, offers, strict=True)).encode())
        elif word == "STARTTLS" and tls:
            client.sendall(b"220 go on\r\n")
            client = tls.wrap_socket(client, server_side=True)
            lines, is_tls = client.makefile("rb"), True
        elif word == "AUTH":
            client.sendall(b"235 welcome\r\n")
        elif word == "DATA":
            client.sendall(b"354 go on\r\n")
            while (text := lines.readline()) not in (b".\r\n", b""):
                server.heard.append((text.decode().strip(), is_tls))
            client.sendall(b"250 taken\r\n")
        elif word == "QUIT":
            client.sendall(b"221 bye\r\n")
            break
        else:
            client.sendall(b"250 ok\r\n")
    client.close()


def sent(data_dir: Path, server: MailServer, **settings: str) -> bool:
    """Whether a mail goes out, of a product with these settings."""
    environment = product_environment(
        data_dir,
        LICENSESYNC_MAIL_HOST="127.0.0.1",
        LICENSESYNC_MAIL_PORT=str(server.port),
        LICENSESYNC_MAIL_USER="postman",
        LICENSESYNC_MAIL_PASSWORD="open sesame",
        LICENSESYNC_MAIL_FROM="LicenseSync <us@b.example>",
        DJANGO_SETTINGS_MODULE="licensesync.config.settings",
        **settings,
    )
    result = subprocess.run(
        [sys.executable, "-c", SEND], cwd=MANAGE.parent, env=environment, capture_output=True, text=True, check=True
    )
    return result.stdout.strip().endswith("True")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    return authority


def test_who_signs_in_and_who_sends(tmp_path: Path, authority: Authority) -> None:
    with mail_server(authority.tls()) as server:
        assert sent(tmp_path / "data", server, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    plain = base64.b64encode(b"\0postman\0open sesame").decode()
    assert server.heard_in_tls(f"AUTH PLAIN {plain}") == [True]
    assert server.heard_in_tls("mail FROM:<us@b.example>") == [True]
    assert server.heard_in_tls("rcpt TO:<to@b.example>") == [True]
    assert server.heard_in_tls("From: LicenseSync <us@b.example>") == [True]


def test_no_password_goes_to_a_server_that_can_not_be_trusted(tmp_path: Path, authority: Authority) -> None:
    """It offers no TLS, or its certificate is nobody's that this machine knows."""
    for tls in (None, authority.tls()):
        with mail_server(tls) as server:
            assert not sent(tmp_path / "data", server)
        assert server.heard_in_tls("EHLO") == [False]
        assert not [word for word, _ in server.heard if word.lower().startswith(("auth", "mail"))]


def test_without_tls_only_where_that_is_said(tmp_path: Path) -> None:
    with mail_server(None) as server:
        assert sent(tmp_path / "data", server, LICENSESYNC_MAIL_TLS="false")
    assert server.heard_in_tls("From: LicenseSync") == [False]
