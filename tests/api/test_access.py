"""Every address under /api/v3, asked by tokens of everybody: whose are let in, and who is told that nothing is there.

A new address fails here until it has a row. A row names, for each method, what a request gets without a token, with a
stranger's, with a billing manager's and with an owner's; the tokens have all scopes.
"""

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from licensesync.enterprises import connections, services
from licensesync.enterprises.domains import add_domains
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise, Invitation, Membership, Role
from licensesync.syncing.models import LicenseSyncJob, UsageFile
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.flows.lists import cloud_list, cloud_user, import_one
from tests.people import SignedIn
from tests.web.test_access import ALL_ROUTES, ROUTES
from tests.web.usage import Slow

API_ROUTES = {name: route for name, route in ALL_ROUTES.items() if name not in ROUTES}
ENTERPRISE = "/api/v3/enterprises/octo-industries"
READ = {"get": "401 404 200 200"}
NOT_THERE = {"get": "401 404 404 404"}  # as long as nothing has been reported
OWNERS_ACTION = "401 404 403 200"
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n{}\r\n--x--\r\n'

EXPECTED = {
    "api_nothing": {"get": "401 404 404 404", "post": "401 404 404 404"},
    "api_consumed_licenses": READ,
    "api_license_sync_status": READ,
    "api_usage": {**READ, "post": "401 404 403 202"},
    "api_usage_file": READ,
    "api_answer_usage_file": {"post": "401 404 403 409"},
    "api_discard_usage_file": {"post": "401 404 403 409"},
    "api_try_usage_file_again": {"post": "401 404 403 409"},
    "api_jobs": READ,
    "api_job": READ,
    "api_cancel_job": {"post": OWNERS_ACTION},
    "api_licenses": READ,
    "api_licenses_as_csv": READ,
    "api_usage_history": READ,
    "api_changes_as_csv": READ,
    "api_github_count": NOT_THERE,
    "api_github_count_as_csv": READ,
    "api_license": NOT_THERE,
    "api_enterprise": {**READ, "patch": OWNERS_ACTION},
    "api_instances": {**READ, "post": "401 404 403 422"},
    "api_instance": {**READ, "delete": "401 404 403 202"},
    "api_server_accounts": READ,
    "api_unused_subscriptions": NOT_THERE,
    "api_connection": {**READ, "put": "401 404 403 422", "patch": "401 404 403 422", "delete": "401 404 403 204"},
    "api_test_connection": {"post": "401 404 403 422"},
    "api_sync_instance": {"post": "401 404 403 202"},
    "api_sync_all": {"post": "401 404 403 202"},
    "api_license_usage": READ,
    "api_domains": {**READ, "post": "401 404 403 422"},
    "api_domain": {"delete": "401 404 403 204"},
    "api_members": READ,
    "api_member": {**READ, "patch": "401 404 403 422", "delete": "401 404 403 204"},
    "api_password_link": {"post": "401 404 403 201"},
    "api_invitations": {"get": OWNERS_ACTION, "post": "401 404 403 422"},
    "api_invitation": {"delete": "401 404 403 204"},
    "api_renew_invitation": {"post": "401 404 403 201"},
    "api_audit_log": {"get": OWNERS_ACTION},
}


@pytest.fixture
def arguments(enterprise: Enterprise, owner: User, billing_manager: User) -> dict[str, str | int]:
    """A value for each part of an address that stands for a real thing of the enterprise."""
    deployment = Deployment.objects.create(enterprise=enterprise, kind=DeploymentKind.SERVER, host="ghes.octo.example")
    connections.connect(deployment, url="https://ghes.octo.example", login="admin", token="secret", connected_by=owner)
    invitation, _secret = services.invite(
        enterprise=enterprise, email="invited@octo.example", role=Role.OWNER, invited_by=owner
    )
    add_domains(enterprise=enterprise, text="octo.example")
    job = LicenseSyncJob.objects.create(deployment=deployment, kind="file", trigger="script")
    file = UsageFile.objects.create(
        enterprise=enterprise, deployment=deployment, job=job, name="a", size=1, state="ACCEPTED"
    )
    return {
        "enterprise": enterprise.slug,
        "job_id": job.pk,
        "file_id": file.pk,
        "instance": str(deployment.pk),
        "number": 1,
        "name": "octo.example",
        "member_id": Membership.objects.get(user=billing_manager).pk,
        "invitation_id": invitation.pk,
    }


