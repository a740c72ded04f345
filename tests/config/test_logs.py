"""What a log never says, and that one id leads from the request to the worker."""

import json
import logging
import logging.config
from io import StringIO
from typing import Any

import pytest
import structlog
from django.test import Client
from django.urls import reverse

from licensesync.config.logs import logging_config, of_web_server
from licensesync.enterprises.models import Enterprise, Membership, Role, Scope
from licensesync.enterprises.tokens import create_api_token
from licensesync.users.models import User
from tests.people import PASSWORD

SECRET = "0123456789abcdef0123456789abcdef"
LEAKS = [
    f"Internal Server Error: /setup/{SECRET}/",
    f"Not Found: /invitations/{SECRET}/join",
    f"Gone: /password/new/MQ/{SECRET}",
    f"the token lsy_{SECRET} was sent",
    f"Authorization: Bearer {SECRET}",
    f"Authorization: Basic {SECRET}",
    f"postgresql://licensesync:{SECRET}@db.octo.example/licensesync",
]


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Any:
    """The lines that are written from now on, by the product's own configuration."""
    configuration = logging_config(request.param)
    lines = StringIO()
    configuration["handlers"]["stderr"]["stream"] = lines
    before = logging.getLogger().handlers[:]
    logging.config.dictConfig(configuration)
    yield lines
    logging.getLogger().handlers[:] = before
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("log", ["text"], indirect=True)
def test_a_wrong_host_is_one_line(log: StringIO) -> None:
    assert Client().get("/healthz", HTTP_HOST="elsewhere.example").status_code == 400
    [line] = log.getvalue().splitlines()
    assert "You may need to add 'elsewhere.example' to LICENSESYNC_ALLOWED_HOSTS" in line


@pytest.mark.parametrize("log", ["text", "json"], indirect=True)
@pytest.mark.parametrize("leak", LEAKS)
def test_no_secret(log: StringIO, leak: str) -> None:
    logging.getLogger("django.request").error(leak)
    structlog.get_logger().info("something", detail=leak)
    try:
        raise ValueError(leak)
    except ValueError:
        logging.getLogger("django.request").exception("It failed")
    assert "It failed" in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.parametrize("log", ["json"], indirect=True)
@pytest.mark.parametrize(
    "said", ["first\nana@octo.example", "m\u00fcller@octo.example", f'no reader for "/setup/{SECRET}" here']
)
def test_a_line_of_json_stays_one_when_a_secret_is_taken_out(log: StringIO, said: str) -> None:
    structlog.get_logger().info("something", detail={"errors": [said]})
    try:
        raise ValueError(said)
    except ValueError:
        logging.getLogger("django.request").exception(said)
    first, second = (json.loads(line) for line in log.getvalue().splitlines())
    assert first["detail"]["errors"] == [second["event"]]
    assert "octo.example" not in log.getvalue()
    assert "ller" not in log.getvalue()
    assert SECRET not in log.getvalue()


@pytest.mark.parametrize("log", ["text", "json"], indirect=True)
def test_no_address_of_a_person_but_the_names_of_workers(log: StringIO) -> None:
    structlog.get_logger().info("seen", who="ana.b+test@octo.example", worker="worker@one.octo.example")
    assert "ana" not in log.getvalue()
    assert "worker@one.octo.example" in log.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_a_request_leaves_one_line_with_its_id_and_nothing_of_its_address(log: StringIO, owner: User) -> None:
    browser = Client()
    browser.post("/sign-in", {"username": owner.email, "password": PASSWORD})
    answer = browser.get(f"/setup/{SECRET}/?e={owner.email}")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    [line] = [each for each in lines if each.get("page") == "first_owner"]
    assert (line["method"], line["status"], line["request"]) == ("GET", 410, answer["X-Request-ID"])
    assert SECRET not in log.getvalue()
    assert owner.email not in log.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_whoever_changes_something_is_named_by_number(
    log: StringIO, owner: User, billing_manager: User, enterprise: Enterprise
) -> None:
    browser = Client()
    browser.post("/sign-in", {"username": owner.email, "password": PASSWORD})
    member = Membership.objects.get(user=billing_manager)
    browser.post(reverse("change_role", args=[enterprise.slug, member.pk]), {"role": Role.OWNER})
    browser.get(reverse("people", args=[enterprise.slug]))
    token, secret = create_api_token(enterprise=enterprise, owner=owner, name="script", scopes=[Scope.ADMIN])
    bearer = {"authorization": f"Bearer {secret}"}
    browser.delete(reverse("api_domain", args=[enterprise.slug, "octo.example"]), headers=bearer)
    lines = {line["page"]: line for line in map(json.loads, log.getvalue().splitlines()) if "page" in line}
    who = {"user": owner.pk, "enterprise": enterprise.slug}
    assert lines["sign_in"].items() >= {"user": owner.pk}.items()
    assert lines["change_role"].items() >= (who | {"member_id": member.pk, "status": 302}).items()
    assert lines["api_domain"].items() >= (who | {"token": token.pk}).items()
    assert "octo.example" not in json.dumps(lines["api_domain"])
    assert "user" not in lines["people"]


@pytest.mark.django_db
def test_an_id_is_taken_from_a_proxy_alone(settings: Any) -> None:
    given = {"x-request-id": "from-outside-1234"}
    assert Client().get("/healthz", headers=given)["X-Request-ID"] != given["x-request-id"]
    settings.BEHIND_PROXY = True
    assert Client().get("/healthz", headers=given)["X-Request-ID"] == given["x-request-id"]
    assert Client().get("/healthz", headers={"x-request-id": "a b"})["X-Request-ID"] != "a b"


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        (f"Invalid request from ip=192.0.2.7: Invalid HTTP Header: 'Cookie {SECRET}'", "Invalid HTTP Header"),
        (f"Invalid request from ip=::1: Invalid HTTP request line: 'GET  /invitations/{SECRET}'", "request line"),
        (f"Error handling request /password/new/MQ/{SECRET}", "Error handling request"),
    ],
)
def test_the_web_server_tells_nothing_of_a_request_that_it_cannot_read(said: str, stays: str) -> None:
    record = logging.makeLogRecord({"msg": said})
    assert of_web_server(record)
    told = record.getMessage()
    assert stays in told
    assert not any(word in told for word in (SECRET, "192.0.2.7", "::1"))
