"""Of several lists the right one counts, and a server that changes its name stays itself."""

import itertools
import json
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, Enterprise, UsageEvent
from licensesync.flows import receive_usage, run_job
from licensesync.licenses.models import LicenseChange
from licensesync.licenses.queries import current_count, licenses
from licensesync.syncing import services as syncing
from licensesync.syncing.models import FileState, JobState, LicenseSyncJob, Question, UsageFile
from licensesync.usage.models import OPEN, ServerUserAccount
from tests.flows.lists import (
    account,
    cloud_list,
    cloud_user,
    import_bytes,
    import_one,
    new_enterprise,
    numbers,
    people,
    report,
    server_export,
)
from tests.flows.workers import together as in_threads

pytestmark = pytest.mark.django_db(transaction=True)

JANUARY, MARCH = "2026-01-08T00:00:00Z", "2026-03-08T00:00:00Z"


@pytest.fixture
def enterprise() -> Enterprise:
    return new_enterprise()


def arrive(enterprise: Enterprise, content: bytes) -> UsageFile:
    file = receive_usage.receive_file(BytesIO(content), enterprise=enterprise, name="list", uploaded_by=None)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    return file


def test_an_older_list_asks_even_while_the_newer_one_waits(enterprise: Enterprise) -> None:
    newer = arrive(enterprise, server_export([account(1)], exported_at=MARCH))
    older = arrive(enterprise, server_export([account(2)], exported_at=JANUARY))
    assert (older.state, older.question) == (FileState.NEEDS_ANSWER, Question.OLDER)
    assert newer.job is not None
    run_job.run_job(newer.job.pk)
    assert people(enterprise) == {frozenset({("ghes.example", "user-1")})}


def test_the_job_looks_again_when_its_turn_comes(enterprise: Enterprise) -> None:
    first = arrive(enterprise, server_export([account(1)], exported_at=JANUARY))
    assert first.job is not None
    deployment = first.job.deployment
    Deployment.objects.filter(pk=deployment.pk).update(list_date="2026-02-01T00:00:00Z")  # another came in between
    run_job.run_job(first.job.pk)
    first.refresh_from_db()
    assert (first.state, first.question) == (FileState.NEEDS_ANSWER, Question.OLDER)
    assert first.job is not None
    assert first.job.state == JobState.FAILURE
    receive_usage.answer(first, accept_older=True)
    first.refresh_from_db()
    assert first.job is not None
    run_job.run_job(first.job.pk)
    assert people(enterprise) == {frozenset({("ghes.example", "user-1")})}


def test_an_old_report_that_is_answered_late_asks_once_more(enterprise: Enterprise) -> None:
    forgotten = arrive(enterprise, report([(1, "")]))
    assert forgotten.question == Question.WHICH_SERVER
    UsageFile.objects.filter(pk=forgotten.pk).update(created_at=timezone.now() - timedelta(days=3))
    server = deployments.server_named(enterprise, "ghes.example")
    import_one(enterprise, report([(2, "")]), server=server)
    receive_usage.answer(UsageFile.objects.get(pk=forgotten.pk), server=server)
    forgotten.refresh_from_db()
    assert forgotten.question == Question.OLDER


@pytest.mark.parametrize("meanwhile", ["waits", "is done", "fails"])
def test_of_two_that_come_at_once_the_last_one_counts(enterprise: Enterprise, meanwhile: str) -> None:
    """Whichever is recognised first: several threads look at files, and a long one takes longer."""
    lists = [report([(number, "") for number in range(1, size)]) for size in (4, 3)]
    first, last = (
        receive_usage.receive_file(
            BytesIO(content), enterprise=enterprise, name="list", uploaded_by=None, host="ghes.example"
        )
        for content in lists
    )
    second = timezone.now().replace(microsecond=0)
    for file, since in ((first, -1), (last, 1)):
        UsageFile.objects.filter(pk=file.pk).update(created_at=second + timedelta(milliseconds=since))
    receive_usage.recognise_file(last.pk)
    last.refresh_from_db()
    assert last.job is not None
    if meanwhile == "is done":
        run_job.run_job(last.job.pk)
    if meanwhile == "fails":
        syncing.cancel(last.job)
    receive_usage.recognise_file(first.pk)
    first.refresh_from_db()
    for job in LicenseSyncJob.objects.filter(state=JobState.PENDING):
        run_job.run_job(job.pk)
    if meanwhile == "fails":
        assert (first.state, len(people(enterprise))) == (FileState.ACCEPTED, 3)
    else:
        assert (first.state, first.problem_code, len(people(enterprise))) == (FileState.REFUSED, "replaced", 2)


