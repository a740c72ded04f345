"""Certificates: a private authority, another host's name, expired; and the way through a proxy."""

import datetime
import socket
import ssl
import threading
from ipaddress import ip_address

import pytest

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import certificates, transport
from licensesync.github.failures import Passing
from licensesync.github.transport import Limits, Route, Rules, proxy_host
from tests.github.serving import LOOPBACK, TOKEN, Authority, Handler, proxying, replying, serving

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def fetched(url: str, route: Route) -> bytes:
    with transport.get(url, route, headers=HEADERS, limits=Limits(connect=5, read=5, total=20)) as answer:
        return answer.body()


def failed(url: str, route: Route) -> ExpectedError:
    with pytest.raises(ExpectedError) as raised:
        fetched(url, route)
    assert TOKEN not in repr(raised.value) + str(raised.value)
    return raised.value


def test_a_private_authority_is_trusted_once_it_is_given(authority: Authority) -> None:
    with serving(replying(200, b"hello"), tls=authority.tls()) as site:
        assert fetched(site.url, Route(LOOPBACK, authority.pem)) == b"hello"


def test_the_certificate_can_be_read_from_an_answer(authority: Authority) -> None:
    until = datetime.datetime(2040, 2, 29, tzinfo=datetime.UTC)
    with (
        serving(replying(), tls=authority.tls("127.0.0.1", "ghes.example.com", until=until)) as site,
        transport.get(site.url, Route(LOOPBACK, authority.pem), headers={}) as answer,
    ):
        assert answer.certificate
        assert answer.certificate.subject.startswith("ghes.example.com")
        assert "Acme" in answer.certificate.issuer
        assert answer.certificate.expires_at == until
        assert answer.certificate.names == ("ghes.example.com", "127.0.0.1")


def test_an_unknown_authority_is_named(authority: Authority) -> None:
    with serving(replying(), tls=authority.tls()) as site:
        error = failed(site.url, Route(LOOPBACK))
        assert all("Authorization" not in asked.headers for asked in site.asked), "the token stays with us"
    assert error.problem is errors.CERTIFICATE_UNTRUSTED
    assert not isinstance(error, Passing)
    assert str(error.params["subject"]).startswith("ghes.example.com")
    assert "Acme" in str(error.params["issuer"])


def test_another_authority_than_the_given_one(authority: Authority) -> None:
    with serving(replying(), tls=authority.tls()) as site:
        assert failed(site.url, Route(LOOPBACK, Authority().pem)).problem is errors.CERTIFICATE_UNTRUSTED


def test_a_certificate_for_another_host(authority: Authority) -> None:
    with serving(replying(), tls=authority.tls("other.example.com", "other.example.org")) as site:
        error = failed(site.url, Route(LOOPBACK, authority.pem))
        assert not [asked for asked in site.asked if "Authorization" in asked.headers]
    assert error.problem is errors.CERTIFICATE_OTHER_HOST
    assert error.params["names"] == "other.example.com, other.example.org"


def test_an_expired_certificate(authority: Authority) -> None:
    until = datetime.datetime(2020, 2, 29, tzinfo=datetime.UTC)
    with serving(replying(), tls=authority.tls(until=until)) as site:
        error = failed(site.url, Route(LOOPBACK, authority.pem))
    assert error.problem is errors.CERTIFICATE_EXPIRED
    assert error.params["expires"] == "2020-02-29"


def test_the_name_is_checked_and_sent_though_the_address_is_connected(authority: Authority) -> None:
    names: list[str | None] = []
    tls = authority.tls("ghes.example")
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(replying(200, b"hello"), tls=tls) as site:
        route = Route(LOOPBACK, authority.pem, resolve=lambda _host, _port: [ip_address("127.0.0.1")])
        assert fetched(f"https://ghes.example:{site.port}/", route) == b"hello"
        assert failed(f"https://evil.example:{site.port}/", route).problem is errors.CERTIFICATE_OTHER_HOST
    assert names[0] == "ghes.example"


def test_a_redirect_from_tls_to_plain_http_is_not_followed(authority: Authority) -> None:
    def answer(handler: Handler) -> None:
        handler.reply(302, Location=f"http://127.0.0.1:{handler.site.port}/data")

    with serving(answer, tls=authority.tls()) as site:
        assert failed(site.url, Route(LOOPBACK, authority.pem)).problem is errors.REDIRECTED
    assert site.paths == ["/"]


