"""Linked identities, asked for by GraphQL: pages, what is no answer, and limits that come with status 200."""

import json
import time
from typing import Any

import pytest

from licensesync import errors
from licensesync.errors import ExpectedError
from licensesync.github import identities
from licensesync.github.cloud import CloudConnection
from licensesync.github.failures import Passing, Wait
from tests.github.serving import LOOPBACK, TOKEN, Handler, Site, replying, serving


def connected(site: Site) -> CloudConnection:
    return CloudConnection(site.url, "acme", TOKEN)


def node(login: str | None = "ana", **changes: Any) -> dict[str, Any]:
    return {"user": login and {"login": login}, "samlIdentity": {"nameId": "n"}, "scimIdentity": None, **changes}


def page(*nodes: Any, total: int = 1, following: str | None = None, provider: str = "samlIdentityProvider") -> bytes:
    info = {"hasNextPage": following is not None, "endCursor": following or "last"}
    found = {"externalIdentities": {"totalCount": total, "pageInfo": info, "nodes": list(nodes)}}
    return owner_info({"samlIdentityProvider": None, "oidcProvider": None, provider: found})


def owner_info(said: Any, **more: Any) -> bytes:
    return json.dumps({"data": {"enterprise": {"ownerInfo": said}}, **more}).encode()


def failed(body: bytes, status: int = 200, **headers: str) -> ExpectedError:
    with serving(replying(status, body, **headers)) as site, pytest.raises(ExpectedError) as raised:
        identities.fetch_page(connected(site), LOOPBACK, None)
    assert TOKEN not in repr(raised.value) + str(raised.value)
    return raised.value


def test_page_by_page() -> None:
    def answer(handler: Handler) -> None:
        after = json.loads(handler.site.asked[-1].body)["variables"]["after"]
        handler.reply(200, page(node(after or "first"), total=2, following=None if after else "Y3Vy"))

    with serving(answer) as site:
        first = identities.fetch_page(connected(site), LOOPBACK, None)
        second = identities.fetch_page(connected(site), LOOPBACK, first.following)
    assert [asked.method + asked.path for asked in site.asked] == ["POST/graphql"] * 2
    assert site.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert site.asked[0].headers["Content-Type"] == "application/json"
    assert (first.rows, first.total, first.following) == (1, 2, "Y3Vy")
    assert (second.rows, second.total, second.following) == (1, 2, None)
    assert b"Y3Vy" in second.body
    assert identities.contents(second.body) == second


def test_of_an_oidc_provider_too() -> None:
    assert identities.contents(page(node(), provider="oidcProvider")).rows == 1


@pytest.mark.parametrize(
    "body",
    [
        owner_info(None),
        owner_info(None, errors=[{"type": "FORBIDDEN", "message": "Resource not accessible by personal access token"}]),
        json.dumps({"data": {"enterprise": None}, "errors": [{"type": "NOT_FOUND", "message": "x"}]}).encode(),
        json.dumps({"data": None, "errors": [{"type": "INSUFFICIENT_SCOPES", "message": "x"}]}).encode(),
    ],
)
def test_who_is_no_owner_is_shown_none(body: bytes) -> None:
    assert failed(body).problem is errors.IDENTITIES_NOT_SHOWN


def test_an_enterprise_without_a_provider_has_none() -> None:
    assert failed(owner_info({"samlIdentityProvider": None})).problem is errors.NO_IDENTITY_PROVIDER


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"data": 5}',
        page(None),
        page({"samlIdentity": None}),
        page(node(user={"login": 5})),
        page(node(scimIdentity={"emails": "x"})),
        page(node(samlIdentity={"attributes": [5]})),
        page(node(), following="x").replace(b'"endCursor": "x"', b'"endCursor": null'),
        page(total=-0.5),  # type: ignore[arg-type]
    ],
)
def test_what_could_not_be_read_later_is_no_answer(body: bytes) -> None:
    assert failed(body).problem is errors.ANSWER_NOT_UNDERSTOOD


def test_a_limit_that_comes_with_status_200_is_waited_for() -> None:
    limited = json.dumps({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}).encode()
    until = int(time.time()) + 600
    error = failed(limited, X_RateLimit_Remaining="0", X_RateLimit_Reset=str(until))
    assert isinstance(error, Wait)
    assert error.told
    assert abs(error.until.timestamp() - until) < 5
    secondary = json.dumps({"errors": [{"message": "You have exceeded a secondary rate limit."}]}).encode()
    error = failed(secondary)
    assert isinstance(error, Wait)
    assert not error.told


def test_what_went_wrong_over_there_passes() -> None:
    wrong = json.dumps({"data": None, "errors": [{"message": "Something went wrong while executing your query."}]})
    assert isinstance(failed(wrong.encode()), Passing)
    assert isinstance(failed(b"<html>502</html>", 502), Passing)


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("https://elsewhere.example/graphql", errors.REDIRECTED),
        ("/graphql/", errors.REDIRECTED),
        ("/login", errors.SIGN_IN_PAGE),
    ],
)
def test_no_question_is_sent_on(location: str, problem: errors.Problem) -> None:
    with serving(replying(307, b"", Location=location)) as site, pytest.raises(ExpectedError) as raised:
        identities.fetch_page(connected(site), LOOPBACK, None)
    assert raised.value.problem is problem
    assert len(site.asked) == 1
