"""Delete enterprise: nobody sees it any more, nothing of it stays, and nothing of another one is touched."""

import threading
from io import BytesIO
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as product
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction

from licensesync.enterprises import connections, domains, tokens
from licensesync.enterprises import services as enterprises
from licensesync.enterprises.models import Deployment, Enterprise, Membership, Role
from licensesync.enterprises.queries import memberships_of, open_invitation, visible_to
from licensesync.errors import BEING_DELETED, ExpectedError
from licensesync.flows import delete_enterprise, forget, payloads, receive_usage, run_job
from licensesync.flows.turns import turn
from licensesync.licenses import services as licenses
from licensesync.syncing import queries
from licensesync.syncing import services as syncing
from licensesync.syncing.models import OPEN_STATES, FileState, JobState, LicenseSyncJob, Trigger, UsageFile
from licensesync.users.models import User
from tests.flows.lists import account, cloud_list, cloud_user, import_one, people, server_export, waiting_job
from tests.flows.workers import together

pytestmark = pytest.mark.django_db(transaction=True)

USERS = [account(1, "ada@octo.example", login="ada"), account(2, "bo@octo.example", login="bo")]


def fill(enterprise: Enterprise, owner: User) -> None:
    """Something in every table that belongs to an enterprise."""
    import_one(enterprise, cloud_list([cloud_user("cloudy", "ada@octo.example")]))
    import_one(enterprise, server_export(USERS))
    import_one(enterprise, server_export([*USERS, account(3)]))
    server = Deployment.objects.get(enterprise=enterprise, kind="server")
    connections.connect(server, url="https://ghes.example", login="a", token="t", connected_by=owner)
    domains.add_domains(enterprise=enterprise, text="octo.example")
    enterprises.invite(enterprise=enterprise, email="new@octo.example", role=Role.OWNER, invited_by=owner)
    tokens.create_api_token(enterprise=enterprise, owner=owner, name="script", scopes=[])


def rows_of(enterprise_id: int) -> dict[str, int]:
    """How many rows of each table belong to an enterprise, by whatever leads to it."""
    found: dict[str, int] = {}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey) and field.related_model in (Enterprise, Deployment):
                way = field.name if field.related_model is Enterprise else f"{field.name}__enterprise"
                rows = model._default_manager.filter(**{way: enterprise_id}).count()
                found[f"{model.__name__}.{field.name}"] = rows
    return found


@pytest.fixture
def other(stranger: User) -> Enterprise:
    other = Enterprise.objects.get(slug="hubot-labs")
    fill(other, stranger)
    return other


def test_nothing_of_it_stays_and_nothing_else_goes(enterprise: Enterprise, owner: User, other: Enterprise) -> None:
    fill(enterprise, owner)
    stored = list(UsageFile.objects.filter(enterprise=enterprise).values_list("stored_name", flat=True))
    before, of_other, people_there = rows_of(enterprise.pk), rows_of(other.pk), people(other)
    empty = {name for name, rows in before.items() if not rows}
    assert empty <= {
        "GitHubComparison.enterprise",
        "ServerOnlyPerson.deployment",
        "ApiToken.deployment",
        "LicenseSyncJob.looks_like",
    }, empty

    delete_enterprise.request_deletion(enterprise)
    assert not Membership.objects.filter(enterprise=enterprise).exists()
    again = enterprises.create_enterprise(owner=owner, slug=enterprise.slug, name="Again", license_model="metered")
    delete_enterprise.delete(enterprise.pk)

    assert not Enterprise.objects.filter(pk=enterprise.pk).exists()
    assert set(rows_of(enterprise.pk).values()) == {0}
    assert len(stored) == 3
    assert not [name for name in stored if (product.UPLOADS_DIR / name).exists()]
    assert rows_of(other.pk) == of_other
    assert people(other) == people_there
    delete_enterprise.delete(enterprise.pk)  # by a second message
    delete_enterprise.delete(again.pk)  # which nobody has asked for
    assert Enterprise.objects.filter(pk=again.pk).exists()


def test_who_joins_while_it_is_given_up_sees_nothing_of_it(enterprise: Enterprise, owner: User) -> None:
    """Whoever accepts an invitation at that moment becomes a member of what is being deleted."""
    enterprises.give_up(enterprise)
    Membership.objects.create(enterprise=enterprise, user=owner, role=Role.OWNER)
    _token, secret = tokens.create_api_token(enterprise=enterprise, owner=owner, name="script", scopes=[])
    _invitation, link = enterprises.invite(
        enterprise=enterprise, email="new@octo.example", role=Role.OWNER, invited_by=owner
    )
    assert not visible_to(owner).exists()
    assert not memberships_of(owner).exists()
    assert tokens.by_secret(secret) is None
    assert open_invitation(link) is None


