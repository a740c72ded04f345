"""Who gets in with which token, and how errors look."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.exceptions import AuthenticationFailed

from licensesync.api.limits import count_request
from licensesync.api.models import RateWindow
from licensesync.enterprises import services
from licensesync.enterprises.models import ApiToken, Enterprise, Membership, Role, Scope
from licensesync.enterprises.tokens import create_api_token, revoke
from licensesync.users.models import User
from tests.api.conftest import script

JOBS = "/api/v3/enterprises/octo-industries/jobs"


def message(client: Client, path: str = JOBS, **headers: str) -> tuple[int, str]:
    answer = client.get(path, headers=headers)
    assert set(answer.json()) >= {"message", "documentation_url", "status"}
    assert answer.json()["status"] == str(answer.status_code)
    return answer.status_code, answer.json()["message"]


def test_a_token_lets_in_as_bearer_and_as_token(owner: User, enterprise: Enterprise) -> None:
    for kind in ("Bearer", "bearer", "token"):
        assert script(owner, enterprise, kind=kind).get(JOBS).status_code == 200


def test_nobody_else_gets_in(enterprise: Enterprise, owner: User) -> None:
    assert message(Client()) == (401, "Requires authentication")
    for wrong in ("Bearer lsy_wrong", "Bearer", "Basic bHN5Xw==", "token ghp_ours", f"Bearer {'x' * 5000}"):
        assert message(Client(), Authorization=wrong) == (401, "Bad credentials")
    browser = Client()
    browser.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(JOBS).status_code == 401


def test_a_token_dies(enterprise: Enterprise, owner: User) -> None:
    client = script(owner, enterprise)
    tokens = ApiToken.objects.filter(owner=owner)
    tokens.update(expires_at=timezone.now() + timedelta(seconds=30))
    assert client.get(JOBS).status_code == 200
    tokens.update(expires_at=timezone.now())
    assert message(client) == (401, "Bad credentials")
    tokens.update(expires_at=None)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get(JOBS).status_code == 401
    User.objects.filter(pk=owner.pk).update(is_active=True)
    revoke(tokens.get())
    assert client.get(JOBS).status_code == 401


def test_a_token_is_never_more_than_its_owner(enterprise: Enterprise, owner: User, billing_manager: User) -> None:
    client = script(billing_manager, enterprise)
    assert client.get(JOBS).status_code == 200
    assert client.post("/api/v3/enterprises/octo-industries/usage", b"{}", "application/json").status_code == 403
    membership = Membership.objects.get(user=billing_manager)
    services.change_role(membership=membership, role=Role.OWNER)
    assert client.post("/api/v3/enterprises/octo-industries/usage", b"{}", "application/json").status_code == 202
    services.remove_member(membership=membership)
    assert client.get(JOBS).status_code == 401


def test_scopes(enterprise: Enterprise, owner: User) -> None:
    delivers = script(owner, enterprise, [Scope.WRITE_USAGE])
    assert message(delivers)[0] == 403
    assert "read:enterprise" in message(delivers)[1]
    assert script(owner, enterprise, [Scope.ADMIN]).get(JOBS).status_code == 200
    assert script(owner, enterprise, ["made:up"]).get(JOBS).status_code == 403
    assert delivers.get(JOBS)["X-OAuth-Scopes"] == "write:usage"


def test_another_enterprise_is_not_there(owners_script: Client, strangers_script: Client, owner: User) -> None:
    other = services.create_enterprise(owner=owner, slug="second", name="Second", license_model="volume")
    assert message(strangers_script) == (404, "Not Found")
    assert message(owners_script, f"/api/v3/enterprises/{other.slug}/jobs") == (404, "Not Found")
    assert message(owners_script, "/api/v3/enterprises/nowhere/jobs") == (404, "Not Found")
    assert message(owners_script, "/api/v3/user") == (404, "Not Found")
    assert message(Client(), "/api/v3/user") == (401, "Requires authentication")


def test_the_last_use_is_noted_now_and_then(owners_script: Client) -> None:
    owners_script.get(JOBS)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    owners_script.get(JOBS)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=6))
    owners_script.get(JOBS)
    assert (ApiToken.objects.get().last_used_at or first) > first


def test_requests_are_limited_and_counted(owners_script: Client, owner: User, settings: Settings) -> None:
    settings.API_REQUESTS_PER_HOUR = 3
    left = [owners_script.get(JOBS)["X-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = owners_script.get(JOBS)
    assert refused.status_code == 429
    assert 3500 < int(refused["Retry-After"]) <= 3600
    assert refused["X-RateLimit-Limit"] == refused["X-RateLimit-Used"] == "3"
    assert abs(int(refused["X-RateLimit-Reset"]) - timezone.now().timestamp() - 3600) < 60
    assert script(owner, ApiToken.objects.get().enterprise).get(JOBS).status_code == 200
    RateWindow.objects.update(resets_at=timezone.now())
    assert owners_script.get(JOBS)["X-RateLimit-Used"] == "1"
    RateWindow.objects.update(resets_at=timezone.now() + timedelta(days=9), used=3)  # a clock was ahead for a while
    answer = owners_script.get(JOBS)
    assert (answer.status_code, answer["X-RateLimit-Used"]) == (200, "1")
    assert abs(int(answer["X-RateLimit-Reset"]) - timezone.now().timestamp() - 3600) < 60


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_deleted_amid_its_request(enterprise: Enterprise, owner: User) -> None:
    token, _secret = create_api_token(enterprise=enterprise, owner=owner, name="cron", scopes=[Scope.READ])
    ApiToken.objects.filter(pk=token.pk).delete()
    with pytest.raises(AuthenticationFailed):
        count_request(token)


def test_media_types_and_versions_as_github(owners_script: Client) -> None:
    for accepted in ("application/vnd.github+json", "application/json", "*/*", "application/vnd.github.v3+json, x/y"):
        assert owners_script.get(JOBS, headers={"Accept": accepted}).status_code == 200
    answer = owners_script.get(JOBS, headers={"X-GitHub-Api-Version": "2026-03-10"})
    assert answer["X-GitHub-Api-Version"] == answer["X-GitHub-Api-Version-Selected"] == "2026-03-10"
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert message(owners_script, JOBS, Accept="text/html")[0] == 415
    assert message(owners_script, JOBS, **{"X-GitHub-Api-Version": "new"})[0] == 400
    assert owners_script.delete(JOBS).status_code == 405


def test_what_has_not_changed_is_not_sent_again(owners_script: Client) -> None:
    first = owners_script.get(JOBS)
    assert first["ETag"].startswith('W/"')
    again = owners_script.get(JOBS, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again["X-RateLimit-Remaining"] == first["X-RateLimit-Remaining"], "it counts for nothing, as with GitHub"
    other = owners_script.get(JOBS, headers={"If-None-Match": 'W/"other"'})
    assert (other.status_code, other["X-RateLimit-Used"]) == (200, "2")
    anything = owners_script.get(JOBS, headers={"If-None-Match": "*"})
    assert (anything.status_code, anything["X-RateLimit-Used"]) == (304, "3"), "nobody asks for free by having nothing"


def test_a_token_can_be_found_by_secret_scanners(enterprise: Enterprise, owner: User) -> None:
    _token, secret = create_api_token(enterprise=enterprise, owner=owner, name="cron", scopes=[Scope.READ])
    assert re.fullmatch(r"lsy_[0-9a-f]{40}", secret)


@pytest.mark.django_db
def test_an_error_of_ours_is_json_too(owners_script: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("licensesync.api.jobs.jobs_of", fail)
    code, said = message(owners_script)
    assert code == 500
    assert "secret" not in said
