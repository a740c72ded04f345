"""A GitHub Enterprise Server as documented, and as it is when something is wrong with the token."""

import io
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from licensesync import errors
from licensesync.errors import ExpectedError, Problem
from licensesync.github import server
from licensesync.github.failures import NotReady, Passing, Wait
from licensesync.github.server import ServerConnection
from licensesync.github.transport import Limits
from tests.github.serving import LOOPBACK, TOKEN, Site, by_path, dripping, replying, serving

REPORT = b"created_at,id,login,email\n2020-01-01,1,mona,mona@example.com\n"
LICENSE = {
    "seats": 1400,
    "seats_used": 1316,
    "seats_available": 84,
    "kind": "standard",
    "days_until_expiration": 365,
    "expire_at": "2016/02/06 12:41:52 -0600",
}


def connected(site: Site) -> ServerConnection:
    return ServerConnection(site.url, "mona", TOKEN)


def failed(site: Site) -> ExpectedError:
    with pytest.raises(ExpectedError) as raised:
        server.fetch_report(connected(site), LOOPBACK, io.BytesIO(), progress=lambda _done, _total: None)
    assert TOKEN not in repr(raised.value) + str(raised.value)
    return raised.value


def test_the_version() -> None:
    with serving(by_path(meta=replying(200, b'{"installed_version": "3.19.1", "more": []}'))) as site:
        assert server.read_version(connected(site), LOOPBACK) == "3.19.1"
    assert site.paths == ["/api/v3/meta"]
    assert site.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_license() -> None:
    with serving(by_path(license=replying(200, json.dumps(LICENSE).encode()))) as site:
        found = server.read_license(connected(site), LOOPBACK)
    assert (found.seats, found.seats_used) == (1400, 1316)
    assert found.expires_at == datetime(2016, 2, 6, 18, 41, 52, tzinfo=UTC)


@pytest.mark.parametrize("odd", [{"seats_used": -1}, {"seats": 2**31}, {"seats_used": "many"}])
def test_a_license_with_what_is_no_number_of_seats(odd: dict[str, Any]) -> None:
    site = serving(by_path(license=replying(200, json.dumps(LICENSE | odd).encode())))
    with site as played, pytest.raises(ExpectedError) as error:
        server.read_license(connected(played), LOOPBACK)
    assert error.value.problem is errors.ANSWER_NOT_UNDERSTOOD


@pytest.mark.parametrize("never", [None, "", "never", "9999/12/31 23:59:59 -1200", "0001/01/01 00:00:00 +1200"])
def test_a_license_without_a_limit(never: str | None) -> None:
    said = LICENSE | {"seats": "unlimited", "seats_available": "unlimited", "expire_at": never}
    with serving(by_path(license=replying(200, json.dumps(said).encode()))) as site:
        found = server.read_license(connected(site), LOOPBACK)
    assert (found.seats, found.expires_at) == (None, None)


def test_the_report_is_written_and_its_progress_told() -> None:
    heard: list[tuple[int, int | None]] = []
    to = io.BytesIO()
    with serving(by_path(all_users=replying(200, REPORT, Content_Type="text/csv"))) as site:
        server.fetch_report(connected(site), LOOPBACK, to, progress=lambda done, total: heard.append((done, total)))
    assert to.getvalue() == REPORT
    assert heard[-1] == (len(REPORT), len(REPORT))
    assert site.paths == ["/stafftools/reports/all_users.csv"]
    assert site.asked[0].headers["Authorization"] == "Basic " + b64encode(f"mona:{TOKEN}".encode()).decode()


@pytest.mark.parametrize(("headers", "seconds"), [({}, None), ({"Retry_After": "30"}, 30.0)])
def test_a_report_that_is_being_built(headers: dict[str, str], seconds: float | None) -> None:
    with serving(replying(202, b"", **headers)) as site:
        error = failed(site)
    assert isinstance(error, NotReady)
    assert error.retry_after == seconds


def test_a_report_that_breaks_off_passes() -> None:
    with serving(dripping([REPORT], 0, Content_Length="1000")) as site:
        error = failed(site)
    assert isinstance(error, Passing)
    assert error.problem is errors.CONNECTION_LOST


def test_a_report_too_large() -> None:
    with serving(replying(200, b"x" * 5000)) as site, pytest.raises(ExpectedError) as raised:
        server.fetch_report(
            connected(site), LOOPBACK, io.BytesIO(), progress=lambda _d, _t: None, limits=Limits(size=4000)
        )
    assert raised.value.problem is errors.ANSWER_TOO_LARGE


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<p>Sign in", "text/html; charset=utf-8"), (b"\n <!DOCTYPE html><html>", "text/csv"), (b"<HTML>", "")],
)
def test_a_sign_in_page_with_status_200(body: bytes, kind: str) -> None:
    with serving(replying(200, body, Content_Type=kind)) as site:
        error = failed(site)
    assert error.problem is errors.SIGN_IN_PAGE
    assert error.params["scope"] == "site_admin"