def test_it_is_carried_on_when_the_message_got_lost(enterprise: Enterprise, owner: User) -> None:
    fill(enterprise, owner)
    delete_enterprise.request_deletion(enterprise)
    forget.forget_old()
    assert not Enterprise.objects.filter(pk=enterprise.pk).exists()


def test_whoever_works_on_it_writes_nothing_more(
    enterprise: Enterprise, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(enterprise, owner)
    job = waiting_job(enterprise, server_export([*USERS, account(3), account(4)]))
    original = licenses.writing_licenses

    def delete_it() -> None:
        delete_enterprise.request_deletion(enterprise)
        delete_enterprise.delete(enterprise.pk)

    def delete_first(*args: Any, **more: Any) -> Any:
        together(delete_it)
        return original(*args, **more)

    monkeypatch.setattr(licenses, "writing_licenses", delete_first)
    assert run_job.run_job(job.pk)
    assert set(rows_of(enterprise.pk).values()) == {0}


def test_what_comes_meanwhile_makes_nothing_of_it_again(enterprise: Enterprise, owner: User) -> None:
    fill(enterprise, owner)
    file = receive_usage.receive_file(
        BytesIO(server_export([*USERS, account(5)])), enterprise=enterprise, name="x", uploaded_by=owner
    )
    waiting = waiting_job(enterprise, cloud_list([cloud_user("new")]))
    delete_enterprise.request_deletion(enterprise)
    waiting.refresh_from_db()
    assert waiting.state == JobState.CANCELED
    assert file.pk not in queries.files_waiting_since(file.created_at.replace(year=9000))
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert (file.state, file.problem_code) == (FileState.REFUSED, "being_deleted")
    delete_enterprise.delete(enterprise.pk)
    receive_usage.recognise_file(file.pk)  # a message that comes late
    assert set(rows_of(enterprise.pk).values()) == {0}


def test_whoever_asks_for_a_sync_while_it_is_given_up_gets_none(enterprise: Enterprise, owner: User) -> None:
    """They wait for the same row, and then see what has become of the enterprise."""
    fill(enterprise, owner)
    server = Deployment.objects.get(enterprise=enterprise, kind="server")
    refused: list[ExpectedError] = []

    def ask() -> None:
        try:
            syncing.job_for_sync(deployment=server, trigger=Trigger.SCHEDULED, requested_by=None)
        except ExpectedError as error:
            refused.append(error)
        finally:
            connection.close()

    asking = threading.Thread(target=ask)
    with transaction.atomic():
        enterprises.give_up(enterprise)
        syncing.cancel_all(enterprise)
        asking.start()
        asking.join(0.5)
    asking.join()
    assert [error.problem for error in refused] == [BEING_DELETED]
    assert not LicenseSyncJob.objects.filter(deployment=server, state__in=OPEN_STATES).exists()


def test_nobody_begins_to_count_it_any_more(enterprise: Enterprise, owner: User) -> None:
    fill(enterprise, owner)
    job = waiting_job(enterprise, server_export([*USERS, account(3), account(4)]))
    claimed = syncing.claim(job.pk)  # just before
    assert claimed is not None
    delete_enterprise.request_deletion(enterprise)
    with pytest.raises(licenses.TurnLost), turn(claimed):
        pass
    delete_enterprise.delete(enterprise.pk)
    with pytest.raises(licenses.TurnLost), turn(claimed):
        pass
    assert set(rows_of(enterprise.pk).values()) == {0}


def test_an_upload_that_is_still_coming_is_told_so(
    enterprise: Enterprise, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(enterprise, owner)
    original = payloads.store

    def store(*args: Any, **more: Any) -> payloads.Stored:
        stored = original(*args, **more)
        delete_enterprise.request_deletion(enterprise)
        delete_enterprise.delete(enterprise.pk)
        return stored

    monkeypatch.setattr(payloads, "store", store)
    before = set(product.UPLOADS_DIR.iterdir())
    with pytest.raises(ExpectedError, match="is being deleted"):
        receive_usage.receive_file(
            BytesIO(server_export(USERS)), enterprise=enterprise, name="x", uploaded_by=owner, trigger=Trigger.SCRIPT
        )
    assert set(product.UPLOADS_DIR.iterdir()) <= before


def test_by_command_with_its_slug_twice(enterprise: Enterprise, owner: User) -> None:
    fill(enterprise, owner)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("delete_enterprise", enterprise.slug, "--confirm", "octo")
    assert Enterprise.objects.filter(pk=enterprise.pk, deleted_at=None).exists()
    call_command("delete_enterprise", enterprise.slug, "--confirm", enterprise.slug)
    assert set(rows_of(enterprise.pk).values()) == {0}