def address(name: str, arguments: dict[str, str | int]) -> str:
    if name == "api_nothing":
        return "/api/v3/anything/else"
    parts = re.findall(r"<\w+:(\w+)>", API_ROUTES[name])
    return reverse(name, kwargs={part: arguments[part] for part in parts})


def test_every_address_has_a_row() -> None:
    assert set(API_ROUTES) == set(EXPECTED)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("name", EXPECTED)
def test_every_token_gets_what_is_its_owners(
    name: str,
    method: str,
    arguments: dict[str, str | int],
    owners_script: Client,
    billing_script: Client,
    strangers_script: Client,
) -> None:
    url = address(name, arguments)
    expected = EXPECTED[name].get(method) or ("401 404 404 404" if name == "api_nothing" else "401 405 405 405")
    answers = []
    for client in (Client(), strangers_script, billing_script, owners_script):  # the owner last: then it may be gone
        answers.append(getattr(client, method)(url, content_type="application/json"))
    assert " ".join(str(answer.status_code) for answer in answers) == expected
    for answer in answers:
        if answer.status_code >= 400:
            assert {"message", "documentation_url", "status"} <= set(answer.json())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [name for name, row in EXPECTED.items() if row == NOT_THERE])
def test_every_token_gets_what_is_its_owners_once_a_list_is_there(
    name: str, enterprise: Enterprise, owners_script: Client, billing_script: Client, strangers_script: Client
) -> None:
    import_one(enterprise, cloud_list([cloud_user("ana")]))
    there, own = (address(name, {"enterprise": slug, "number": 1}) for slug in (enterprise.slug, "hubot-labs"))
    answers = [client.get(there) for client in (Client(), strangers_script, billing_script, owners_script)]
    assert " ".join(str(answer.status_code) for answer in answers) == READ["get"]
    assert strangers_script.get(own).status_code == 404


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "api_nothing"])
def test_nothing_of_another_enterprise_is_told(
    name: str, arguments: dict[str, str | int], strangers_script: Client
) -> None:
    """A stranger's token is answered as if the enterprise were not there, and finds nothing of it under its own."""
    there, nowhere = (address(name, arguments | {"enterprise": slug}) for slug in (arguments["enterprise"], "nowhere"))
    own = address(name, arguments | {"enterprise": "hubot-labs"})
    for method in EXPECTED[name]:
        ask = getattr(strangers_script, method)
        told, missing = (ask(url, content_type="application/json") for url in (there, nowhere))
        assert (told.status_code, told.json()) == (404, missing.json())
        if API_ROUTES[name].count("<") > 1:
            assert ask(own, content_type="application/json").status_code == 404


@pytest.mark.parametrize("name", EXPECTED)
def test_a_browser_is_nobody_here(name: str, arguments: dict[str, str | int], signed_in: SignedIn, owner: User) -> None:
    """No form of another site makes a signed-in owner do something."""
    browser = signed_in(owner)
    for method in {"get", *EXPECTED[name]}:
        assert getattr(browser, method)(address(name, arguments)).status_code == 401


def test_settings_that_are_none_are_not_taken_for_done(enterprise: Enterprise, owners_script: Client) -> None:
    address = "/api/v3/enterprises/octo-industries"
    refused = owners_script.patch(address, {"seats": 5}, content_type="application/json")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["seats"]
    whole = owners_script.get(address).json() | {"enterprise_licenses": 5}
    assert owners_script.patch(address, whole, content_type="application/json").json()["enterprise_licenses"] == 5
    assert owners_script.patch(address, {}, content_type="application/json").status_code == 200