def test_a_server_without_tls_on_that_port() -> None:
    with serving(replying()) as site:
        error = failed(site.url.replace("http:", "https:"), Route(LOOPBACK))
    assert error.problem is errors.TLS_NOT_SPOKEN
    assert error.params["port"] == str(site.port)
    assert not isinstance(error, Passing)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(authority: Authority) -> None:
    tls = authority.tls()
    tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with serving(replying(), tls=tls) as site:
        assert failed(site.url, Route(LOOPBACK, authority.pem)).problem is errors.TLS_FAILED


@pytest.mark.parametrize("pem", ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "é"])
def test_what_is_no_certificate(pem: str) -> None:
    with pytest.raises(ExpectedError) as raised:
        certificates.trusting(pem)
    assert raised.value.problem is errors.CA_UNREADABLE


def test_everybody_else_is_still_checked() -> None:
    context = certificates.trusting()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


# By a proxy -----------------------------------------------------------------------------------------------------


def test_by_a_proxy_with_a_password(authority: Authority) -> None:
    with serving(replying(200, b"hello"), tls=authority.tls("ghes.example")) as site, proxying() as (proxy, heads):
        route = Route(LOOPBACK, authority.pem, proxy.replace("//", "//mona:pass%20word@"))
        assert fetched(f"https://ghes.example:{site.port}/", route) == b"hello"
        assert "pass" not in repr(route)
    assert heads[0].startswith(f"CONNECT ghes.example:{site.port} ")
    assert "Proxy-Authorization: Basic bW9uYTpwYXNzIHdvcmQ=" in heads[0]
    assert TOKEN not in "".join(heads)
    assert "Proxy-Authorization" not in site.asked[0].headers


def test_the_certificate_is_checked_behind_a_proxy_too(authority: Authority) -> None:
    with serving(replying(), tls=authority.tls("other.example")) as site, proxying() as (proxy, _heads):
        error = failed(f"https://ghes.example:{site.port}/", Route(LOOPBACK, authority.pem, proxy))
    assert error.problem is errors.CERTIFICATE_OTHER_HOST
    assert error.params["names"] == "other.example"


def test_a_proxy_that_refuses() -> None:
    with proxying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as (proxy, _heads):
        error = failed("https://ghes.example/", Route(LOOPBACK, proxy=proxy))
    assert error.problem is errors.PROXY_REFUSED
    assert error.params["reason"] == "407 Proxy Authentication Required"


@pytest.mark.parametrize(
    "proxy",
    ["proxy:3128", "socks5://proxy.example:1080", "http://:3128", "http://pro xy:3128", "http://proxy.example:abc"]
    + [f"http://proxy.example:{port}" for port in (-1, 0, 65_536, 99_999)],
)
def test_an_address_that_no_proxy_can_have(proxy: str) -> None:
    """One that was stored ends a call in words as well."""
    assert failed("https://ghes.example/", Route(LOOPBACK, proxy=proxy)).problem is errors.PROXY_UNREADABLE
    with pytest.raises(ExpectedError) as refused:
        proxy_host(proxy)
    assert refused.value.problem is errors.PROXY_UNREADABLE


def test_the_proxy_itself_must_be_at_a_permitted_address() -> None:
    with proxying() as (proxy, heads):
        assert failed("https://ghes.example/", Route(Rules(), proxy=proxy)).problem is errors.HOST_REFUSED
        assert not heads


@pytest.mark.parametrize("host", ["localhost", "169.254.169.254", "[::1]", "metadata.google.internal", "no.example"])
def test_hosts_are_refused_by_name_behind_a_proxy(host: str) -> None:
    with proxying() as (proxy, heads):
        route = Route(Rules(allow=("127.0.0.1",), deny=("no.example",)), proxy=proxy)
        assert failed(f"https://{host}/", route).problem is errors.HOST_REFUSED
        assert not heads


def test_no_plain_http_by_a_proxy() -> None:
    with proxying() as (proxy, heads):
        assert failed("http://ghes.example/", Route(LOOPBACK, proxy=proxy)).problem is errors.PLAIN_HTTP_REFUSED
        assert not heads


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "127.0.0.1:3128", "http://", "nonsense"])
def test_what_is_no_proxy(proxy: str) -> None:
    assert failed("https://ghes.example/", Route(LOOPBACK, proxy=proxy)).problem is errors.PROXY_UNREADABLE


def test_a_proxy_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failed("https://ghes.example/", Route(LOOPBACK, proxy=f"http://127.0.0.1:{port}"))
    assert isinstance(error, Passing)


def test_a_handshake_that_breaks_off_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            client, _address = listener.accept()
            client.recv(1024)
            client.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        error = failed(f"https://127.0.0.1:{listener.getsockname()[1]}/", Route(LOOPBACK))
        thread.join(5)
    assert isinstance(error, Passing)
    assert error.problem is errors.CONNECTION_LOST