@pytest.mark.parametrize(
    ("status", "headers", "message", "problem"),
    [
        (401, {}, "Bad credentials", errors.WRONG_CREDENTIALS),
        (403, {}, "Must have admin rights", errors.SCOPE_MISSING),
        (403, {"X_GitHub_SSO": "required; url=https://x"}, "Resource protected", errors.SINGLE_SIGN_ON),
        (403, {}, "Acme has an IP allow list enabled", errors.ADDRESS_NOT_LISTED),
        (404, {}, "Not Found", errors.SERVER_HAS_NOT),
        (404, {"X_OAuth_Scopes": "repo, user"}, "Not Found", errors.SCOPE_MISSING),
        (404, {"X_OAuth_Scopes": "site_admin"}, "Not Found", errors.SERVER_HAS_NOT),
        (418, {}, "", errors.ANSWER_NOT_UNDERSTOOD),
    ],
)
def test_what_stays(status: int, headers: dict[str, str], message: str, problem: Problem) -> None:
    with serving(replying(status, json.dumps({"message": message}).encode(), **headers)) as site:
        error = failed(site)
    assert error.problem is problem
    assert not isinstance(error, Passing | Wait)


@pytest.mark.parametrize(("status", "seconds"), [(500, None), (502, None), (503, 120.0)])
def test_what_passes(status: int, seconds: float | None) -> None:
    headers = {"Retry_After": "120"} if seconds else {}
    with serving(replying(status, b"<html>Maintenance</html>", Content_Type="text/html", **headers)) as site:
        error = failed(site)
    assert isinstance(error, Passing)
    assert error.retry_after == seconds
    assert error.params["status"] == str(status)


SERVER_TIME = datetime(2031, 5, 1, 12, tzinfo=UTC)
"""Of a server whose clock is years ahead of ours, or ours behind."""
DATE = "Thu, 01 May 2031 12:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds", "told"),
    [
        (429, {"Retry_After": "90"}, "", 90, True),
        (403, {"Retry_After": "90"}, "", 90, True),
        (
            403,
            {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(SERVER_TIME.timestamp()) + 600)},
            "",
            600,
            True,
        ),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "99999999999999"}, "", 7200, True),
        (403, {}, "You have exceeded a secondary rate limit.", 60, False),
        (429, {}, "", 60, False),
    ],
)
def test_rate_limits(status: int, headers: dict[str, str], message: str, seconds: int, told: bool) -> None:
    def answer(handler: object) -> None:
        handler.date_time_string = lambda timestamp=None: DATE  # type: ignore[attr-defined]
        replying(status, json.dumps({"message": message}).encode(), **headers)(handler)  # type: ignore[arg-type]

    with serving(answer) as site:
        error = failed(site)
    assert isinstance(error, Wait)
    assert error.told is told
    assert abs(error.until - datetime.now(UTC) - timedelta(seconds=seconds)) < timedelta(seconds=20)


def test_a_token_that_can_be_none_is_not_sent() -> None:
    with serving(replying()) as site:
        for token in ("", "two words", "line\nbreak", "schlüssel"):
            with pytest.raises(ExpectedError) as raised:
                server.read_version(ServerConnection(site.url, "mona", token), LOOPBACK)
            assert raised.value.problem is errors.WRONG_CREDENTIALS
        assert not site.asked


def test_secrets_are_not_in_a_repr() -> None:
    shown = repr(ServerConnection("https://ghes.example", "mona", TOKEN, proxy="http://a:secret@proxy.example"))
    assert TOKEN not in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("ghes.example.com", "https://ghes.example.com"),
        (" https://GHES.example.com/ ", "https://ghes.example.com"),
        ("https://ghes.example.com/enterprises/acme/settings?x=1#y", "https://ghes.example.com"),
        ("ghes.example.com:8443", "https://ghes.example.com:8443"),
        ("https://ghes.example.com:443", "https://ghes.example.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("https://[fd12::1]/", "https://[fd12::1]"),
    ],
)
def test_addresses_of_servers(typed: str, url: str) -> None:
    assert server.server_url_of(typed) == url


@pytest.mark.parametrize(
    "typed", ["", "https://", "ftp://ghes.example", "https://me:pw@ghes.example", "a b", "http://x:99999"]
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ExpectedError) as raised:
        server.server_url_of(typed)
    assert raised.value.problem is errors.ADDRESS_UNREADABLE
    assert "pw" not in str(raised.value)
