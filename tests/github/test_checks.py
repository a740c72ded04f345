"""Test connection: which step fails, what was found before it, and what is skipped."""

import time
from collections.abc import Callable

import pytest

from licensesync import errors
from licensesync.github import checks
from licensesync.github.checks import Check
from licensesync.github.cloud import CloudConnection
from licensesync.github.failures import NotReady
from licensesync.github.server import ServerConnection
from licensesync.github.transport import Limits, Rules
from tests.github.serving import LOOPBACK, TOKEN, Authority, Handler, by_path, replying, serving

META = b'{"installed_version": "3.19.1"}'
LICENSE = b'{"seats": "unlimited", "seats_used": 9, "seats_available": "unlimited", "kind": "standard"}'
IDENTITIES = (
    b'{"data": {"enterprise": {"ownerInfo": {"samlIdentityProvider": {"externalIdentities": '
    b'{"totalCount": 240, "pageInfo": {"hasNextPage": true, "endCursor": "Y3Vy"}, "nodes": []}}}}}}'
)
LIST = b'{"total_seats_consumed": 250, "users": [{"github_com_login": "mona"}]}'
GOOD = {
    "meta": replying(200, META, X_OAuth_Scopes="site_admin, repo"),
    "license": replying(200, LICENSE),
    "all_users": replying(200, b"created_at,id,login\n"),
}


def states(found: list[Check]) -> dict[str, str]:
    return {check.step: check.state for check in found}


def server_checks(url: str, ca_pem: str = "", rules: Rules = LOOPBACK) -> list[Check]:
    return checks.check_server(ServerConnection(url, "mona", TOKEN, ca_pem), rules)


def test_a_server_where_all_is_well() -> None:
    authority = Authority()
    with serving(by_path(**GOOD), tls=authority.tls()) as site:
        found = server_checks(site.url, authority.pem)
    assert states(found) == dict.fromkeys(checks.SERVER_STEPS, "ok")
    facts = {check.step: check.facts for check in found}
    assert facts["name"] == {"host": "127.0.0.1", "addresses": "127.0.0.1"}
    assert facts["connection"].keys() == {"subject", "issuer", "expires"}
    assert facts["scope"] == {"needed": "site_admin", "held": "site_admin, repo"}
    assert facts["version"] == {"version": "3.19.1"}
    assert facts["license"] == {"seats": "unlimited", "used": "9", "available": "unlimited", "kind": "standard"}
    assert facts["report"] == {"bytes": "20"}


def test_a_license_that_takes_long_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LIMITS", Limits(connect=5, read=0.2, total=5))
    with serving(by_path(**(GOOD | {"license": lambda handler: time.sleep(1)}))) as site:
        found = server_checks(site.url)
    assert states(found) == dict.fromkeys(checks.SERVER_STEPS, "ok") | {"license": "hint"}