def test_what_comes_while_a_sync_fetches_is_newer(enterprise: Enterprise) -> None:
    """A fetched list is of when its fetch began, whenever it ended."""
    server = deployments.server_named(enterprise, "ghes.example")
    added = receive_usage.receive_file(
        BytesIO(report([(1, ""), (2, "")])), enterprise=enterprise, name="list", uploaded_by=None, deployment=server
    )
    import_one(enterprise, report([(1, "")]), server=server)
    began = added.created_at - timedelta(minutes=10)
    UsageFile.objects.filter(pk__gt=added.pk).update(is_fetched=True, created_at=began)
    Deployment.objects.filter(pk=server.pk).update(list_date=began)
    receive_usage.recognise_file(added.pk)
    added.refresh_from_db()
    assert (added.state, added.problem_code) == (FileState.ACCEPTED, "")


def test_going_back_to_the_list_before_asks(enterprise: Enterprise) -> None:
    first, second = server_export([account(1)], version="3.1"), server_export([account(2)], version="3.2")
    import_one(enterprise, first)
    UsageFile.objects.update(created_at=timezone.now() - timedelta(days=7))
    waiting, again = arrive(enterprise, second), arrive(enterprise, first)
    assert (again.state, again.question) == (FileState.NEEDS_ANSWER, Question.OLDER), "it was replaced, by mistake?"
    assert waiting.job is not None
    run_job.run_job(waiting.job.pk)
    receive_usage.answer(again, accept_older=True)
    again.refresh_from_db()
    assert again.job is not None
    run_job.run_job(again.job.pk)
    assert people(enterprise) == {frozenset({("ghes.example", "user-1")})}
    assert Deployment.objects.get(enterprise=enterprise).version == "3.2", "only the accounts are wanted"


def test_what_a_script_delivers_is_of_now_though_it_was_here_before(enterprise: Enterprise) -> None:
    """Somebody joins and leaves: the list is as it was, to the byte, and nobody is there to be asked."""
    server = deployments.server_named(enterprise, "ghes.example")
    alone, both = report([(1, "")]), report([(1, ""), (2, "")])
    for days, content in ((14, alone), (7, both), (0, alone)):
        import_one(enterprise, content, server=server)
        UsageFile.objects.filter(job__deployment=server).update(created_at=timezone.now() - timedelta(days=days))
        Deployment.objects.update(list_date=timezone.now() - timedelta(days=days))
    assert len(people(enterprise)) == 1


def test_an_older_list_brings_accounts_and_no_name(enterprise: Enterprise) -> None:
    """GitHub's own links name accounts by host: with the name of last year they would lead to nobody."""
    linked = cloud_user("ana", enterprise_server_user_ids=["new.example:1"])
    import_one(enterprise, cloud_list([linked]))
    old = server_export(
        [account(1), account(2)], host="old.example", server_id="one", version="3.1", exported_at=JANUARY
    )
    import_one(enterprise, old)
    server = Deployment.objects.get(server_id="one")
    new = server_export([account(1)], host="new.example", server_id="one", version="3.2", exported_at=MARCH)
    import_one(enterprise, new, server=server)
    assert people(enterprise) == {frozenset({("cloud", "ana"), ("new.example", "user-1")})}
    server.refresh_from_db()
    import_one(enterprise, old, server=server, accept_older=True)
    server.refresh_from_db()
    assert (server.host, server.version) == ("new.example", "3.2")
    assert people(enterprise) == {
        frozenset({("cloud", "ana"), ("new.example", "user-1")}),
        frozenset({("new.example", "user-2")}),
    }


