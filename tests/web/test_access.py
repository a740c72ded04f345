"""Every address of the product, asked by everybody: who gets in, who is sent to sign in, who finds nothing.

A new address fails here until it has a row. A row names what anonymous, stranger, billing manager and owner get for a
GET and for an empty POST. Anonymous 302 always leads to the sign-in page.
"""

import re
from collections.abc import Iterable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from licensesync.enterprises import connections, domains, services, tokens
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise, Role, VerifiedDomain
from licensesync.syncing.models import JobState, LicenseSyncJob, UsageFile
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.flows.lists import cloud_list, cloud_user, import_one
from tests.people import SignedIn

PAGE = "302 404 200 200"  # a page of an enterprise
NO_POST = "302 405 405 405"
READ_ONLY = (PAGE, NO_POST)
ACTION = ("302 405 405 405", "302 404 404 302")  # a button of owners
NOT_THERE = ("302 404 404 404", NO_POST)  # as long as nothing has been reported: `AFTER_A_LIST` has the rest

OWNERS_FORM = ("302 404 404 200", "302 404 404 200")

#                        GET                 POST
EXPECTED = {
    "home": ("302 302 302 302", NO_POST),
    "sign_in": ("200 302 302 302", "200 302 302 302"),
    "sign_out": ("405 405 405 405", "302 302 302 302"),
    "first_owner": ("410 410 410 410", "410 410 410 410"),
    "account": ("302 200 200 200", "302 200 200 200"),
    "delete_account": ("302 200 200 200", "302 200 200 200"),
    "forgot_password": ("200 200 200 200", "200 200 200 200"),
    "new_password": ("410 410 410 410", "410 410 410 410"),
    "enterprises": ("302 200 200 200", NO_POST),
    "new_enterprise": ("302 200 404 200", "302 200 404 200"),
    "enterprise_profile": (PAGE, "302 404 404 200"),
    "delete_enterprise": ("302 404 404 200", "302 404 404 200"),
    "people": (PAGE, "302 404 404 200"),
    "change_role": ACTION,
    "step_down": ("302 404 404 200", "302 404 404 302"),
    "remove_member": ("302 404 404 200", "302 404 404 302"),
    "make_password_link": ACTION,
    "invitation": ("410 410 410 410", "410 410 410 410"),
    "renew_invitation": ACTION,
    "revoke_invitation": ACTION,
    "domains": (PAGE, "302 404 404 200"),
    "remove_domain": ACTION,
    "tokens": (PAGE, PAGE),
    "revoke_token": ("302 404 404 200", "302 404 404 302"),
    "audit_log": ("302 404 404 200", "302 405 405 405"),
    "csv_of_audit_log": ("302 404 404 200", "302 405 405 405"),
    "license": READ_ONLY,
    "license_news": ("302 404 200 200", NO_POST),
    "add_usage": ("302 405 405 405", "302 404 404 302"),
    "answer_file": ACTION,
    "try_file_again": ACTION,
    "dismiss_file": ACTION,
    "dismiss_done": ACTION,
    "cancel_job": ACTION,
    "licenses": READ_ONLY,
    "license_counts": READ_ONLY,
    "licenses_news": READ_ONLY,
    "print_licenses": READ_ONLY,
    "csv_of_licenses": READ_ONLY,
    "json_of_licenses": READ_ONLY,
    "usage_history": READ_ONLY,
    "csv_of_changes": READ_ONLY,
    "comparison": READ_ONLY,
    "csv_of_comparison": READ_ONLY,
    "license_detail": NOT_THERE,
    "instance": READ_ONLY,
    "license_usage": READ_ONLY,
    "cloud": READ_ONLY,
    "sync_history": READ_ONLY,
    "operations": ("302 404 404 404", NO_POST),
    "documentation": ("302 200 200 200", NO_POST),
    "documentation_page": ("302 200 200 200", NO_POST),
    "healthz": ("200 200 200 200", "405 405 405 405"),
    "readyz": ("503 503 503 503", "405 405 405 405"),
    "metrics": ("404 404 404 404", "405 405 405 405"),
    "api_docs": ("200 200 200 200", "405 405 405 405"),
    "api_schema": ("200 200 200 200", "405 405 405 405"),
    "instance_news": READ_ONLY,
    "server_accounts": READ_ONLY,
    "csv_of_server_accounts": READ_ONLY,
    "unused_subscriptions": NOT_THERE,
    "csv_of_unused_subscriptions": NOT_THERE,
    "connect_new_server": OWNERS_FORM,
    "connect_cloud": OWNERS_FORM,
    "connect_server": OWNERS_FORM,
    "schedule": ("302 404 404 200", "302 404 404 200"),
    "disconnect": ("302 404 404 200", "302 404 404 302"),
    "push": ("302 404 404 200", "302 404 404 302"),
    "revoke_push_token": ("302 404 404 200", "302 404 404 302"),
    "sync_all": ACTION,
    "sync_now": ACTION,
    "delete_instance": ("302 404 404 200", "302 404 404 302"),
}


def patterns(of: Iterable[URLPattern | URLResolver], before: str = "") -> Iterable[tuple[str, str]]:
    """Name and route of every address."""
    for each in of:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, route)
        else:
            yield each.name or route, route


ALL_ROUTES = dict(patterns(get_resolver().url_patterns))
# Addresses for scripts take tokens only; `tests/api/test_access.py` walks them.
ROUTES = {name: route for name, route in ALL_ROUTES.items() if not route.startswith(("api/v3", "^api/v3"))}
AFTER_A_LIST = [name for name, row in EXPECTED.items() if row == NOT_THERE and "<slug:slug>" in ROUTES[name]]