@pytest.mark.parametrize(
    ("answers", "step", "problem"),
    [
        ({"meta": replying(401)}, "credentials", errors.WRONG_CREDENTIALS),
        ({"meta": replying(302, Location="/login")}, "credentials", errors.SIGN_IN_PAGE),
        ({"meta": replying(404)}, "credentials", errors.SERVER_HAS_NOT),
        ({"meta": replying(403, b"{}")}, "scope", errors.SCOPE_MISSING),
        ({"meta": replying(200, META, X_OAuth_Scopes="repo")}, "scope", errors.SCOPE_MISSING),
        ({"meta": replying(200, b"[]", X_OAuth_Scopes="site_admin")}, "version", errors.ANSWER_NOT_UNDERSTOOD),
        ({"all_users": replying(404)}, "report", errors.SERVER_HAS_NOT),
    ],
)
def test_the_step_that_fails_is_named_and_the_rest_skipped(answers: dict, step: str, problem: object) -> None:  # type: ignore[type-arg]
    with serving(by_path(**(GOOD | answers))) as site:
        found = server_checks(site.url)
    place = checks.SERVER_STEPS.index(step)
    assert [check.state for check in found] == ["ok"] * place + ["failed"] + ["skipped"] * (6 - place)
    because = found[place].problem
    assert because is not None
    assert because.problem is problem
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (replying(200, b"<!doctype html>"), errors.SIGN_IN_PAGE),
        (replying(302, Location="/login"), errors.SIGN_IN_PAGE),
        (replying(401), errors.WRONG_CREDENTIALS),
        (replying(403, b"{}"), errors.SCOPE_MISSING),
    ],
)
def test_a_report_that_is_refused_to_a_good_token_is_about_the_login(
    refusal: Callable[[Handler], None], problem: object
) -> None:
    """The login is told at the report for the first time. Where GitHub does not say the scopes, it may be the token."""
    with serving(by_path(**(GOOD | {"all_users": refusal}))) as site:
        good = server_checks(site.url)[-1].problem
    with serving(by_path(**(GOOD | {"all_users": refusal, "meta": replying(200, META)}))) as site:
        unsaid = server_checks(site.url)[-1].problem
    assert good
    assert unsaid
    assert (good.problem, unsaid.problem) == (errors.LOGIN_REFUSED, problem)
    assert "does not give its report to mona. The token belongs to another login, or mona is no site admin" in str(good)


def test_a_refused_address_and_an_unknown_certificate() -> None:
    with serving(by_path(**GOOD), tls=Authority().tls()) as site:
        refused, untrusted = server_checks(site.url, rules=Rules()), server_checks(site.url)
    assert [check.state for check in refused] == ["failed"] + ["skipped"] * 6
    assert [check.state for check in untrusted] == ["ok", "failed"] + ["skipped"] * 5
    assert untrusted[1].problem
    assert untrusted[1].problem.problem is errors.CERTIFICATE_UNTRUSTED


def test_what_is_worth_a_hint_stops_nothing() -> None:
    answers = GOOD | {
        "meta": replying(200, b'{"installed_version": "3.4.19"}'),
        "license": replying(404),
        "all_users": replying(202),
    }
    with serving(by_path(**answers)) as site:
        found = server_checks(site.url)
    assert [check.state for check in found] == ["ok", "ok", "ok", "hint", "hint", "hint", "hint"]
    assert isinstance(found[-1].problem, NotReady)


def cloud_checks(answer: object) -> list[Check]:
    with serving(answer) as site:  # type: ignore[arg-type]
        return checks.check_cloud(CloudConnection(site.url, "acme", TOKEN), LOOPBACK)


def test_a_server_beyond_its_limit_has_less_than_nothing_available() -> None:
    beyond = replying(200, b'{"seats": 10, "seats_used": 12, "seats_available": -2, "kind": "standard"}')
    with serving(by_path(**(GOOD | {"license": beyond}))) as site:
        [found] = [check for check in server_checks(site.url) if check.step == "license"]
    assert found.facts == {"seats": "10", "used": "12", "available": "-2", "kind": "standard"}