def test_the_report_of_active_users_asks_first(enterprise: Enterprise) -> None:
    """It looks like the one of all users, but lacks the suspended and the dormant ones. Nobody else is asked for so
    few: a script that fetches the right report knows what it does."""
    everybody = [(number, "") for number in range(1, 101)]
    server = deployments.server_named(enterprise, "ghes.example")
    import_one(enterprise, report(everybody, suspended=range(1, 13)), server=server)
    file = arrive(enterprise, report(everybody[12:]))
    receive_usage.answer(file, server=server)
    file.refresh_from_db()
    assert file.job is not None
    run_job.run_job(file.job.pk)
    file.refresh_from_db()
    assert (file.state, file.question, file.question_params["removed"]) == ("NEEDS_ANSWER", Question.SHRINKS, 12)
    receive_usage.discard(file)
    assert import_one(enterprise, report(everybody[12:]), server=server).accounts_removed == 12


@pytest.mark.parametrize("exported_at", [None, MARCH])
def test_the_same_list_again_says_that_nothing_changed_until_now(
    enterprise: Enterprise, exported_at: str | None
) -> None:
    content = server_export([account(1)], **({"exported_at": exported_at} if exported_at else {}))
    import_one(enterprise, content)
    a_week_ago = timezone.now() - timedelta(days=7)
    Deployment.objects.update(last_usage_at=a_week_ago, last_event=UsageEvent.SERVER_SYNCED)
    if not exported_at:
        Deployment.objects.update(list_date=a_week_ago)
    generation = enterprise.generation
    import_one(enterprise, content)
    assert enterprise.generation == generation, "nobody is counted again"
    server = Deployment.objects.get(enterprise=enterprise)
    assert server.last_event == UsageEvent.SERVER_UPLOADED
    assert server.last_usage_at is not None
    assert server.list_date is not None
    assert server.last_usage_at > a_week_ago + timedelta(days=1)
    expected = datetime.fromisoformat(exported_at) if exported_at else server.last_usage_at
    assert abs(server.list_date - expected) < timedelta(minutes=1)


def test_links_follow_a_server_to_its_new_name(enterprise: Enterprise) -> None:
    accounts = [account(number) for number in range(1, 21)]
    import_one(enterprise, server_export(accounts, host="old.example", server_id="one"))
    rows = [cloud_user(f"c{n}", enterprise_server_user_ids=[f"new.example:{n}"]) for n in range(1, 21)]
    import_one(enterprise, cloud_list(rows))
    assert licenses(enterprise).count() == 40
    renamed = server_export([*accounts, account(21)], host="new.example", server_id="one")
    server = Deployment.objects.get(enterprise=enterprise, host="old.example")
    import_one(enterprise, renamed, server=server)
    assert licenses(enterprise).count() == 21
    assert Deployment.objects.get(pk=server.pk).host == "new.example"
    import_one(enterprise, server_export([*accounts, account(22)], host="new.example", server_id="one"))
    assert licenses(enterprise).count() == 21


def test_whoever_was_only_active_since_has_not_changed(enterprise: Enterprise) -> None:
    server = deployments.server_named(enterprise, "ghes.example")
    last_week = report([(1, "ana@octo.example"), (2, "bo@octo.example"), (3, "")])
    import_one(enterprise, last_week, server=server)
    moved = last_week.replace(b"2026-01-01 00:00:00", b"2026-01-08 00:00:00").replace(b"bo@", b"bob@")
    job = import_one(enterprise, moved, server=server)
    assert (job.accounts_added, job.accounts_changed, job.accounts_removed) == (0, 1, 0)
    assert {each.last_active_at.day for each in ServerUserAccount.objects.filter(valid_to=OPEN)} == {8}  # type: ignore[union-attr]


def test_a_cloud_user_with_a_new_login_keeps_their_license(enterprise: Enterprise) -> None:
    """The SAML NameID says that it is the same person, unless two who came or went share it."""
    first = [
        cloud_user("mona", github_com_saml_name_id="mona@octo.example"),
        cloud_user("hubot", github_com_saml_name_id="shared@octo.example"),
        cloud_user("other"),
    ]
    second = [
        cloud_user("mona-lisa", github_com_saml_name_id="mona@octo.example"),
        cloud_user("one", github_com_saml_name_id="shared@octo.example"),
        cloud_user("two", github_com_saml_name_id="shared@octo.example"),
        cloud_user("somebody-else"),
    ]
    import_one(enterprise, cloud_list(first))
    before = numbers(enterprise)
    job = import_one(enterprise, cloud_list(second))
    after = numbers(enterprise)
    assert (job.accounts_added, job.accounts_changed, job.accounts_removed) == (3, 1, 2)
    assert after["cloud", "mona-lisa"] == before["cloud", "mona"]
    assert not {after["cloud", login] for login in ("one", "two", "somebody-else")} & set(before.values())
    assert LicenseChange.objects.filter(enterprise=enterprise, generation=enterprise.generation).count() == 5