@pytest.fixture
def arguments(enterprise: Enterprise, owner: User, billing_manager: User) -> dict[str, str | int]:
    """A value for each part of an address that stands for a real thing of the enterprise; 0 and "x" name nothing."""
    colleague = create_user(email="colleague@octo.example", password=None)
    member = services.add_member(enterprise=enterprise, user=colleague, role=Role.BILLING_MANAGER)
    invitation, _token = services.invite(
        enterprise=enterprise, email="invited@octo.example", role=Role.OWNER, invited_by=owner
    )
    deployment = Deployment.objects.create(enterprise=enterprise, kind=DeploymentKind.SERVER, host="ghes.octo.example")
    connections.connect(deployment, url="https://ghes.octo.example", login="admin", token="secret", connected_by=owner)
    push_token, _secret = tokens.create_api_token(
        enterprise=enterprise, owner=owner, name="push", scopes=["write:usage"], deployment=deployment
    )
    domains.add_domains(enterprise=enterprise, text="octo.example")
    job = LicenseSyncJob.objects.create(deployment=deployment, kind="file", trigger="uploaded", state=JobState.CANCELED)
    file = UsageFile.objects.create(
        enterprise=enterprise, deployment=deployment, job=job, name="a", size=1, state="ACCEPTED"
    )
    return {
        "slug": enterprise.slug,
        "member_id": member.pk,
        "invitation_id": invitation.pk,
        "deployment_id": deployment.pk,
        "token_id": push_token.pk,
        "name": "matching",
        "domain_id": VerifiedDomain.objects.get(enterprise=enterprise).pk,
        "job_id": job.pk,
        "file_id": file.pk,
    }


def address(name: str, arguments: dict[str, str | int]) -> str:
    parts = re.findall(r"<(\w+):(\w+)>", ROUTES[name])
    return reverse(name, kwargs={part: arguments.get(part, 0 if kind == "int" else "x") for kind, part in parts})


def test_every_address_has_a_row() -> None:
    assert set(ROUTES) == set(EXPECTED)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", EXPECTED)
def test_everybody_gets_what_is_theirs(
    name: str,
    method: str,
    arguments: dict[str, str | int],
    signed_in: SignedIn,
    billing_manager: User,
    owner: User,
    stranger: User,
) -> None:
    url = address(name, arguments)
    answers: list[HttpResponse] = []
    for who in (None, stranger, billing_manager, owner):  # the owner last: then what is asked for may be gone
        answers.append(getattr(signed_in(who), method)(url))
    assert " ".join(str(answer.status_code) for answer in answers) == EXPECTED[name][method == "post"]
    if answers[0].status_code == 302:
        assert answers[0]["Location"].startswith("/sign-in")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", AFTER_A_LIST)
def test_everybody_gets_what_is_theirs_once_a_list_is_there(
    name: str,
    enterprise: Enterprise,
    signed_in: SignedIn,
    billing_manager: User,
    owner: User,
    stranger: User,
) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    url = address(name, {"slug": enterprise.slug, "number": 1})
    answers = [signed_in(who).get(url) for who in (None, stranger, billing_manager, owner)]
    assert " ".join(str(answer.status_code) for answer in answers) == PAGE


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if re.search(r"<slug:slug>.*<int:", route)])
def test_nothing_of_another_enterprise_is_found_under_ones_own(
    name: str, arguments: dict[str, str | int], signed_in: SignedIn, stranger: User
) -> None:
    """Whoever owns an enterprise may change everything there, by numbers that may be those of anything."""
    browser, own = signed_in(stranger), address(name, arguments | {"slug": "hubot-labs"})
    answers = [browser.get(own), browser.post(own)]
    if name == "instance_news":  # who looks at an instance that is deleted is led away from it
        assert answers.pop(0)["HX-Redirect"] == reverse("license", args=["hubot-labs"])
    else:
        assert 404 in [answer.status_code for answer in answers]
    assert {answer.status_code for answer in answers} <= {404, 405}


LINK = re.compile(r'(?:href|hx-get)="(/(?!static/)[^"#]*)')
INLINE = re.compile(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


@pytest.mark.parametrize("name", [name for name, (get, _post) in EXPECTED.items() if get[-3:] in ("200", "410")])
def test_pages_keep_the_content_security_policy(
    name: str, arguments: dict[str, str | int], signed_in: SignedIn, owner: User
) -> None:
    """Nothing inline, and a policy that would stop it."""
    answer = signed_in(owner).get(address(name, arguments))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not INLINE.search(answer.getvalue().decode())


def test_no_link_leads_nowhere(arguments: dict[str, str | int], signed_in: SignedIn, owner: User) -> None:
    browser = signed_in(owner)
    pages = [address(name, arguments) for name, (get, _post) in EXPECTED.items() if get.endswith("200")]
    links = {link for page in pages for link in LINK.findall(browser.get(page).getvalue().decode())}
    assert len(links) > 10
    assert {link: status for link in links if (status := browser.get(link).status_code) not in (200, 204, 302)} == {}


def test_an_error_of_ours_shows_a_page_of_ours(
    signed_in: SignedIn, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("licensesync.web.enterprise_pages.memberships_of", fail)
    browser = signed_in(owner)
    browser.raise_request_exception = False
    answer = browser.get("/enterprises")
    assert answer.status_code == 500
    assert b"Something went wrong on our side" in answer.content
    assert f'<p class="center mono">{answer["X-Request-ID"]}</p>' in answer.content.decode()  # as the log calls it


def test_a_form_without_its_token_is_refused_in_words(owner: User) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in")
    assert answer.status_code == 403
    assert b"This page was open for too long" in answer.content
