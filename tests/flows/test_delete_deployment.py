"""Delete instance: its people stop counting, and nothing that it reported stays."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings as product
from django.db.models import Model
from django.utils import timezone

from licensesync.enterprises import connections, deployments, tokens
from licensesync.enterprises.models import ApiToken, Connection, Deployment, Enterprise
from licensesync.errors import DISK_FULL, ExpectedError
from licensesync.flows import delete_deployment, receive_usage, run_job, sync_now
from licensesync.licenses import queries as licenses
from licensesync.licenses import services as licensing
from licensesync.licenses.models import ConsumedLicense, Count, LicenseChange, LicensedAccount
from licensesync.syncing import services as syncing
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, Trigger, UsageFile
from licensesync.syncing.queries import last_told_jobs
from licensesync.usage.models import OPEN, ServerUserAccount
from licensesync.users.models import User
from tests.flows.lists import (
    account,
    cloud_list,
    cloud_user,
    import_one,
    new_enterprise,
    numbers,
    people,
    report,
    server_export,
)
from tests.flows.workers import assert_nothing_left_over, end_of

pytestmark = pytest.mark.django_db(transaction=True)

EMEA = [account(1, "ada@octo.example", login="ada"), account(2, "bo@octo.example", login="bo")]
AMER = [account(7, "ada@octo.example", login="ada7"), account(8, "cy@octo.example", login="cy")]


@pytest.fixture
def enterprise() -> Enterprise:
    enterprise = new_enterprise()
    import_one(enterprise, cloud_list([cloud_user("cloudy", "cy@octo.example")]))
    import_one(enterprise, server_export(EMEA, host="emea.example"))
    import_one(enterprise, server_export(AMER, host="amer.example"))
    return enterprise


def delete(enterprise: Enterprise, host: str) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host=host)
    job = delete_deployment.request_deletion(server, requested_by=None)
    run_job.run_job(job.pk)


def test_whoever_reads_an_earlier_count_is_told_that_its_rows_are_gone(enterprise: Enterprise) -> None:
    enterprise.refresh_from_db()
    reading = Enterprise.objects.get(pk=enterprise.pk)
    assert licenses.is_stored(reading)
    delete(enterprise, "emea.example")
    assert not licenses.is_stored(reading)
    enterprise.refresh_from_db()
    assert licenses.is_stored(enterprise)


def test_its_people_stop_counting_and_the_others_stay_who_they_were(enterprise: Enterprise) -> None:
    before = numbers(enterprise)
    delete(enterprise, "emea.example")
    assert people(enterprise) == {
        frozenset({("amer.example", "ada7")}),
        frozenset({("amer.example", "cy"), ("cloud", "cloudy")}),
    }
    assert numbers(enterprise) == {key: number for key, number in before.items() if key[0] != "emea.example"}
    count = licenses.current_count(enterprise)
    assert count is not None
    assert (count.consumed, count.cloud_and_server, count.server_only, count.accounts) == (2, 1, 1, 3)


def test_how_many_people_would_stop_counting_is_known_before(enterprise: Enterprise) -> None:
    """Bo is at emea alone; Ada there and at amer; Cy at amer and in the cloud, where they were alone first."""
    other = new_enterprise()
    import_one(other, server_export(EMEA, host="emea.example"))

    def only_here(enterprise: Enterprise) -> dict[str, int]:
        return dict(Deployment.objects.filter(enterprise=enterprise).values_list("host", "only_here"))

    assert only_here(enterprise) == {"": 0, "emea.example": 1, "amer.example": 0}
    delete(enterprise, "emea.example")
    assert only_here(enterprise) == {"": 0, "amer.example": 1}
    delete(enterprise, "amer.example")
    assert only_here(enterprise) == {"": 1}
    assert only_here(other) == {"emea.example": 2}


def test_nothing_of_it_stays(enterprise: Enterprise) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    stored = list(UsageFile.objects.filter(deployment=server).values_list("stored_name", flat=True))
    assert stored
    connections.connect(server, url="https://emea.example", login="a", token="t", connected_by=None)
    delete(enterprise, "emea.example")
    assert not Deployment.objects.filter(pk=server.pk).exists()
    everything: list[type[Model]] = [ServerUserAccount, LicensedAccount, LicenseSyncJob, UsageFile, Connection]
    for model in everything:
        assert not model._default_manager.filter(deployment=server.pk).exists(), model
    assert not any((product.UPLOADS_DIR / name).exists() for name in stored)
    # Bo was only there: that somebody went is known, who it was is not.
    texts = str([list(model._default_manager.values_list()) for model in (ConsumedLicense, LicenseChange)])
    assert "bo@octo" not in texts
    assert "'bo'" not in texts
    assert LicenseChange.objects.filter(enterprise=enterprise, kind=LicenseChange.Kind.WENT).count() == 1


def test_a_token_that_delivers_for_it_alone_ends_with_it(enterprise: Enterprise, owner: User) -> None:
    """Without its instance it would be one that delivers for all."""
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    for deployment in (server, None):
        tokens.create_api_token(enterprise=enterprise, owner=owner, name="x", scopes=[], deployment=deployment)
    delete(enterprise, "emea.example")
    assert ApiToken.objects.get().deployment is None


def test_the_cloud_can_go_too(enterprise: Enterprise) -> None:
    delete(enterprise, "")
    assert people(enterprise) == {
        frozenset({("emea.example", "ada"), ("amer.example", "ada7")}),
        frozenset({("emea.example", "bo")}),
        frozenset({("amer.example", "cy")}),
    }


def test_the_last_one_leaves_nobody(enterprise: Enterprise) -> None:
    for host in ("emea.example", "", "amer.example"):
        delete(enterprise, host)
    enterprise.refresh_from_db()
    count = licenses.current_count(enterprise)
    assert count is not None
    assert (count.consumed, count.accounts) == (0, 0)


def test_one_that_never_had_a_list_goes_without_a_count(enterprise: Enterprise) -> None:
    deployments.server_named(enterprise, "tpyo.example")
    counts = Count.objects.count()
    delete(enterprise, "tpyo.example")
    assert not Deployment.objects.filter(host="tpyo.example").exists()
    assert Count.objects.count() == counts


def test_whoever_stays_keeps_their_name_in_the_history_while_others_are_counted(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Di came by emea's second list and is at amer, too. When emea's rows go, amer's next list is being counted: the
    row of Di's license has ended for that count, and the next one is not there yet."""
    import_one(enterprise, server_export([*EMEA, account(3, "di@octo.example", login="di")], host="emea.example"))
    import_one(enterprise, server_export([*AMER, account(9, "di@octo.example", login="di9")], host="amer.example"))
    came = LicenseChange.objects.get(enterprise=enterprise, kind=LicenseChange.Kind.CAME)
    forget = licensing.forget_deployment

    def end_for_next_count(deployment: Deployment) -> None:
        enterprise.refresh_from_db()
        license = ConsumedLicense.objects.filter(enterprise=enterprise, number=came.number, valid_to=OPEN)
        assert license.update(valid_to=enterprise.generation + 1)
        forget(deployment)

    monkeypatch.setattr(licensing, "forget_deployment", end_for_next_count)
    delete(enterprise, "emea.example")
    assert not Deployment.objects.filter(enterprise=enterprise, host="emea.example").exists()
    assert LicenseChange.objects.get(pk=came.pk).login == "di"