def test_rows_without_a_login_that_look_alike_are_people_of_their_own(enterprise: Enterprise) -> None:
    invited = cloud_user("", github_com_name="Ana", github_com_orgs_with_pending_invites=["octo-org"])
    subscriber = cloud_user("", visual_studio_subscription_user=True, visual_studio_subscription_email="a@octo.example")
    also_invited = cloud_user("", "a@octo.example", github_com_orgs_with_pending_invites=["octo-org"])
    rows = [invited, invited, subscriber, also_invited]
    import_one(enterprise, cloud_list(rows))
    assert licenses(enterprise).count() == 3
    assert import_one(enterprise, cloud_list([*rows, cloud_user("zoe")])).accounts_changed == 0


def test_rows_that_name_nobody_stay_who_they_are_when_others_come_before_them(enterprise: Enterprise) -> None:
    nameless = [cloud_user("", github_com_orgs_with_pending_invites=["octo-org"]) for _each in range(3)]
    import_one(enterprise, cloud_list(nameless))
    before = set(licenses(enterprise).values_list("number", flat=True))
    job = import_one(enterprise, cloud_list([cloud_user("ana"), *nameless]))
    assert (job.accounts_added, job.accounts_changed, job.accounts_removed) == (1, 0, 0)
    enterprise.refresh_from_db()
    assert before < set(licenses(enterprise).values_list("number", flat=True))


def test_a_clock_that_is_ahead_makes_no_later_list_older(enterprise: Enterprise) -> None:
    import_one(enterprise, server_export([account(1)], exported_at="2100-01-01T00:00:00Z"))
    job = import_one(enterprise, server_export([account(1), account(2)]))
    assert (job.state, job.accounts_added) == ("SUCCESS", 1)


def test_pages_of_two_enterprises_are_never_one_list(enterprise: Enterprise) -> None:
    other = new_enterprise()
    mine = receive_usage.receive_file(
        BytesIO(cloud_list([cloud_user("ana")])), enterprise=enterprise, name="mine", uploaded_by=None
    )
    theirs = receive_usage.receive_file(
        BytesIO(cloud_list([cloud_user("evil")])), enterprise=other, name="theirs", uploaded_by=None, batch=mine.batch
    )
    for file in (mine, theirs):
        receive_usage.recognise_file(file.pk)
        file.refresh_from_db()
        assert file.job is not None
        run_job.run_job(file.job.pk)
    assert people(enterprise) == {frozenset({("cloud", "ana")})}
    assert people(other) == {frozenset({("cloud", "evil")})}


@pytest.mark.parametrize("statement", range(1, 5))
def test_a_page_that_arrives_while_another_is_looked_at(enterprise: Enterprise, statement: int) -> None:
    """Wherever the worker is just then, right after which of its statements: the list is whole, and taken in once."""
    first, second = (cloud_list([cloud_user(login)], total=2) for login in ("ana", "bob"))
    together: dict[str, Any] = {"enterprise": enterprise, "name": "page", "uploaded_by": None, "batch_size": 2}
    one = receive_usage.receive_file(BytesIO(first), **together)
    others: list[UsageFile] = []
    statements = itertools.count(1)

    def receive_second() -> None:  # in a web process, so by another connection
        others.append(receive_usage.receive_file(BytesIO(second), **together, batch=one.batch))

    def right_after(execute: Any, *what: Any) -> Any:
        result = execute(*what)
        if next(statements) == statement:
            in_threads(receive_second)
        return result

    with connection.execute_wrapper(right_after):
        receive_usage.recognise_file(one.pk)
    assert others, "it takes fewer statements by now"
    receive_usage.recognise_file(others[0].pk)
    for file in (one, *others):
        file.refresh_from_db()
        assert (file.state, file.problem_code) == (FileState.ACCEPTED, "")
    assert one.job is not None
    run_job.run_job(one.job.pk)
    assert len(people(enterprise)) == 2


