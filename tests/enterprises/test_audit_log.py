"""The audit log: each thing that is done is noted once, together with what it does, and never with a secret."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from licensesync.enterprises import audit_log, connections, deployments, domains, services, tokens
from licensesync.enterprises.audit_log import Actor
from licensesync.enterprises.models import (
    AuditAction,
    AuditEvent,
    Connection,
    Deployment,
    Enterprise,
    Invitation,
    Membership,
    Role,
    Schedule,
    Through,
)
from licensesync.errors import ExpectedError
from licensesync.flows import delete_deployment, receive_usage
from licensesync.flows.forget import forget_old
from licensesync.syncing.models import UsageFile
from licensesync.users.models import User
from licensesync.users.services import create_user
from tests.flows.lists import report

pytestmark = pytest.mark.django_db

ANA = "ana@octo.example"
SECRET = "ghp_secret"
PROXY = "http://proxy:pass-of-proxy@proxy.octo.example:3128"


def connected(enterprise: Enterprise, *, login: str = "admin") -> Connection:
    server = deployments.server_named(enterprise, "ghes.octo.example")
    return connections.connect(
        server, url="https://ghes.octo.example", token=SECRET, login=login, proxy=PROXY, connected_by=None
    )


def member(enterprise: Enterprise) -> Membership:
    return services.add_member(
        enterprise=enterprise, user=create_user(email=ANA, password=None), role=Role.BILLING_MANAGER
    )


def invitation(enterprise: Enterprise) -> Invitation:
    owner = User.objects.get(email="owner@octo.example")
    return services.invite(enterprise=enterprise, email=ANA, role=Role.OWNER, invited_by=owner)[0]


def asking(enterprise: Enterprise) -> UsageFile:
    """A file that asks which server it is from."""
    received = io.BytesIO(report([(1, ANA)]))
    file = receive_usage.receive_file(received, enterprise=enterprise, name="all_users.csv", uploaded_by=None)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.question == "which_server"
    return file


Before = Callable[[Enterprise], Any]
Does = Callable[[Enterprise, Any], Any]
NOTHING: Before = lambda _enterprise: None  # noqa: E731

# For each action: what must be there, what is done, and what is noted of it.
DONE: dict[AuditAction, tuple[Before, Does, str, dict[str, list[Any]]]] = {
    AuditAction.ENTERPRISE_CREATE: (
        NOTHING,
        lambda e, _: services.create_enterprise(
            owner=User.objects.get(email="owner@octo.example"), slug="other", name="Other", license_model="metered"
        ),
        "",
        {},
    ),
    AuditAction.ENTERPRISE_UPDATE: (
        NOTHING,
        lambda e, _: services.update_enterprise(e, name=e.name, enterprise_licenses=120, keeps_names=False),
        "",
        {"enterprise_licenses": [100, 120], "keeps_names": [True, False]},
    ),
    AuditAction.MEMBER_INVITE: (NOTHING, lambda e, _: invitation(e), ANA, {"role": [None, "owner"]}),
    AuditAction.MEMBER_RENEW_INVITATION: (
        invitation,
        lambda e, made: services.renew_invitation(invitation=made, invited_by=made.invited_by),
        ANA,
        {},
    ),
    AuditAction.MEMBER_REVOKE_INVITATION: (
        invitation,
        lambda e, made: services.revoke_invitation(invitation=made),
        ANA,
        {},
    ),
    AuditAction.MEMBER_JOIN: (
        invitation,
        lambda e, made: services.accept_as_new_person(invitation=made, password=None),
        ANA,
        {"role": [None, "owner"]},
    ),
    AuditAction.MEMBER_ADD: (NOTHING, lambda e, _: member(e), ANA, {"role": [None, "billing_manager"]}),
    AuditAction.MEMBER_CHANGE_ROLE: (
        member,
        lambda e, one: services.change_role(membership=one, role=Role.OWNER),
        ANA,
        {"role": ["billing_manager", "owner"]},
    ),
    AuditAction.MEMBER_REMOVE: (
        member,
        lambda e, one: services.remove_member(membership=one),
        ANA,
        {"role": ["billing_manager", None]},
    ),
    AuditAction.MEMBER_PASSWORD_LINK: (
        member,
        lambda e, one: services.make_password_link(
            enterprise=e, owner=User.objects.get(email="owner@octo.example"), person=one.user
        ),
        ANA,
        {},
    ),
    AuditAction.DOMAIN_ADD: (
        NOTHING,
        lambda e, _: domains.add_domains(enterprise=e, text="Octo.example"),
        "octo.example",
        {},
    ),
    AuditAction.DOMAIN_REMOVE: (
        lambda e: domains.add_domains(enterprise=e, text="octo.example"),
        lambda e, _: domains.remove_domain(domain=e.verified_domains.get()),
        "octo.example",
        {},
    ),
    AuditAction.TOKEN_CREATE: (
        NOTHING,
        lambda e, _: tokens.create_api_token(
            enterprise=e, owner=User.objects.get(email="owner@octo.example"), name="nightly", scopes=["write:usage"]
        ),
        "nightly",
        {"scopes": [None, ["write:usage"]], "expires_at": [None, None], "deployment": [None, None]},
    ),
    AuditAction.TOKEN_REVOKE: (
        lambda e: tokens.create_api_token(
            enterprise=e, owner=User.objects.get(email="owner@octo.example"), name="nightly", scopes=[]
        )[0],
        lambda e, token: tokens.revoke(token),
        "nightly",
        {},
    ),
    AuditAction.INSTANCE_ADD: (
        NOTHING,
        lambda e, _: deployments.server_named(e, "ghes.example"),
        "ghes.example",
        {},
    ),
    AuditAction.INSTANCE_DELETE: (
        deployments.cloud_of,
        lambda e, cloud: delete_deployment.request_deletion(cloud, requested_by=None),
        "GitHub Enterprise Cloud",
        {},
    ),
    AuditAction.CONNECTION_CREATE: (
        NOTHING,
        lambda e, _: connected(e),
        "ghes.octo.example",
        {"url": ["", "https://ghes.octo.example"], "login": ["", "admin"]},
    ),
    AuditAction.CONNECTION_UPDATE: (
        connected,
        lambda e, _: connected(e, login="licenses"),
        "ghes.octo.example",
        {"login": ["admin", "licenses"]},
    ),
    AuditAction.CONNECTION_DELETE: (
        connected,
        lambda e, connection: connections.disconnect(connection),
        "ghes.octo.example",
        {},
    ),
    AuditAction.CONNECTION_SCHEDULE: (
        connected,
        lambda e, connection: connections.set_schedule(connection, Schedule.DAILY),
        "ghes.octo.example",
        {"schedule": ["weekly", "daily"]},
    ),
    AuditAction.USAGE_ANSWER: (
        asking,
        lambda e, file: receive_usage.answer(file, new_host="ghes.example"),
        "all_users.csv",
        {"which_server": [None, "ghes.example"]},
    ),
}
BY_PAGES = {AuditAction.REPORT_DOWNLOAD}  # tests/web/test_audit_log.py, tests/api/test_audit_log.py


def events(action: AuditAction) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


def test_there_is_no_other_action() -> None:
    assert DONE.keys() | BY_PAGES == set(AuditAction)


@pytest.mark.parametrize("action", DONE)
def test_what_is_done_is_noted_once(action: AuditAction, enterprise: Enterprise) -> None:
    before, does, subject, changes = DONE[action]
    there = before(enterprise)
    AuditEvent.objects.all().delete()
    does(enterprise, there)
    [event] = events(action)
    assert (event.subject, event.changes) == (subject, changes)
    stored = json.dumps(list(AuditEvent.objects.values_list("subject", "changes", "token")))
    assert SECRET not in stored
    assert "pass-of-proxy" not in stored


@pytest.mark.parametrize("action", [action for action in DONE if action is not AuditAction.ENTERPRISE_CREATE])
def test_it_goes_with_what_is_taken_back(action: AuditAction, enterprise: Enterprise) -> None:
    """Whoever notes an event outside of the transaction leaves one that never happened."""
    before, does, _subject, _changes = DONE[action]
    there = before(enterprise)
    AuditEvent.objects.all().delete()
    with transaction.atomic():
        does(enterprise, there)
        transaction.set_rollback(True)
    assert not events(action)


def test_nothing_is_noted_where_nothing_changes(enterprise: Enterprise, owner: User) -> None:
    one, made, connection = member(enterprise), invitation_to_nobody(enterprise, owner), connected(enterprise)
    token, _secret = tokens.create_api_token(enterprise=enterprise, owner=owner, name="nightly", scopes=[])
    domains.add_domains(enterprise=enterprise, text="octo.example")
    domain = enterprise.verified_domains.get()
    for _ in range(2):  # the second time, as by a second click, there is nothing to be done
        AuditEvent.objects.all().delete()
        services.revoke_invitation(invitation=made)
        tokens.revoke(token)
        domains.remove_domain(domain=domain)
        connections.disconnect(connection)
        delete_deployment.request_deletion(connection.deployment, requested_by=None)
    services.change_role(membership=one, role=Role.BILLING_MANAGER)
    services.update_enterprise(enterprise, name=enterprise.name, enterprise_licenses=100)
    services.add_member(enterprise=enterprise, user=one.user, role=Role.OWNER)
    domains.add_domains(enterprise=enterprise, text="")
    with pytest.raises(ExpectedError):
        services.remove_member(membership=Membership.objects.get(user=owner))
    with pytest.raises(ExpectedError):
        services.invite(enterprise=enterprise, email=ANA, role=Role.OWNER, invited_by=owner)
    assert not AuditEvent.objects.exists()


def invitation_to_nobody(enterprise: Enterprise, owner: User) -> Invitation:
    return services.invite(enterprise=enterprise, email="x@octo.example", role=Role.OWNER, invited_by=owner)[0]


def test_several_domains_are_several_events(enterprise: Enterprise) -> None:
    domains.add_domains(enterprise=enterprise, text="octo.example hubot.example")
    assert [event.subject for event in events(AuditAction.DOMAIN_ADD)] == ["octo.example", "hubot.example"]


def test_a_command_acts_as_nobody(enterprise: Enterprise) -> None:
    deployments.cloud_of(enterprise)
    [event] = events(AuditAction.INSTANCE_ADD)
    assert (event.actor, event.through, event.subject) == (None, Through.COMMAND, "GitHub Enterprise Cloud")


def test_whoever_acts_is_asked_when_something_is_done(enterprise: Enterprise, owner: User) -> None:
    asked = []

    def who() -> Actor:
        asked.append(1)
        return Actor(owner, Through.API, "nightly")

    with audit_log.acting(who):
        assert not asked
        domains.add_domains(enterprise=enterprise, text="octo.example")
    domains.add_domains(enterprise=enterprise, text="hubot.example")
    by_script, by_command = events(AuditAction.DOMAIN_ADD)
    assert (by_script.actor, by_script.through, by_script.token) == (owner, "api", "nightly")
    assert (by_command.actor, by_command.through, by_command.token) == (None, "command", "")


def test_a_deleted_account_is_forgotten_and_what_it_did_is_not(enterprise: Enterprise, owner: User) -> None:
    one = member(enterprise)
    with audit_log.acting(lambda: Actor(one.user, Through.BROWSER)):
        tokens.create_api_token(enterprise=enterprise, owner=one.user, name="mine", scopes=[])
    services.change_role(membership=one, role=Role.OWNER)
    with audit_log.acting(lambda: Actor(one.user, Through.BROWSER)):
        services.delete_account(one.user)
    told = AuditEvent.objects.filter(enterprise=enterprise)
    assert ANA not in json.dumps(list(told.values_list("subject", "changes", "token", "actor__email")))
    assert [each.action for each in told.order_by("-pk")[:3]] == ["member.remove", "member.change_role", "token.create"]
    assert told.filter(action="member.add", subject=owner.email).exists()  # others are told of as before


def test_old_events_are_forgotten(enterprise: Enterprise, settings: Any) -> None:
    AuditEvent.objects.all().delete()
    domains.add_domains(enterprise=enterprise, text="octo.example hubot.example")
    old = events(AuditAction.DOMAIN_ADD)[0]
    AuditEvent.objects.filter(pk=old.pk).update(at=timezone.now() - settings.HISTORY_RETENTION - timedelta(minutes=1))
    forget_old()
    assert [event.subject for event in AuditEvent.objects.all()] == ["hubot.example"]


def test_it_goes_with_its_enterprise(enterprise: Enterprise, stranger: User) -> None:
    other = Enterprise.objects.get(slug="hubot-labs")
    assert AuditEvent.objects.filter(enterprise=enterprise).exists()
    Deployment.objects.filter(enterprise=enterprise).delete()
    enterprise.delete()
    assert {event.enterprise_id for event in AuditEvent.objects.all()} == {other.pk}
