"""The guarded call, against servers that are slow, huge, broken or lead elsewhere."""

import gzip
import logging
import socket
import time
from ipaddress import ip_address

import pytest

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import network, transport
from licensesync.github.failures import Passing
from licensesync.github.rules import Address
from licensesync.github.transport import Limits, Route, Rules
from tests.github.serving import LOOPBACK, TOKEN, Handler, Site, dripping, replying, serving

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
MB = 1024 * 1024


def fetched(url: str, route: Route | None = None, limits: Limits | None = None) -> bytes:
    with transport.get(url, route or Route(LOOPBACK), headers=HEADERS, sign_in_scope="site_admin", limits=limits) as it:
        return it.body()


def failed(url: str, route: Route | None = None, limits: Limits | None = None) -> ExpectedError:
    with pytest.raises(ExpectedError) as raised:
        fetched(url, route, limits)
    assert TOKEN not in repr(raised.value) + str(raised.value)
    return raised.value


class Answering:
    """A name service that gives one list of addresses after the other, and the last one again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = [[ip_address(text) for text in answer] for answer in answers]
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[Address]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def at(site: Site, host: str) -> str:
    return f"http://{host}:{site.port}/"


# What is sent ---------------------------------------------------------------------------------------------------


def test_it_says_who_we_are_and_takes_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(replying(200, b"hello")) as site:
        assert fetched(site.url) == b"hello"
    assert site.asked[0].headers["User-Agent"] == "licensesync"
    assert site.asked[0].headers["Host"] == f"127.0.0.1:{site.port}"


def test_no_log_line_carries_the_token(caplog: pytest.LogCaptureFixture) -> None:
    with serving(replying()) as site, caplog.at_level(logging.DEBUG):
        fetched(site.url)
    assert caplog.records
    assert TOKEN not in caplog.text


# Where it goes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost", "[::ffff:127.0.0.1]"])
def test_loopback_is_closed_in_every_spelling_unless_opened(host: str) -> None:
    with serving(replying()) as site:
        error = failed(at(site, host), Route(Rules()))
        assert error.problem is errors.HOST_REFUSED
        assert f"not allowed to connect to {host.strip('[]')}." in str(error)
        assert not site.asked


def test_the_checked_address_is_the_connected_one() -> None:
    """Rebinding: the name leads to an allowed address when checked, and to another one if asked again."""
    resolve = Answering(["127.0.0.1"], ["127.0.0.2"])
    with serving(replying(200, b"first")) as site:
        assert fetched(at(site, "ghes.example"), Route(LOOPBACK, resolve=resolve)) == b"first"
    assert resolve.asked == 1
    assert site.asked[0].headers["Host"].startswith("ghes.example")


def test_a_redirect_is_checked_again() -> None:
    resolve = Answering(["127.0.0.1"], ["169.254.169.254"])
    with serving(replying(302, Location="/elsewhere")) as site:
        error = failed(at(site, "ghes.example"), Route(LOOPBACK, resolve=resolve))
    assert error.problem is errors.ADDRESS_REFUSED
    assert error.params["address"] == "169.254.169.254"
    assert site.paths == ["/"]


def test_one_refused_address_among_several_refuses_the_host() -> None:
    with serving(replying()) as site:
        route = Route(LOOPBACK, resolve=Answering(["127.0.0.1", "169.254.169.254"]))
        assert failed(at(site, "ghes.example"), route).problem is errors.ADDRESS_REFUSED
        assert not site.asked


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with serving(replying(200, b"second")) as site:
        route = Route(Rules(allow=("127.0.0.0/8",)), resolve=Answering(["127.0.0.77", "127.0.0.1"]))
        assert fetched(at(site, "ghes.example"), route) == b"second"


@pytest.mark.parametrize("allow", [(), ("ghes.example",)])
def test_a_token_never_travels_over_plain_http_to_another_machine(allow: tuple[str, ...]) -> None:
    route = Route(Rules(allow=allow), resolve=Answering(["192.0.2.1"]))
    assert failed("http://ghes.example/", route).problem is errors.PLAIN_HTTP_REFUSED


def test_a_name_that_nobody_knows() -> None:
    def resolve(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = failed("https://ghes.example/", Route(LOOPBACK, resolve=resolve))
    assert error.problem is errors.HOST_UNKNOWN
    assert error.params == {"host": "ghes.example"}
    assert not isinstance(error, Passing)


def test_a_name_service_that_does_not_answer_passes() -> None:
    def resolve(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    assert isinstance(failed("https://ghes.example/", Route(LOOPBACK, resolve=resolve)), Passing)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failed(f"http://127.0.0.1:{port}/")
    assert isinstance(error, Passing)
    assert error.problem is errors.UNREACHABLE
    assert error.params == {"host": "127.0.0.1", "port": str(port), "reason": "connection refused"}


def test_resolved_gives_each_address_once() -> None:
    assert network.resolved("127.0.0.1", 80) == [ip_address("127.0.0.1")]


# Redirects ------------------------------------------------------------------------------------------------------


def test_a_redirect_within_the_origin_is_followed() -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/new":
            handler.reply(200, b"here")
        else:
            handler.reply(301, Location="/new")

    with serving(answer) as site:
        assert fetched(site.url + "/old") == b"here"
    assert site.paths == ["/old", "/new"]


def test_a_redirect_to_another_origin_is_not() -> None:
    with serving(replying()) as other, serving(replying(302, Location=other.url + "/data")) as site:
        error = failed(site.url)
        assert not other.asked
    assert error.problem is errors.REDIRECTED
    assert error.params["address"] == other.url


@pytest.mark.parametrize("location", ["/login?return_to=%2F", "https://sso.example/saml/initiate", "/session/new"])
def test_a_redirect_to_a_sign_in_page_is_recognised(location: str) -> None:
    with serving(replying(302, Location=location)) as site:
        error = failed(site.url)
    assert error.problem is errors.SIGN_IN_PAGE
    assert error.params["scope"] == "site_admin"


def test_round_and_round() -> None:
    with serving(replying(302, Location="/")) as site:
        assert failed(site.url).problem is errors.REDIRECTED
    assert len(site.asked) == transport.MAX_REDIRECTS + 1


# Time and size --------------------------------------------------------------------------------------------------


def test_a_server_that_says_nothing() -> None:
    with serving(lambda _handler: time.sleep(1)) as site:
        error = failed(site.url, limits=Limits(read=0.2))
    assert isinstance(error, Passing)
    assert error.problem is errors.NOT_ANSWERING


def test_a_server_that_drips_is_not_waited_for_longer_than_the_whole() -> None:
    started = time.monotonic()
    with serving(dripping([b"."] * 100, 0.05, Content_Length="100")) as site:
        error = failed(site.url, limits=Limits(read=5, total=0.5))
        assert time.monotonic() - started < 3
    assert isinstance(error, Passing)
    assert error.problem is errors.NOT_ANSWERING


def test_headers_that_drip_count_too() -> None:
    def answer(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            handler.wfile.write(b"X-%d: x\r\n" % number)
            time.sleep(0.05)

    with serving(answer) as site:
        assert failed(site.url, limits=Limits(read=5, total=0.5)).problem is errors.NOT_ANSWERING


def test_a_body_that_breaks_off() -> None:
    with serving(dripping([b"half"], 0, Content_Length="100")) as site:
        error = failed(site.url)
    assert isinstance(error, Passing)
    assert error.problem is errors.CONNECTION_LOST


def test_what_is_no_http() -> None:
    def answer(handler: Handler) -> None:
        handler.connection.sendall(b"SSH-2.0-babeld\r\n")
        handler.close_connection = True

    with serving(answer) as site:
        assert failed(site.url).problem is errors.CONNECTION_LOST


def test_an_answer_too_large_is_not_read_to_its_end() -> None:
    with serving(replying(200, b"x" * (3 * MB))) as site:
        error = failed(site.url, limits=Limits(size=MB))
    assert error.problem is errors.ANSWER_TOO_LARGE
    assert error.params["limit"] == "1 MB"


@pytest.mark.parametrize("size", [0, 1, transport.CHUNK, transport.CHUNK * 30 + 7])
def test_a_packed_answer_is_unpacked(size: int) -> None:
    body = bytes(size)
    with serving(replying(200, gzip.compress(body), Content_Encoding="gzip")) as site:
        assert fetched(site.url) == body
    parts = gzip.compress(body) + gzip.compress(b"more") + gzip.compress(body)
    with serving(replying(200, parts, Content_Encoding="gzip")) as site:
        assert fetched(site.url) == body + b"more" + body


def test_a_bomb_is_unpacked_piece_by_piece_and_no_further_than_the_limit() -> None:
    bomb = gzip.compress(bytes(64 * MB), 9)
    assert len(bomb) < MB
    sizes: list[int] = []

    def read(answer: transport.Answer) -> None:
        sizes.extend(map(len, answer.pieces()))

    with (
        serving(replying(200, bomb, Content_Encoding="gzip")) as site,
        transport.get(site.url, Route(LOOPBACK), headers={}, limits=Limits(size=MB)) as answer,
        pytest.raises(ExpectedError) as raised,
    ):
        read(answer)
    assert raised.value.problem is errors.ANSWER_TOO_LARGE
    assert max(sizes) == transport.CHUNK
    assert sum(sizes) == MB


def test_a_packed_answer_that_breaks_off() -> None:
    packed = gzip.compress(bytes(range(256)) * 1000)
    with serving(replying(200, packed[:-20], Content_Encoding="gzip")) as site:
        assert failed(site.url).problem is errors.CONNECTION_LOST


@pytest.mark.parametrize(("packing", "body"), [("br", b"x"), ("gzip", b"plain"), ("gzip, gzip", b"x")])
def test_a_packing_that_was_not_asked_for(packing: str, body: bytes) -> None:
    with serving(replying(200, body, Content_Encoding=packing)) as site:
        assert failed(site.url).problem is errors.ANSWER_NOT_UNDERSTOOD