def test_a_script_keeps_less_too(enterprise: Enterprise, owners_script: Client) -> None:
    address = "/api/v3/enterprises/octo-industries"
    answer = owners_script.patch(address, {"keeps_names": False}, content_type="application/json").json()
    assert (answer["keeps_names"], answer["keeps_secondary_emails"]) == (False, True)
    enterprise.refresh_from_db()
    assert (enterprise.keeps_names, enterprise.keeps_secondary_emails) == (False, True)


def test_answers_are_in_one_language(enterprise: Enterprise, owners_script: Client, settings: Any) -> None:
    """Programs read them; only pages follow the Accept-Language."""
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    german = {"Accept-Language": "de"}
    address = "/api/v3/enterprises/octo-industries/invitations"
    answer = owners_script.post(address, {"email": "bad"}, content_type="application/json", headers=german)
    assert answer.json()["errors"][0]["message"] == "Enter a valid email address."
    assert answer["Content-Language"] == "en"


def test_the_slug_may_be_written_in_capitals(enterprise: Enterprise, owners_script: Client) -> None:
    """As GitHub takes its own."""
    answer = owners_script.get("/api/v3/enterprises/Octo-INDUSTRIES/consumed-licenses")
    assert answer.json() == owners_script.get(f"{ENTERPRISE}/consumed-licenses").json()


@pytest.mark.parametrize("odd", ["", "/", "//enterprises", "/a%0Ab", "/a%0A", "/%00", "/a%2Fb", "/é"])
def test_nothing_is_said_as_the_api_says_it(odd: str, owners_script: Client) -> None:
    answer = owners_script.get(f"/api/v3{odd}")
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", "/invitations", b'{"email":"me@home.example","role":"owner"}', "application/json"),
        ("PATCH", "", b'{"name":"Mine"}', "application/json"),
        ("POST", "/usage", b"{}", "application/octet-stream"),
        ("POST", "/usage", FORM, "multipart/form-data; boundary=x"),
    ],
)
def test_who_loses_the_right_while_the_body_comes_has_lost_it(
    method: str, path: str, body: bytes, kind: str, enterprise: Enterprise, owner: User, owners_script: Client
) -> None:
    services.add_member(enterprise=enterprise, user=create_user(email="second@octo.example"), role=Role.OWNER)
    membership = Membership.objects.get(user=owner)
    slow = Slow(body, lambda: services.remove_member(membership=membership))
    stored = set(settings.UPLOADS_DIR.iterdir())
    answer = owners_script.generic(method, ENTERPRISE + path, body, kind, **slow.as_input)
    assert answer.status_code == 401
    assert not Invitation.objects.exists()
    assert not UsageFile.objects.exists()
    assert set(settings.UPLOADS_DIR.iterdir()) == stored
    enterprise.refresh_from_db()
    assert enterprise.name != "Mine"


def test_whose_body_is_too_large_is_told_first_that_nobody_is_let_in(enterprise: Enterprise) -> None:
    large = b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) + b"x"
    assert Client().generic("PATCH", ENTERPRISE, large, "application/json").status_code == 401


def test_allow_names_what_is_answered(enterprise: Enterprise, owners_script: Client) -> None:
    for refused in (owners_script.delete(ENTERPRISE), owners_script.options(ENTERPRISE)):
        assert refused.status_code == 405
        assert refused["Allow"] == "GET, PATCH, HEAD"


@pytest.mark.parametrize("body", ["[" * 100_000, '{"name":' * 50_000])
def test_json_without_a_bottom_is_no_json(body: str, enterprise: Enterprise, owners_script: Client) -> None:
    answer = owners_script.generic("PATCH", ENTERPRISE, body, content_type="application/json")
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")