def test_slow_steps_take_no_longer_together_than_a_page_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them alone would be in time."""
    monkeypatch.setattr(checks, "LIMITS", Limits(total=3))

    def slowly(handler: Handler) -> None:
        time.sleep(2)
        by_path(**GOOD)(handler)

    with serving(slowly) as site:
        began = time.monotonic()
        found = server_checks(site.url)
        assert time.monotonic() - began < 5.5
    assert {check.step: check.problem.problem for check in found if check.problem} == {
        "license": errors.NOT_ANSWERING,
        "report": errors.NOT_ANSWERING,
    }


def test_a_cloud_where_all_is_well() -> None:
    def answer(handler: Handler) -> None:
        if handler.path == "/graphql":
            handler.reply(200, IDENTITIES)
            return
        link = '<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=3>; rel="last"'
        handler.reply(200, LIST, X_OAuth_Scopes="read:enterprise", Link=link)

    found = cloud_checks(answer)
    assert states(found) == dict.fromkeys(checks.CLOUD_STEPS, "ok")
    assert [check.facts for check in found[-2:]] == [{"total": "250", "pages": "3"}, {"identities": "240"}]


@pytest.mark.parametrize(
    ("said", "state", "problem"),
    [
        (b'{"data": {"enterprise": {"ownerInfo": null}}}', "hint", errors.IDENTITIES_NOT_SHOWN),
        (b'{"data": {"enterprise": {"ownerInfo": {}}}}', "skipped", errors.NO_IDENTITY_PROVIDER),
        (b"<html>", "hint", errors.SIGN_IN_PAGE),
    ],
)
def test_a_cloud_without_identities_fails_nowhere(said: bytes, state: str, problem: object) -> None:
    def answer(handler: Handler) -> None:
        handler.reply(200, said if handler.path == "/graphql" else LIST, X_OAuth_Scopes="read:enterprise")

    found = cloud_checks(answer)
    assert states(found) == dict.fromkeys(checks.CLOUD_STEPS, "ok") | {"identities": state}
    assert found[-1].problem
    assert found[-1].problem.problem is problem


@pytest.mark.parametrize(
    ("status", "scopes", "step", "problem"),
    [
        (401, "", "credentials", errors.WRONG_CREDENTIALS),
        (403, "repo", "scope", errors.SCOPE_MISSING),
        (404, "repo", "scope", errors.SCOPE_MISSING),
        (404, "read:enterprise", "list", errors.ENTERPRISE_NOT_FOUND),
        (502, "", "credentials", errors.SERVER_IN_TROUBLE),
    ],
)
def test_the_step_of_the_cloud_that_fails(status: int, scopes: str, step: str, problem: object) -> None:
    found = cloud_checks(replying(status, b"{}", X_OAuth_Scopes=scopes))
    failed = [check for check in found if check.state == "failed"]
    assert [check.step for check in failed] == [step]
    assert failed[0].problem
    assert failed[0].problem.problem is problem


NESTED = b"[" * 200_000
DIGITS = "9" * 5000  # more than Python makes a number of


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (replying(403, NESTED), errors.SCOPE_MISSING),
        (replying(429, b"{}", Retry_After="\u00b2"), errors.SLOW_DOWN),
        (replying(429, b"{}", Retry_After="Mon, 01 Jan 2024 00:00:00 +99999999999999"), errors.SLOW_DOWN),
        (replying(429, b"{}", X_RateLimit_Remaining="0", X_RateLimit_Reset="\u00b2"), errors.SLOW_DOWN),
        (replying(200, LIST, Link='<https://x.example/?page=\u00b2>; rel="next"'), errors.ANSWER_NOT_UNDERSTOOD),
        (replying(200, LIST, Link=f'<https://x.example/?page={DIGITS}>; rel="last"'), None),
        (replying(302, Location="http://[::1"), errors.ANSWER_NOT_UNDERSTOOD),
        (replying(302, Location="http://\u00ad/"), errors.ANSWER_NOT_UNDERSTOOD),
    ],
)
def test_an_answer_made_to_break_us_is_told_in_words(answer: Callable[[Handler], None], problem: object) -> None:
    with serving(answer) as site:
        found = checks.check_cloud(CloudConnection(site.url, "octo", TOKEN), LOOPBACK)
    problems = [check.problem.problem for check in found if check.problem and check.step != "identities"]
    assert problems == ([problem] if problem else [])


@pytest.mark.parametrize("odd", ["\u00b2", DIGITS])
def test_odd_numbers_of_a_server_are_no_numbers(odd: str) -> None:
    version = replying(200, f'{{"installed_version": "{odd}.4"}}'.encode(), X_OAuth_Scopes="site_admin")
    seats = replying(200, LICENSE.replace(b"unlimited", odd.encode()))
    with serving(by_path(**(GOOD | {"meta": version, "license": seats}))) as site:
        assert "failed" not in states(server_checks(site.url)).values()
