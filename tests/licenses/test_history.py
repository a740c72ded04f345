"""Points of the usage history, and the net effect between any two of them."""

import csv
import io
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from licensesync.enterprises.models import Enterprise, LicenseModel
from licensesync.licenses import history, services
from licensesync.licenses.models import Count, LicenseChange
from licensesync.licenses.queries import current_count, licenses
from licensesync.usage import bulk
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, numbers, server_export

pytestmark = pytest.mark.django_db(transaction=True)

Kind = LicenseChange.Kind


def take(enterprise: Enterprise, *content: Any, **more: Any) -> Count:
    """Take a list in; gives the count that it made."""
    for each in content:
        import_one(enterprise, each, accept_shrink=True, **more)
    count = current_count(enterprise)
    assert count is not None
    return count


def server(*logins: str, host: str = "ghes.example") -> bytes:
    ids = {login: sum(login.encode()) * 1000 + len(login) for login in logins}
    return server_export([account(ids[login], f"{login}@octo.example", login=login) for login in logins], host=host)


def names(earlier: Count, later: Count) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for change in history.changes(earlier, later):
        found.setdefault(change.kind, set()).add(change.login)
    return found


def test_who_came_and_who_went() -> None:
    enterprise = new_enterprise()
    first = take(enterprise, server("ana", "bo"))
    second = take(enterprise, server("ana", "cem"))
    third = take(enterprise, server("ana", "cem", "dara"))

    assert names(first, second) == {Kind.CAME: {"cem"}, Kind.WENT: {"bo"}}
    assert names(first, third) == {Kind.CAME: {"cem", "dara"}, Kind.WENT: {"bo"}}
    assert names(second, third) == {Kind.CAME: {"dara"}}
    assert names(third, third) == {}
    assert history.difference(first, third) == history.Difference(2, 0, 1, 0, 0)


def test_a_login_that_is_given_to_others_hides_nobody() -> None:
    """One went who was called so, and two came: one of them is told."""
    enterprise = new_enterprise()

    def listed(**user_ids: int) -> bytes:
        return server_export(
            [account(user_id, f"{user_id}@octo.example", login=login) for login, user_id in user_ids.items()]
        )

    first = take(enterprise, listed(sam=1, zed=9))
    for users in ({"zed": 9}, {"zed": 9, "sam": 2}, {"zed": 9, "sbaker": 2}, {"zed": 9, "sbaker": 2, "sam": 3}):
        last = take(enterprise, listed(**users))
    assert history.difference(first, last) == history.Difference(1, 0, 0, 0, 0)
    assert history.difference(last, last).total == 0


@pytest.mark.skipif(not bulk.is_sqlite(), reason="PostgreSQL compares all at once")
def test_who_came_back_is_found_without_going_through_all_for_each() -> None:
    """20,000 changes took SQLite more than a minute."""
    enterprise = new_enterprise()
    first, last = take(enterprise, server("ana", "bo")), take(enterprise, server("ana", "cem"))
    sql, params = history.changes(first, last).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        plan = [row[3] for row in cursor.fetchall()]
    for_each = [found for step, found in itertools.pairwise(plan) if step.startswith("CORRELATED")]
    assert for_each
    assert all("number=?" in found for found in for_each)


@pytest.mark.skipif(bulk.is_sqlite(), reason="SQLite looks each of them up")
def test_no_change_is_compared_with_all_others_where_memory_is_short() -> None:
    """A million people who went with their server took PostgreSQL hours, from some 200,000 on with its usual memory."""
    enterprise = new_enterprise()
    first, last = take(enterprise, server("ana", "bo")), take(enterprise, server("ana"))
    gone = {"enterprise": enterprise, "generation": last.generation, "at": timezone.now(), "kind": Kind.WENT}
    LicenseChange.objects.bulk_create([LicenseChange(number=1, login=f"u{n}", **gone) for n in range(10_000)])
    bulk.analyze("licenses_licensechange")
    sql, params = history.changes(first, last).order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '64kB'")
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET work_mem")
    assert "Materialize" not in plan
    assert history.difference(first, last).went == 10_001


