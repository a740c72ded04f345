"""The cloud's list: its pages, its addresses, and whether the pages make a whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import cloud
from licensesync.github.cloud import CloudConnection, Contents
from licensesync.github.failures import Passing
from tests.github.serving import LOOPBACK, TOKEN, Handler, Site, dripping, replying, serving

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def connected(site: Site) -> CloudConnection:
    return CloudConnection(site.url, "acme", TOKEN)


def people(*logins: str, total: int | None = None) -> bytes:
    rows: list[dict[str, Any]] = [{"github_com_login": login, "github_com_user": True} for login in logins]
    return json.dumps({"total_seats_consumed": total, "users": rows}).encode()


def linked(page: int, last: int) -> dict[str, str]:
    """As GitHub does it: with the number of the enterprise in the path, not its slug."""
    base = "https://api.github.com/enterprises/42/consumed-licenses?per_page=100&page="
    links = [f'<{base}{page + 1}>; rel="next"', f'<{base}{last}>; rel="last"'] if page < last else []
    return {"Link": ", ".join([*links, f'<{base}1>; rel="first"'])}


def failed(site: Site, page: int = 1) -> ExpectedError:
    with pytest.raises(ExpectedError) as raised:
        cloud.fetch_page(connected(site), LOOPBACK, page)
    assert TOKEN not in repr(raised.value) + str(raised.value)
    return raised.value


def test_page_by_page() -> None:
    def answer(handler: Handler) -> None:
        page = int(handler.path.rsplit("=", 1)[1])
        handler.reply(200, people(f"User{page}", total=3), **linked(page, 3))

    pages, number = [], 1
    with serving(answer) as site:
        while number:
            page = cloud.fetch_page(connected(site), LOOPBACK, number)
            pages.append(page)
            number = page.next_page or 0
    assert site.paths == [f"/enterprises/acme/consumed-licenses?per_page=100&page={number}" for number in (1, 2, 3)]
    assert site.asked[0].headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert [page.last_page for page in pages] == [3, 3, None]
    assert [page.keys for page in pages] == [("login user1",), ("login user2",), ("login user3",)]
    assert cloud.assemble(pages).whole
    assert cloud.assemble(cloud.contents(page.body) for page in pages) == cloud.assemble(pages)


@pytest.mark.parametrize("query", ["?after=Y3Vyc29y", "", "?page=", "?page=two"])
def test_a_next_page_without_a_number_is_not_the_end(query: str) -> None:
    """Even of a list that doesn't say how long it is."""
    link = f'<https://api.github.com/enterprises/42/consumed-licenses{query}>; rel="next"'
    with serving(replying(200, people("ana"), Link=link)) as site:
        assert failed(site).problem is errors.ANSWER_NOT_UNDERSTOOD


def test_a_refusal_whose_reason_breaks_off_says_nothing_of_the_token() -> None:
    """It may be a rate limit, or the list of addresses that may come."""
    with serving(dripping([b'{"message": "Alth'], 0, status=403, Content_Length="200")) as site:
        error = failed(site)
    assert isinstance(error, Passing)
    assert error.problem is errors.CONNECTION_LOST


def test_a_slug_stays_one_word_of_the_path() -> None:
    connection = CloudConnection("https://api.github.com", "../a?b", TOKEN)
    assert "/enterprises/..%2Fa%3Fb/consumed-licenses?" in cloud.page_url(connection, 1)


def test_links_that_lead_back_are_not_followed() -> None:
    with serving(replying(200, people("a"), **linked(1, 9))) as site:
        assert failed(site, 2).problem is errors.ANSWER_NOT_UNDERSTOOD


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"users": [', b'{"users": [{"github_com_login": 1}]}', b"\xff"])
def test_what_is_no_list(body: bytes) -> None:
    with serving(replying(200, body)) as site:
        assert failed(site).problem is errors.ANSWER_NOT_UNDERSTOOD


def test_an_enterprise_that_is_not_there_or_not_shown() -> None:
    with serving(replying(404, b'{"message": "Not Found"}', X_OAuth_Scopes="admin:enterprise")) as site:
        error = failed(site)
    assert error.problem is errors.ENTERPRISE_NOT_FOUND
    assert error.params["slug"] == "acme"
    with serving(replying(404, b'{"message": "Not Found"}', X_OAuth_Scopes="repo")) as site:
        assert failed(site).problem is errors.SCOPE_MISSING


def test_who_a_row_is() -> None:
    rows = [
        {"github_com_login": "Mona", "enterprise_server_user_ids": ["a:1"]},
        {"github_com_login": "", "enterprise_server_user_ids": ["B:2", "a:1"]},
        {"github_com_login": None, "visual_studio_subscription_email": "V@example.com"},
        {"github_com_login": ""},
    ]
    found = cloud.contents(json.dumps({"users": rows}).encode())
    assert found.keys == ("login mona", "server a:1 b:2", "", "")


def test_a_whole_list_may_have_nameless_rows() -> None:
    result = cloud.assemble([Contents(("login a", "", ""), 4), Contents(("login b",), 4)])
    assert (result.whole, result.people, result.missing) == (True, 4, 0)


def test_somebody_is_missing() -> None:
    result = cloud.assemble([Contents(("login a",), 3), Contents(("login b",), 3)])
    assert (result.whole, result.changed, result.missing) == (False, False, 1)


def test_somebody_is_there_twice() -> None:
    """Somebody was added before page 2 was fetched: the last of page 1 moved on to it."""
    result = cloud.assemble([Contents(("login a", "login b"), 3), Contents(("login b", "login c"), 3)])
    assert (result.whole, result.changed) == (False, True)


def test_the_total_changed_while_paging() -> None:
    """Somebody of page 1 was removed: the first of page 2 moved to page 1, unseen, and the number is right."""
    result = cloud.assemble([Contents(("login a", "login b"), 4), Contents(("login d",), 3)])
    assert (result.people, result.total) == (3, 3)
    assert (result.whole, result.changed) == (False, True)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("github.com", "https://api.github.com"),
        ("https://github.com/enterprises/acme", "https://api.github.com"),
        ("https://API.github.com/", "https://api.github.com"),
        ("acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://acme.ghe.com/enterprises/acme", "https://api.acme.ghe.com"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("https://gateway.example.com/github/", "https://gateway.example.com/github"),
        ("https://github.com.evil.example", "https://github.com.evil.example"),
    ],
)
def test_addresses_of_the_api(typed: str, url: str) -> None:
    assert cloud.api_url_of(typed) == url


@pytest.mark.parametrize(
    ("last_sync", "at", "problem"),
    [
        ({"date": "2026-01-02T03:04:05Z", "status": "success", "error": ""}, AT, ""),
        ({"date": "2026-01-02T03:04:05", "status": "failure", "error": "No\nroute\x00"}, AT, "No route"),
        ({"date": "never", "status": "failure"}, None, "failure"),
        ({"date": "0001-01-01T00:00:00Z", "status": None}, None, ""),
        (None, None, ""),
    ],
)
def test_when_github_last_synced_a_server_by_itself(
    last_sync: dict[str, Any] | None, at: datetime | None, problem: str
) -> None:
    instance = {"server_id": "f1d0", "hostname": "GHE.octo.example", "last_sync": last_sync, "more": 1}
    body = json.dumps({"server_instances": [instance]}).encode()
    with serving(replying(200, body)) as site:
        [sync] = cloud.fetch_server_syncs(connected(site), LOOPBACK)
    assert site.paths == ["/enterprises/acme/license-sync-status"]
    assert (sync.server_id, sync.host, sync.problem) == ("f1d0", "ghe.octo.example", problem)
    assert sync.at == at