def test_github_connect_features_follow_the_newest_list_that_tells(enterprise: Enterprise) -> None:
    def features_after(content: bytes) -> Any:
        arrived = arrive(enterprise, content)
        if arrived.job is not None:
            run_job.run_job(arrived.job.pk)
        return Deployment.objects.get(enterprise=enterprise).features

    def features_of(users: list[dict[str, Any]], **said: Any) -> Any:
        return features_after(server_export(users, **said))

    assert features_of([account(1)], features={"search": "", "contributions": ""}).keys() == {"search", "contributions"}
    assert features_of([account(2)], features={"search": "", "contributions": False}) == {"search": ""}
    assert features_of([account(3)]) == {"search": ""}, "the export does not tell"
    server = Deployment.objects.get(enterprise=enterprise)
    import_one(enterprise, report([(4, "")]), server=server)
    assert Deployment.objects.get(pk=server.pk).features == {"search": ""}, "a report has no features"
    encrypted = {"server_id": "id-of-ghes.example", "host_name": "ghes.example", "users": "c2VjcmV0"}
    assert features_after(json.dumps(encrypted).encode()) == {"search": ""}
    assert features_after(json.dumps(encrypted | {"features": {"search": False}}).encode()) == {}
    assert features_of([account(5)], features=["search"]) == {"search": ""}
    assert features_of([account(6)], features=[]) == {}


def test_an_encrypted_export_of_last_year_changes_nothing(enterprise: Enterprise) -> None:
    new = server_export([account(1)], exported_at=MARCH, version="3.15.0")
    import_one(enterprise, new)
    old = b'{"server_id": "id-of-ghes.example", "host_name": "ghes.example", "version": "3.10.0", "users": "c2Vj", '
    import_bytes(enterprise, old + b'"exported_at": "2025-01-08T00:00:00Z"}')
    server = Deployment.objects.get(enterprise=enterprise)
    assert (server.version, server.list_encrypted_at) == ("3.15.0", None)
    import_bytes(enterprise, old + b'"exported_at": "2026-04-08T00:00:00Z"}')
    server.refresh_from_db()
    assert server.list_encrypted_at is not None
    import_bytes(enterprise, new)
    server.refresh_from_db()
    assert server.list_encrypted_at is None


@pytest.mark.parametrize(("left", "end"), [(10, JobState.SUCCESS), (9, JobState.FAILURE)])
def test_more_than_ten_of_twenty_ask_first_and_ten_do_not(enterprise: Enterprise, left: int, end: JobState) -> None:
    import_one(enterprise, server_export(account(number) for number in range(1, 21)))
    assert import_one(enterprise, server_export(account(number) for number in range(1, left + 1))).state == end


def test_a_server_of_another_enterprise_is_never_named(enterprise: Enterprise) -> None:
    """Whatever accounts it has: neither as the one that a report may be from, nor as one that looks the same."""
    accounts = [(number, f"p{number}@octo.example") for number in range(1, 13)]
    other = new_enterprise()
    import_one(other, report(accounts), server=deployments.server_named(other, "secret.example"))
    asked = arrive(enterprise, report(accounts))
    assert (asked.question, asked.question_params) == (Question.WHICH_SERVER, {})
    job = import_one(enterprise, report(accounts), server=deployments.server_named(enterprise, "ghes.example"))
    assert job.looks_like is None


def test_what_another_enterprise_has_changes_nothing_here(enterprise: Enterprise) -> None:
    """The same server, under the same name, and another one that a list here is of as well."""
    other = new_enterprise()
    for host in ("ghes.example", "secret.example"):
        import_one(other, server_export([account(1), account(2)], host=host))
    job = import_one(enterprise, server_export([account(1), account(2)]))
    assert job.deployment.enterprise == enterprise
    count = current_count(enterprise)
    assert count is not None
    assert (count.accounts, count.consumed) == (2, 2)
    ours = deployments.server_named(enterprise, "ours.example")
    import_one(enterprise, server_export([account(5)], host="secret.example"), server=ours)
    ours.refresh_from_db()
    assert (ours.host, ours.server_id) == ("secret.example", "id-of-secret.example")