def test_what_it_does_at_the_moment_is_canceled(enterprise: Enterprise) -> None:
    file = receive_usage.receive_file(
        BytesIO(server_export([*EMEA, account(3)], host="emea.example")),
        enterprise=enterprise,
        name="x",
        uploaded_by=None,
    )
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.job is not None
    running = syncing.claim(file.job.pk)
    assert running is not None
    first = delete_deployment.request_deletion(running.deployment, requested_by=None)
    again = delete_deployment.request_deletion(running.deployment, requested_by=None)
    assert first.pk == again.pk
    running.refresh_from_db()
    assert running.state == JobState.CANCELED
    run_job.run_job(first.pk)
    assert not Deployment.objects.filter(host="emea.example").exists()


@pytest.mark.parametrize("step", ["finish_count", "forget_superseded", "forget_deployment"])
def test_an_attempt_that_broke_off_is_carried_on(
    enterprise: Enterprise, step: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """As when the worker is killed at the end of the new count, or between it and the end."""

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    counts = Count.objects.count()
    job = delete_deployment.request_deletion(server, requested_by=None)
    with monkeypatch.context() as broken:
        broken.setattr(f"licensesync.licenses.services.{step}", die)
        with pytest.raises(Killed):
            run_job.run_job(job.pk)
    is_counted = step != "finish_count"
    assert len(people(enterprise)) == (2 if is_counted else 3)
    server.refresh_from_db()
    assert (server.accounts, server.last_usage_at is None) == ((0, True) if is_counted else (2, False))
    LicenseSyncJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    assert [each.pk for each in syncing.reap_stalled()] == [job.pk]
    run_job.run_job(job.pk)
    assert not Deployment.objects.filter(pk=server.pk).exists()
    assert len(people(enterprise)) == 2
    assert Count.objects.count() == counts + 1, "it is counted once"


def test_a_deletion_that_is_canceled_at_the_last_moment_changes_nothing(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    job = delete_deployment.request_deletion(server, requested_by=None)
    before = people(enterprise)
    elsewhere = deployments.accounts_elsewhere

    def cancel_first(deployment: Deployment) -> tuple[int, int]:
        assert syncing.cancel(job)
        return elsewhere(deployment)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(deployments, "accounts_elsewhere", cancel_first)
        assert run_job.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELED
    enterprise.refresh_from_db()
    assert people(enterprise) == before
    assert_nothing_left_over(enterprise)


def test_what_comes_while_it_is_being_deleted_is_told_so_and_stays(enterprise: Enterprise) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    deletion = delete_deployment.request_deletion(server, requested_by=None)
    content = server_export([account(1, "new@octo.example")], host="emea.example")
    by_name, chosen = (
        receive_usage.receive_file(
            BytesIO(content), enterprise=enterprise, name="x", uploaded_by=None, deployment=deployment
        )
        for deployment in (None, server)
    )
    for file in (by_name, chosen):
        receive_usage.recognise_file(file.pk)
        file.refresh_from_db()
        assert (file.state, file.problem_code) == (FileState.REFUSED, "being_deleted")
    run_job.run_job(deletion.pk)
    assert not Deployment.objects.filter(host="emea.example").exists()
    for file in (by_name, chosen):
        assert receive_usage.try_again(file)
        receive_usage.recognise_file(file.pk)
        file.refresh_from_db()
        assert file.state == FileState.ACCEPTED
    assert by_name.job is not None
    assert by_name.job.deployment.pk != server.pk, "a new instance with the same name"


def test_the_same_list_again_is_told_so_too(enterprise: Enterprise) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    delete_deployment.request_deletion(server, requested_by=None)
    same = server_export(EMEA, host="emea.example")
    encrypted = b'{"server_id": "id-of-emea.example", "host_name": "emea.example", "users": "c2Vj"}'
    for content in (same, encrypted):
        file = receive_usage.receive_file(BytesIO(content), enterprise=enterprise, name="x", uploaded_by=None)
        receive_usage.recognise_file(file.pk)
        file.refresh_from_db()
        assert (file.state, file.problem_code, file.deployment) == (FileState.REFUSED, "being_deleted", None)


def test_what_comes_when_it_is_just_gone_is_told_so_too(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for whoever waits for the lock that the end of a deletion holds."""
    hold = syncing.hold_to_add

    def hold_when_gone(deployment: Deployment) -> None:
        deployments.delete(deployment)
        hold(deployment)

    content = server_export([account(1, "new@octo.example")], host="emea.example")
    file = receive_usage.receive_file(BytesIO(content), enterprise=enterprise, name="x", uploaded_by=None)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(syncing, "hold_to_add", hold_when_gone)
        receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert (file.state, file.problem_code) == (FileState.REFUSED, "being_deleted")


def test_an_answer_that_names_what_is_just_gone_is_told_so_too(enterprise: Enterprise) -> None:
    content = report([(1, "new@octo.example")])
    file = receive_usage.receive_file(BytesIO(content), enterprise=enterprise, name="x", uploaded_by=None)
    receive_usage.recognise_file(file.pk)
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    delete(enterprise, "emea.example")
    assert receive_usage.answer(file, server=server)
    file.refresh_from_db()
    assert (file.state, file.problem_code, file.deployment) == (FileState.REFUSED, "being_deleted", None)


def test_what_is_told_so_at_the_last_moment_can_be_tried_again(
    enterprise: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    deletion = delete_deployment.request_deletion(server, requested_by=None)
    content = server_export([account(1, "new@octo.example")], host="emea.example")
    file = receive_usage.receive_file(
        BytesIO(content), enterprise=enterprise, name="x", uploaded_by=None, deployment=server
    )
    delete_row = deployments.delete

    def recognise_first(deployment: Deployment) -> None:
        receive_usage.recognise_file(file.pk)
        delete_row(deployment)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(deployments, "delete", recognise_first)
        run_job.run_job(deletion.pk)
    assert not Deployment.objects.filter(pk=server.pk).exists()
    file.refresh_from_db()
    assert (file.state, file.problem_code) == (FileState.REFUSED, "being_deleted")
    assert receive_usage.try_again(file)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.job is not None
    run_job.run_job(file.job.pk)
    assert end_of(file.job) == (JobState.SUCCESS, "")


def test_whoever_connects_or_deletes_what_is_just_gone_is_told_so(enterprise: Enterprise, owner: User) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    delete(enterprise, "emea.example")
    with pytest.raises(ExpectedError, match="is being deleted"):
        sync_now.connect(server, url="https://emea.example", login="a", token="t", connected_by=owner)
    with pytest.raises(ExpectedError, match="is being deleted"):
        delete_deployment.request_deletion(server, requested_by=owner)


def test_nobody_connects_what_is_being_deleted(enterprise: Enterprise, owner: User) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    delete_deployment.request_deletion(server, requested_by=None)
    with pytest.raises(ExpectedError, match="is being deleted"):
        sync_now.connect(server, url="https://emea.example", login="a", token="t", connected_by=owner)
    assert not Connection.objects.exists(), "a token would be stored that nobody needs"


def test_a_deletion_that_failed_is_told_at_the_instance(enterprise: Enterprise) -> None:
    server = Deployment.objects.get(enterprise=enterprise, host="emea.example")
    deletion = delete_deployment.request_deletion(server, requested_by=None)
    claimed = syncing.claim(deletion.pk)
    assert claimed is not None
    assert syncing.fail(claimed, ExpectedError(DISK_FULL))
    assert last_told_jobs(enterprise)[server.pk] == deletion
    assert Trigger(deletion.trigger) is Trigger.DELETION
