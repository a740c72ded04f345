"""The description of the API is true: no warning when it is made, and nothing that the API answers is not in it."""

import json
import os
import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import schemathesis
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from hypothesis.strategies import SearchStrategy
from pytest_django import Settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from licensesync.api.description import MEANINGS
from licensesync.enterprises import connections, deployments, services
from licensesync.enterprises.domains import add_domains
from licensesync.enterprises.models import Enterprise, Membership, Role, Scope
from licensesync.enterprises.tokens import create_api_token
from licensesync.licenses.queries import licenses
from licensesync.syncing.models import LicenseSyncJob, UsageFile
from licensesync.users.models import User
from tests.api.conftest import script
from tests.api.test_access import API_ROUTES
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("API_EXAMPLES", "5"))  # of what an operation allows, and of what not
ORDER = ("get", "post", "put", "patch", "delete")


def description() -> dict[str, Any]:
    """As /api/schema gives it."""
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(made, renderer_context={}))
    return found


DESCRIPTION = description()
schema = schemathesis.openapi.from_dict(DESCRIPTION)
schema.app = get_wsgi_application()


def test_it_is_made_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


@pytest.mark.django_db
def test_it_is_given_to_everybody_and_names_every_address() -> None:
    answer = Client().get("/api/schema")
    assert answer.json() == DESCRIPTION
    assert Client().get("/api/schema", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert DESCRIPTION["openapi"].startswith("3.1")
    assert len(DESCRIPTION["paths"]) == len(API_ROUTES) - 1  # all but the one that answers for what is not there
    operations = [each for path in DESCRIPTION["paths"].values() for each in path.values()]
    assert all(each["summary"] and each["description"] and each["tags"] for each in operations)


def test_every_body_has_an_example_and_every_example_is_right() -> None:
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                kinds = body.get("content", {})
                shown = kinds.get("application/json", {})
                if not shown or body.get("description") in MEANINGS.values():
                    continue
                examples = [each["value"] for each in shown.get("examples", {}).values()]
                assert examples, (method, path)
                for example in examples:
                    jsonschema.validate(example, {**shown["schema"], "components": DESCRIPTION["components"]})


@pytest.mark.django_db
def test_what_no_endpoint_says_by_itself_is_described(owners_script: Client, enterprise: Enterprise) -> None:
    address = f"/api/v3/enterprises/{enterprise.slug}"
    described = DESCRIPTION["paths"]["/api/v3/enterprises/{enterprise}"]
    first = owners_script.get(address)
    known = owners_script.get(address, headers={"If-None-Match": first["ETag"]})
    assert known.status_code == 304
    assert "content" not in described["get"]["responses"]["304"]
    large = owners_script.patch(address, {"name": "x" * 3_000_000}, content_type="application/json")
    assert large.status_code == 413
    described_error = described["patch"]["responses"]["413"]["content"]["application/json"]["schema"]
    jsonschema.validate(large.json(), {**described_error, "components": DESCRIPTION["components"]})


def test_a_form_brings_bytes() -> None:
    body = DESCRIPTION["paths"]["/api/v3/enterprises/{enterprise}/usage"]["post"]["requestBody"]["content"]
    assert body["multipart/form-data"]["schema"]["properties"]["file"] == {"type": "string", "format": "binary"}


@pytest.fixture
def parts(enterprise: Enterprise, owner: User, billing_manager: User, settings: Settings) -> dict[str, Any]:
    """A real thing for each part of an address."""
    settings.CONNECT_DENY = ("0.0.0.0/0", "::/0")
    job = import_one(enterprise, server_export([account(number, f"u{number}@octo.example") for number in range(1, 6)]))
    import_one(enterprise, cloud_list([cloud_user("ana", "u1@octo.example"), cloud_user("cem", "cem@octo.example")]))
    server = deployments.server_named(enterprise, "ghes.example")
    connections.connect(server, url="https://ghes.example", login="admin", token="secret", connected_by=owner)
    invitation, _secret = services.invite(
        enterprise=enterprise, email="invited@octo.example", role=Role.OWNER, invited_by=owner
    )
    add_domains(enterprise=enterprise, text="octo.example")
    return {
        "name": "octo.example",
        "enterprise": enterprise.slug,
        "job_id": LicenseSyncJob.objects.get(pk=job.pk).pk,
        "file_id": UsageFile.objects.latest("pk").pk,
        "instance": str(server.pk),
        "number": licenses(enterprise).earliest("number").number,
        "member_id": Membership.objects.get(user=billing_manager).pk,
        "invitation_id": invitation.pk,
    }


@pytest.mark.django_db(transaction=True)
def test_no_scope_reaches_more_than_is_described(parts: dict[str, Any], owner: User, enterprise: Enterprise) -> None:
    """Of an owner's tokens: what a server delivers its usage with must not read people, nor invite an owner."""
    clients = {scope: script(owner, enterprise, [scope]) for scope in Scope}
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            named = set(re.findall(r"`(\w+:\w+)`", operation["description"].rpartition("Scope ")[2]))
            assert named, (method, path)
            assert named <= set(Scope), (method, path)
            for scope in set(Scope) - named - {Scope.ADMIN}:  # which includes the others
                answer = getattr(clients[scope], method)(path.format(**parts), content_type="application/json")
                assert answer.status_code == 403, (method, path, scope)
                assert answer.json()["message"].startswith("This needs the scope"), (method, path, scope)


@pytest.mark.django_db(transaction=True)
def test_whatever_it_allows_is_answered_as_it_says(
    parts: dict[str, Any], owner: User, enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it doesn't allow as well. Of real things mostly, now and then of what is not there; deletions last."""
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    operations = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) == sum(map(len, DESCRIPTION["paths"].values()))
    answers: Counter[int] = Counter()
    for operation in sorted(operations, key=lambda each: ORDER.index(each.method)):
        for mode in GenerationMode:
            try_out(operation.as_strategy(generation_mode=mode), parts, owner, enterprise, answers)
    assert {200, 201, 202, 204, 404, 422} <= set(answers), answers


def try_out(
    cases: SearchStrategy[Case[Any]],
    parts: dict[str, Any],
    owner: User,
    enterprise: Enterprise,
    answers: Counter[int],
) -> None:
    """Ask an operation in many ways."""

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases)
    def ask(case: Case[Any]) -> None:
        for name, value in case.path_parameters.items():
            if name == "enterprise" or len(str(value)) > 1:
                case.path_parameters[name] = parts[name]
        _token, secret = create_api_token(enterprise=enterprise, owner=owner, name="script", scopes=[Scope.ADMIN])
        response = case.call(headers={"Authorization": f"Bearer {secret}"})
        answers[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    ask()


def no_network(*_: Any, **__: Any) -> Any:
    raise socket.gaierror