def test_the_database_knows_how_many_changes_there_are() -> None:
    """Else PostgreSQL plans for a handful, and who came and went between two counts of a million takes seconds."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite plans without counting")
    enterprise = new_enterprise()
    take(enterprise, server("ana", "bo"))
    take(enterprise, server("ana", "cem", "dara"))
    assert LicenseChange.objects.count() == 3
    assert bulk.value("SELECT reltuples FROM pg_class WHERE relname = 'licenses_licensechange'") == 3


def test_noise_in_between_is_left_out() -> None:
    enterprise = new_enterprise()
    first = take(enterprise, server("ana", "bo"))
    take(enterprise, server("ana", "guest"))
    last = take(enterprise, server("ana", "bo"))

    assert names(first, last) == {}
    assert history.difference(first, last) == history.Difference(0, 0, 0, 0, 0)


def test_a_split_is_out_of_the_license_that_lives_on() -> None:
    """Not out of one that merged into the new one, whose address leads back to that."""
    enterprise = new_enterprise()
    ana, bo = "ana@octo.example", "bo@octo.example"
    before = take(
        enterprise,
        server_export([account(1, ana, login="ana"), account(5, bo, login="bo")]),
        cloud_list([cloud_user("old", ana)]),
    )
    was = numbers(enterprise)
    after = take(enterprise, cloud_list([cloud_user("old"), cloud_user("new", ana, bo)]))
    now = numbers(enterprise)

    assert now["cloud", "old"] == was["cloud", "old"]
    changes = {each.kind: (each.number, each.other_number) for each in history.changes(before, after)}
    assert changes == {
        Kind.SPLIT: (now["cloud", "new"], now["cloud", "old"]),
        Kind.MERGED: (was["ghes.example", "bo"], now["cloud", "new"]),
    }


def test_merged_and_split() -> None:
    enterprise = new_enterprise()
    before = take(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]), server("bo"))
    merged = take(enterprise, cloud_list([cloud_user("ana", "ana@octo.example", "bo@octo.example")]))
    split = take(enterprise, cloud_list([cloud_user("ana", "ana@octo.example")]))

    assert [(each.kind, each.login) for each in history.changes(before, merged)] == [(Kind.MERGED, "bo")]
    assert [(each.kind, each.login) for each in history.changes(merged, split)] == [(Kind.SPLIT, "bo")]
    assert history.difference(merged, split).total == 1
    assert history.difference(before, split).total == 0


def test_who_came_with_a_first_list_and_went_was_never_there() -> None:
    enterprise = new_enterprise()
    first = take(enterprise, server("ana"))
    second = take(enterprise, server("bo", "cem", host="two.example"))
    third = take(enterprise, server("cem", host="two.example"))
    assert names(first, third) == {}
    assert history.difference(first, third) == history.Difference(0, 0, 0, 0, 1)
    assert names(second, third) == {Kind.WENT: {"bo"}}


def test_people_of_a_first_list_did_not_come() -> None:
    enterprise = new_enterprise()
    first = take(enterprise, server("ana"))
    second = take(enterprise, server("bo", "cem", host="two.example"))

    assert history.difference(first, second) == history.Difference(0, 0, 0, 0, 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_difference_of_two_counts_is_that_of_their_people(seed: int) -> None:
    """Whatever came in between: who is at both points did neither come nor go."""
    chance = random.Random(seed)
    enterprise = new_enterprise()
    everybody = [f"user{letter}" for letter in "abcdefghij"]
    counts, present = [], []
    for _ in range(5):
        logins = sorted(chance.sample(everybody, chance.randint(3, 9)))
        counts.append(take(enterprise, server(*logins)))
        present.append(set(logins))
        assert licenses(enterprise).count() == len(logins)
    for start in range(5):
        for end in range(start, 5):
            found = names(counts[start], counts[end])
            assert found.get(Kind.CAME, set()) == present[end] - present[start]
            assert found.get(Kind.WENT, set()) == present[start] - present[end]
            assert history.difference(counts[start], counts[end]).first_listed == 0


def test_a_point_a_day_by_the_readers_clock() -> None:
    enterprise = new_enterprise()
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    for number, hours in enumerate((-30, -2, -1, 1), 1):
        Count.objects.create(enterprise=enterprise, generation=number, finished_at=midnight + timedelta(hours=hours))
    Count.objects.create(enterprise=enterprise, generation=5, owner="unfinished")

    assert [count.generation for count in history.points(enterprise)] == [1, 3, 4]
    with timezone.override("America/Sao_Paulo"):
        assert [count.generation for count in history.points(enterprise)] == [1, 4]


def test_of_most_counts_only_the_time_is_read(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    enterprise = new_enterprise()
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    Count.objects.bulk_create(
        Count(enterprise=enterprise, generation=number, finished_at=noon + timedelta(minutes=number), consumed=number)
        for number in range(1, 51)
    )
    read: list[Count] = []

    def note(instance: Count, **_signal: Any) -> None:
        read.append(instance)

    post_init.connect(note, sender=Count)
    try:
        with django_assert_num_queries(2):
            points = history.points(enterprise)
    finally:
        post_init.disconnect(note, sender=Count)
    assert [count.consumed for count in read] == [count.consumed for count in points] == [50]


def test_a_count_keeps_what_was_purchased_then() -> None:
    enterprise = new_enterprise(enterprise_licenses=10, visual_studio_licenses=5)
    count = take(enterprise, server("ana"))
    assert (count.purchased, count.available) == (15, 14)

    metered = new_enterprise(license_model=LicenseModel.METERED, enterprise_licenses=10)
    count = take(metered, server("ana"))
    assert (count.purchased, count.available) == (None, None)


def test_seats_that_are_bought_while_everybody_is_counted_are_in_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    enterprise, original = new_enterprise(enterprise_licenses=10), services.tally

    def buy_first(*args: Any, **more: Any) -> Any:
        Enterprise.objects.filter(pk=enterprise.pk).update(enterprise_licenses=20)
        return original(*args, **more)

    monkeypatch.setattr(services, "tally", buy_first)
    assert take(enterprise, server("ana")).purchased == 20


def test_a_slow_reader_of_the_csv_holds_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite the log of the database would grow for as long as they read."""
    monkeypatch.setattr(history, "AT_ONCE", 500)
    enterprise = new_enterprise()
    now = timezone.now()
    earlier, later = (
        Count.objects.create(enterprise=enterprise, generation=number, finished_at=now, next_number=1)
        for number in (1, 2)
    )
    LicenseChange.objects.bulk_create(
        LicenseChange(enterprise=enterprise, generation=2, at=now, number=number, kind=Kind.CAME, login=f"{number}")
        for number in range(3_000)
    )
    pieces = history.csv_of_changes(history.changes(earlier, later))
    text = next(pieces) + next(pieces)
    connection.close()
    text += "".join(pieces)
    assert [int(row["License number"]) for row in csv.DictReader(io.StringIO(text))] == list(range(3_000))[::-1]
