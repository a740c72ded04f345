"""The simulated GitHub behaves as GitHub's documentation says, and goes wrong when it is told to.

Asked with the standard library alone, so that nothing of the product's client is tested here or taken for granted.
"""

import base64
import csv
import http.client
import io
import json
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from licensesync.simulated_github import (
    Addresses,
    SimulatedCloud,
    SimulatedGitHub,
    SimulatedServer,
    Trouble,
    running,
)
from licensesync.simulated_github.enterprise_server import Refusal
from licensesync.simulated_github.linked_identities import identity
from licensesync.simulated_github.worlds import sync_status
from tests import worlds

LICENSES = "/enterprises/octo-industries/consumed-licenses"
STATUS = "/enterprises/octo-industries/license-sync-status"
REPORT = "/stafftools/reports/all_users.csv"
LICENSE = "/api/v3/enterprise/settings/license"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def links(self) -> dict[str, str]:
        found = re.findall(r'<([^>]+)>; rel="(\w+)"', self.headers.get("Link", ""))
        return {rel: address for address, rel in found}


def ask(address: str, path: str, *, method: str = "GET", body: Any = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    try:
        sent = {"User-Agent": "tests"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent |= {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def basic(login: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{login}:{token}".encode()).decode()


@dataclass
class Played:
    """A small GitHub, and ways to ask it with the right credentials."""

    github: SimulatedGitHub
    addresses: Addresses

    @property
    def server(self) -> SimulatedServer:
        return self.github.servers[0]

    @property
    def cloud(self) -> SimulatedCloud:
        assert self.github.cloud
        return self.github.cloud

    @property
    def server_address(self) -> str:
        return self.addresses.servers[self.server.host]

    def ask_server(self, path: str, **headers: str) -> Answer:
        headers = {"Authorization": basic(self.server.login, self.server.token)} | headers
        return ask(self.server_address, path, **headers)

    def ask_cloud(self, path: str, **headers: str) -> Answer:
        return ask(self.addresses.cloud, path, **{"Authorization": f"Bearer {self.cloud.token}"} | headers)

    def direct_cloud(self, subject: str, body: Any) -> Answer:
        return ask(self.addresses.cloud, f"/_simulator/{subject}", method="POST", body=body)

    def report(self, name: str = "all_users") -> list[dict[str, str]]:
        """A whole report, once it is built."""
        for _ in range(200):
            answer = self.ask_server(f"/stafftools/reports/{name}.csv")
            if answer.status == 200:
                return list(csv.DictReader(io.StringIO(answer.body.decode())))
            assert (answer.status, answer.body) == (202, b"")
            time.sleep(0.02)
        raise AssertionError("The report is never built.")


@pytest.fixture
def played() -> Iterator[Played]:
    github = worlds.small()
    with running(github) as addresses:
        yield Played(github, addresses)


# The server's reports


def test_a_report_is_built_while_one_waits(played: Played) -> None:
    played.server.build_asks = 2
    first, second, third = (played.ask_server(REPORT) for _ in range(3))
    assert [first.status, second.status, third.status] == [202, 202, 200]
    assert first.body == second.body == b""
    assert third.headers.get_content_type() == "text/csv"
    assert played.ask_server(REPORT).status == 200, "it is cached"


def test_a_report_takes_its_seconds_however_often_one_asks(played: Played) -> None:
    played.server.build_asks, played.server.build_seconds = 0, 0.4
    began = time.monotonic()
    assert played.ask_server(REPORT).status == 202
    assert len(played.report()) == 6
    assert time.monotonic() - began >= 0.4


def test_a_report_is_built_anew_when_its_time_is_over(played: Played) -> None:
    played.server.cached_seconds = 600
    assert len(played.report()) == 6
    played.server.accounts = played.server.accounts[:2]
    assert len(played.report()) == 6, "still the cached one"
    played.server.cached_seconds = 0
    time.sleep(0.1)
    assert played.ask_server(REPORT).status == 202
    played.server.cached_seconds = 600
    assert len(played.report()) == 2


def test_people_come_and_go(played: Played) -> None:
    before = {user["login"] for user in played.report()}
    played.server.turnover(come=2, go=1)
    assert played.ask_server(REPORT).status == 202
    after = {user["login"] for user in played.report()}
    assert before - after == {"monalisa"}
    assert after - before == {"newcomer-10", "newcomer-11"}


def test_each_report_has_its_people(played: Played) -> None:
    logins = {
        name: [user["login"] for user in played.report(name)]
        for name in ("all_users", "active_users", "dormant_users", "suspended_users")
    }
    assert logins["dormant_users"] == ["sleepy"]
    assert logins["suspended_users"] == ["hubot"]
    assert logins["active_users"] == ["octo-admin", "monalisa", "no-mail", "only-here"]
    assert len(logins["all_users"]) == 6
    assert played.ask_server("/stafftools/reports/no_users.csv").status == 404


@pytest.mark.parametrize("wrong", ["nobody", "login", "token", "bearer", "scope"])
def test_a_report_is_refused_like_a_page_for_people(played: Played, wrong: str) -> None:
    login, token = played.server.login, played.server.token
    headers = {
        "nobody": {},
        "login": {"Authorization": basic("monalisa", token)},
        "token": {"Authorization": basic(login, "ghp_wrong")},
        "bearer": {"Authorization": f"Bearer {token}"},
        "scope": {"Authorization": basic(login, token)},
    }[wrong]
    if wrong == "scope":
        played.server.scopes = ("repo",)
    answer = ask(played.server_address, REPORT, **headers)
    assert answer.status == 302
    assert answer.headers["Location"].startswith(f"{played.server_address}/login?")
    page = ask(played.server_address, "/login")
    assert (page.status, page.headers.get_content_type()) == (200, "text/html")
    assert b"Sign in" in page.body

    played.server.refusal = Refusal.SIGN_IN_PAGE
    answer = ask(played.server_address, REPORT, **headers)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")

    played.server.refusal = Refusal.UNAUTHORIZED
    assert ask(played.server_address, REPORT, **headers).status == 401


# The server's REST API


def test_the_version_is_public_unless_the_server_is_private(played: Played) -> None:
    answer = ask(played.server_address, "/api/v3/meta")
    assert answer.status == 200
    assert answer.json["installed_version"] == answer.headers["X-GitHub-Enterprise-Version"] == "3.19.2"
    assert answer.headers["X-GitHub-Request-Id"]
    assert "X-RateLimit-Limit" not in answer.headers, "rate limits are off by default on servers"
    played.server.private_mode = True
    answer = ask(played.server_address, "/api/v3/meta")
    assert (answer.status, answer.json["message"]) == (401, "Must authenticate to access this API.")
    assert played.ask_server("/api/v3/meta").status == 200


def test_a_servers_license(played: Played) -> None:
    played.server.expire_at = datetime(2016, 2, 6, 12, 41, 52, tzinfo=UTC)
    answer = played.ask_server(LICENSE)
    assert answer.headers["X-OAuth-Scopes"] == "site_admin"
    expected = {"seats": 100, "seats_used": 5, "seats_available": 95, "kind": "standard"}
    assert expected.items() <= answer.json.items()
    assert answer.json["expire_at"] == "2016/02/06 12:41:52 +0000"
    assert answer.json["days_until_expiration"] < 0
    played.server.seats = None
    answer = played.ask_server(LICENSE)
    assert answer.json["seats"] == answer.json["seats_available"] == "unlimited"


def test_a_servers_license_is_for_site_administrators(played: Played) -> None:
    assert ask(played.server_address, LICENSE).json["message"] == "Requires authentication"
    wrong = played.ask_server(LICENSE, Authorization="token ghp_wrong")
    assert (wrong.status, wrong.json["message"], wrong.json["status"]) == (401, "Bad credentials", "401")
    played.server.scopes = ("repo",)
    answer = played.ask_server(LICENSE)
    assert (answer.status, answer.json["message"]) == (404, "Not Found")
    assert answer.headers["X-OAuth-Scopes"] == "repo"
    assert answer.headers["X-Accepted-OAuth-Scopes"] == "site_admin"
    assert played.ask_server("/api/v3/user").json["site_admin"] is False


# The cloud


def test_the_list_in_pages(played: Played) -> None:
    first = played.ask_cloud(f"{LICENSES}?per_page=2")
    assert [user["github_com_login"] for user in first.json["users"]] == ["defunkt", "mona-lisa"]
    assert (first.json["total_seats_consumed"], first.json["total_seats_purchased"]) == (3, 100)
    assert set(first.links) == {"next", "last"}
    assert first.links["next"].startswith(played.addresses.cloud)
    second = played.ask_cloud(first.links["next"].removeprefix(played.addresses.cloud))
    assert [user["github_com_login"] for user in second.json["users"]] == ["pj"]
    assert set(second.links) == {"prev", "first"}
    assert "Link" not in played.ask_cloud(LICENSES).headers, "where all fits on one page"
    assert played.ask_cloud(f"{LICENSES}?page=9").json["users"] == []


def test_pages_hold_30_unless_asked_and_100_at_most() -> None:
    github = worlds.generated(licenses=205)
    with running(github) as addresses:
        played = Played(github, addresses)
        assert len(played.ask_cloud(LICENSES).json["users"]) == 30
        answer = played.ask_cloud(f"{LICENSES}?per_page=1000&page=2")
        assert len(answer.json["users"]) == 100
        assert {rel: address.rpartition("=")[2] for rel, address in answer.links.items()} == {
            "prev": "1",
            "next": "3",
            "last": "3",
            "first": "1",
        }
        assert played.cloud.pages_asked() == {1: 1, 2: 1}


def test_whom_the_cloud_answers(played: Played) -> None:
    assert ask(played.addresses.cloud, LICENSES).json["message"] == "Requires authentication"
    wrong = played.ask_cloud(LICENSES, Authorization="Bearer ghp_wrong")
    assert (wrong.status, wrong.json["message"]) == (401, "Bad credentials")
    for header in (f"token {played.cloud.token}", basic("anybody", played.cloud.token)):
        answer = played.ask_cloud(LICENSES, Authorization=header)
        assert answer.status == 200
        assert answer.headers["X-OAuth-Scopes"] == "read:enterprise"
    assert played.ask_cloud(LICENSES.replace("octo", "hubot")).status == 404
    assert played.ask_cloud(f"{LICENSES}/").status == 404, "as documented, with a slash at the end"
    played.cloud.scopes = ("repo", "read:org")
    answer = played.ask_cloud(LICENSES)
    assert answer.status == 404
    assert answer.headers["X-OAuth-Scopes"] == "repo, read:org"
    assert "read:enterprise" in answer.headers["X-Accepted-OAuth-Scopes"]
    played.cloud.without_scope = 403
    assert played.ask_cloud(STATUS).status == 403


def test_requests_without_user_agent_or_with_an_unknown_version_are_refused(played: Played) -> None:
    for address, path in ((played.addresses.cloud, "/meta"), (played.server_address, "/api/v3/meta")):
        assert ask(address, path, **{"User-Agent": ""}).status == 403
        answer = ask(address, path, **{"X-GitHub-Api-Version": "2000-01-01"})
        assert (answer.status, answer.json["message"]) == (400, '"2000-01-01" is not a supported version.')
        assert ask(address, path, **{"X-GitHub-Api-Version": "2022-11-28"}).status == 200


def test_when_servers_were_synced(played: Played) -> None:
    at = datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC)
    played.cloud.sync_status = [sync_status(played.server, at)]
    assert played.ask_cloud(STATUS).json == {
        "server_instances": [
            {
                "server_id": "f1d0c0de-0000-4000-8000-00000000abcd",
                "hostname": "ghe.octo.example",
                "last_sync": {"date": "2026-11-03T04:05:06Z", "status": "success", "error": ""},
            }
        ]
    }


def test_the_primary_limit(played: Played) -> None:
    first, second = played.ask_cloud(LICENSES), played.ask_cloud(LICENSES)
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Resource"]) == ("5000", "core")
    assert (first.headers["X-RateLimit-Remaining"], second.headers["X-RateLimit-Remaining"]) == ("4999", "4998")
    assert 3_590 < int(first.headers["X-RateLimit-Reset"]) - time.time() <= 3_602
    played.cloud.limit_after(1, seconds=0.5)
    assert played.ask_cloud(LICENSES).status == 200
    refused = played.ask_cloud(LICENSES)
    assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert refused.json["message"].startswith("API rate limit exceeded")
    assert "Retry-After" not in refused.headers
    assert played.ask_cloud("/rate_limit").json["rate"]["remaining"] == 0, "asking for it is free"
    time.sleep(max(0.0, int(refused.headers["X-RateLimit-Reset"]) - time.time()))
    assert played.ask_cloud(LICENSES).status == 200
    assert played.cloud.refused == 1


def test_the_secondary_limit(played: Played) -> None:
    played.cloud.slow_down(0.6, after=1)
    assert played.ask_cloud(LICENSES).status == 200
    refused = played.ask_cloud(LICENSES)
    assert refused.status == 429
    assert "secondary rate limit" in refused.json["message"]
    assert int(refused.headers["X-RateLimit-Remaining"]) > 0
    assert played.ask_cloud(LICENSES).status == 429, "asking again doesn't help"
    assert played.cloud.refused == 2
    time.sleep(int(refused.headers["Retry-After"]))
    assert played.ask_cloud(LICENSES).status == 200
    played.cloud.slow_down(0.1, status=403, announced=False)
    refused = played.ask_cloud(LICENSES)
    assert (refused.status, refused.headers["Retry-After"]) == (403, None)


def test_a_list_that_changes_while_it_is_paged(played: Played) -> None:
    played.cloud.after_page(1, lambda: played.cloud.turnover(come=1, go=1))
    pages = [played.ask_cloud(f"{LICENSES}?per_page=1&page={page}").json for page in (1, 2, 3)]
    assert [page["users"][0]["github_com_login"] for page in pages] == ["defunkt", "pj", "newcomer-1"]


# Trouble


def test_troubles_come_in_their_turn(played: Played) -> None:
    played.cloud.expect(Trouble(status=502, times=2, after=1, path="consumed"))
    statuses = []
    for path in (LICENSES, STATUS, LICENSES, LICENSES, LICENSES):
        statuses.append(played.ask_cloud(path).status)
    assert statuses == [200, 200, 502, 502, 200]
    played.server.expect(Trouble(status=503, times=100, retry_after=7))
    answer = played.ask_server(REPORT)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    played.server.recover()
    assert played.ask_server(REPORT).status == 202


def test_bodies_that_end_early(played: Played) -> None:
    played.cloud.expect(Trouble(close_after_bytes=100))
    with pytest.raises(http.client.IncompleteRead) as caught:
        played.ask_cloud(LICENSES)
    assert len(caught.value.partial) == 100
    played.cloud.expect(Trouble(hang_up=True))
    with pytest.raises(http.client.RemoteDisconnected):
        played.ask_cloud(LICENSES)
    assert played.ask_cloud(LICENSES).status == 200


def test_bodies_that_never_end(played: Played) -> None:
    played.cloud.expect(Trouble(endless=True))
    connection = http.client.HTTPConnection(urlsplit(played.addresses.cloud).netloc, timeout=20)
    connection.request("GET", "/meta", headers={"User-Agent": "tests"})
    assert len(connection.getresponse().read(5_000_000)) == 5_000_000
    connection.close()
    assert played.ask_cloud("/meta").status == 200


def test_slow_answers(played: Played) -> None:
    played.cloud.expect(Trouble(delay_seconds=0.3))
    began = time.monotonic()
    assert played.ask_cloud(LICENSES).status == 200
    assert time.monotonic() - began >= 0.3
    played.cloud.expect(Trouble(bytes_per_second=8_000))
    began = time.monotonic()
    answer = played.ask_cloud(LICENSES)
    assert len(answer.json["users"]) == 3
    assert time.monotonic() - began >= len(answer.body) / 8_000 * 0.9


def test_pages_for_people_and_redirects(played: Played) -> None:
    played.server.expect(Trouble(sign_in_page=True))
    answer = played.ask_server(REPORT)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    played.server.expect(Trouble(redirect_to="http://169.254.169.254/latest/"))
    answer = played.ask_server(REPORT)
    assert (answer.status, answer.headers["Location"]) == (302, "http://169.254.169.254/latest/")


# Directing it from outside


def test_the_control_path(played: Played) -> None:
    assert played.direct_cloud("trouble", {"status": 500, "times": 9}).status == 200
    assert played.ask_cloud(LICENSES).status == 500
    played.direct_cloud("recovery", {})
    played.direct_cloud("people", {"go": 2, "after_page": 1})
    assert len(played.ask_cloud(LICENSES).json["users"]) == 3
    assert len(played.ask_cloud(LICENSES).json["users"]) == 1
    played.direct_cloud("pause", {"seconds": 30, "status": 403})
    assert played.ask_cloud(LICENSES).status == 403
    played.cloud.secondary = None
    played.direct_cloud("rate_limit", {"requests": 0, "seconds": 30, "status": 429})
    assert played.ask_cloud(LICENSES).status == 429
    ask(played.server_address, "/_simulator/reports", method="POST", body={"build_asks": 0})
    ask(played.server_address, "/_simulator/people", method="POST", body={"come": 4})
    assert len(played.report()) == 10
    seen = ask(played.addresses.cloud, "/_simulator/requests").json
    assert seen == {f"GET {LICENSES}": 5}


def test_the_control_path_says_what_it_does_not_know(played: Played) -> None:
    for subject, body in (("trouble", {"sattus": 500}), ("reports", {"build_asks": 0}), ("people", {"come": "many"})):
        assert played.direct_cloud(subject, body).status == 400, subject
    assert played.direct_cloud("weather", {}).status == 404
    path = "/_simulator/recovery"
    assert ask(played.addresses.cloud, path, method="POST", Content_Type="text/plain").status == 404
    answer = ask(played.server_address, "/_simulator/pause", method="POST", body={"seconds": 1})
    assert (answer.status, "Only the cloud" in answer.json["message"]) == (400, True)


def test_it_keeps_no_tokens(played: Played) -> None:
    played.ask_cloud(LICENSES)
    assert played.cloud.token not in repr(played.cloud) + repr(played.cloud.seen)
    assert played.server.token not in repr(played.server)


# Playing it


def test_what_has_stopped_answers_nobody() -> None:
    github = worlds.small()
    with running(github) as addresses:
        connection = http.client.HTTPConnection(urlsplit(addresses.cloud).netloc, timeout=5)
        connection.request("GET", "/meta", headers={"User-Agent": "tests"})
        assert connection.getresponse().read()
    assert connection.sock is not None, "it was kept open"
    assert connection.sock.recv(1) == b"", "and now it is closed"
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        ask(addresses.cloud, "/meta")


def test_it_stops_when_a_port_is_taken() -> None:
    with running(worlds.small()) as addresses:
        port = urlsplit(addresses.cloud).port
        assert port
        with pytest.raises(OSError, match="in use"), running(worlds.small(), first_port=port):
            pass


def asked_graphql(address: str, token: str, **variables: Any) -> Answer:
    question = {"query": "query ...", "variables": {"slug": "octo-industries", **variables}}
    return ask(address, "/graphql", method="POST", body=question, Authorization=f"Bearer {token}")


def test_linked_identities_are_paged_by_cursor() -> None:
    github = worlds.generated(servers=0)
    assert github.cloud
    github.cloud.identities = [identity(f"octo-{number}", f"octo-{number}@octo.example") for number in range(250)]
    with running(github) as addresses:
        logins: list[str] = []
        after, pages = None, 0
        while pages < 5:
            answer = asked_graphql(addresses.cloud, github.cloud.token, after=after)
            found = answer.json["data"]["enterprise"]["ownerInfo"]["samlIdentityProvider"]["externalIdentities"]
            assert found["totalCount"] == 250
            logins += [node["user"]["login"] for node in found["nodes"]]
            pages, after = pages + 1, found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break
        assert (len(logins), len(set(logins)), pages) == (250, 250, 3)
        assert answer.headers["X-RateLimit-Resource"] == "graphql"
        assert github.cloud.primary.used == 0, "GraphQL has a limit of its own"


def test_whom_linked_identities_are_not_shown() -> None:
    github = worlds.generated(servers=0)
    cloud = github.cloud
    assert cloud
    with running(github) as addresses:

        def said(**variables: Any) -> tuple[Any, list[str]]:
            answer = asked_graphql(addresses.cloud, cloud.token, **variables).json
            return answer.get("data"), [error["type"] for error in answer.get("errors", [])]

        nothing = {"samlIdentityProvider": None, "oidcProvider": None}
        assert said() == ({"enterprise": {"ownerInfo": nothing}}, [])
        assert said(slug="other") == ({"enterprise": None}, ["NOT_FOUND"])
        cloud.is_owners = False
        assert said() == ({"enterprise": {"ownerInfo": None}}, ["FORBIDDEN"])
        assert asked_graphql(addresses.cloud, cloud.token, after="?").status == 400
        cloud.graphql.used, cloud.graphql.resets_at = cloud.graphql.limit, time.time() + 60
        assert said() == (None, ["RATE_LIMITED"])
        assert asked_graphql(addresses.cloud, "wrong").status == 401
        assert ask(addresses.cloud, "/graphql").status == 404, "only a POST"


def test_large_worlds_are_cheap() -> None:
    began = time.monotonic()
    github = worlds.generated(servers=50, accounts=20, licenses=30_000)
    github.servers[0] = worlds.generated(accounts=5_000).servers[0]
    with running(github) as addresses:
        assert len(addresses.servers) == 50
        played = Played(github, addresses)
        assert played.ask_cloud(f"{LICENSES}?per_page=100").links["last"].endswith("page=300")
        assert len(played.report()) == 5_000
    assert time.monotonic() - began < 20


def test_https(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(authority))
    github = worlds.small()
    with running(github, tls=tls) as addresses:
        parts = urlsplit(addresses.cloud)
        assert parts.scheme == "https"
        trusting = ssl.create_default_context(cafile=str(authority))
        connection = http.client.HTTPSConnection(parts.netloc, timeout=20, context=trusting)
        connection.request("GET", "/meta", headers={"User-Agent": "tests"})
        assert connection.getresponse().status == 200
        connection.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            http.client.HTTPSConnection(parts.netloc, timeout=20, context=ssl.create_default_context()).connect()
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(f"http://{parts.netloc}", "/meta")
        github.deployments[0].expect(Trouble(status=418))
        connection = http.client.HTTPSConnection(parts.netloc, timeout=20, context=trusting)
        connection.request("GET", "/meta", headers={"User-Agent": "tests"})
        assert connection.getresponse().status == 418, "it still answers"
        connection.close()


def self_signed(authority: Path) -> Path:
    """A certificate of 127.0.0.1 that vouches for itself. The file that comes back has its key as well."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ghe.octo.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority.write_bytes(certificate)
    both = authority.with_name("certificate-and-key.pem")
    both.write_bytes(certificate + private)
    return both
