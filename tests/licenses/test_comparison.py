"""GitHub's own count beside ours: everybody of the difference has one cause, and they add up to it."""

import random
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensesync.enterprises.models import Enterprise
from licensesync.licenses import comparison
from licensesync.licenses.causes import Account, Cause, Evidence, Kind, cause_of
from licensesync.licenses.comparison import Comparison, comparison_of
from licensesync.licenses.doubles import doubles_of
from licensesync.licenses.models import GitHubComparison
from licensesync.licenses.queries import licenses
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, numbers, server_export

pytestmark = pytest.mark.django_db(transaction=True)

EMEA, APAC, OTHER = "emea.example", "apac.example", "other.example"


def server_only(*user_ids: str, emails: tuple[str, ...] = ()) -> dict[str, Any]:
    """A person whom GitHub finds on servers only."""
    return cloud_user("", enterprise_server_user_ids=list(user_ids), enterprise_server_primary_emails=list(emails))


def mail(name: str) -> str:
    return f"{name}@octo.example"


def compared(enterprise: Enterprise) -> Comparison:
    enterprise.refresh_from_db()
    found = comparison_of(enterprise)
    assert found is not None
    by_github = sum(entry.kind.by_github for entry in found.entries)
    assert by_github - (len(found.entries) - by_github) == found.difference
    who = [(entry.unit, entry.is_cloud) if entry.unit else (entry.number,) for entry in found.entries]
    assert len(set(who)) == len(who)
    return found


def test_each_cause() -> None:
    enterprise = new_enterprise()
    import_one(
        enterprise,
        server_export(
            [
                account(1, mail("same")),
                account(2, mail("left"), suspended=True),
                account(3, mail("new-mail")),
                {"user_id": 4, "login": "dee", "emails": [mail("dee"), mail("old-dee")]},
                account(5, mail("twice")),
                account(6, mail("back")),
                account(7, mail("merged")),
                account(8, mail("newest")),
                {"user_id": 9, "login": "eve", "emails": ["eve@private.example", mail("eve")]},
            ],
            host=EMEA,
        ),
    )
    import_one(enterprise, server_export([account(1, mail("unsynced")), account(2, mail("merged"))], host=APAC))
    import_one(
        enterprise,
        cloud_list(
            [
                server_only(f"{EMEA}:1", emails=(mail("same"),)),
                server_only(f"{EMEA}:2", emails=(mail("left"),)),  # suspended since
                cloud_user("new", mail("new-mail")),
                server_only(f"{EMEA.upper()}:3", emails=(mail("old-mail"),)),  # GitHub has the old address
                cloud_user("dee", mail("dee")),
                server_only(f"{EMEA}:4", emails=(mail("old-dee"),)),  # the address is a secondary one now
                cloud_user("zoe", mail("twice")),
                cloud_user("ann", mail("twice")),
                server_only(f"{EMEA}:5", emails=(mail("twice"),)),  # two cloud accounts claim it
                server_only(f"{OTHER}:1"),  # a server that has never reported here
                server_only(f"{EMEA}:77"),  # deleted since
                server_only(f"{EMEA}:7", emails=(mail("merged"),)),
                cloud_user("eve", mail("eve")),
                server_only(f"{EMEA}:9"),  # by both sides, so no part of the difference
                server_only("nonsense"),
            ]
        ),
    )
    found = compared(enterprise)
    assert (found.units, found.licenses) == (15, 11)
    assert Counter((entry.cause, entry.kind) for entry in found.entries) == {
        (Cause.SUSPENDED, Kind.UNIT_ALONE): 1,
        (Cause.LONG_AGO, Kind.UNIT_TOO_MANY): 1,
        (Cause.SECONDARY, Kind.UNIT_TOO_MANY): 1,
        (Cause.AMBIGUOUS, Kind.UNIT_TOO_MANY): 1,
        (Cause.SERVER, Kind.UNIT_ALONE): 2,
        (Cause.LONG_AGO, Kind.UNIT_ALONE): 1,
        (Cause.UNEXPLAINED, Kind.LICENSE_ALONE): 2,
        (Cause.SERVER, Kind.LICENSE_ALONE): 1,
    }
    where = numbers(enterprise)
    assert found.twice == [where[EMEA, "eve"]]
    assert found.twice_with == {where["cloud", "eve"]: found.twice}


def test_whom_github_does_not_count_may_be_counted_twice_here() -> None:
    """As where no server is connected with GitHub: it counts a person once, by the cloud account."""
    enterprise = new_enterprise()
    import_one(enterprise, server_export([{**account(1, mail("old")), "emails": [mail("old"), mail("a")]}], host=EMEA))
    import_one(enterprise, cloud_list([cloud_user("a", mail("a"))]))
    found = compared(enterprise)
    assert (found.units, found.licenses, found.twice) == (1, 2, [])
    assert found.doubled == [numbers(enterprise)[EMEA, "user-1"]]


def test_the_subscription_of_who_has_no_account_yet_makes_nobody_count_twice() -> None:
    """Whoever is invited consumes by that; no account is matched by the subscription's address, so none is freed."""
    enterprise = new_enterprise()
    invited = cloud_user(
        "", visual_studio_subscription_user=True, visual_studio_subscription_email=mail("a"),
        github_com_orgs_with_pending_invites=["octo"],
    )  # fmt: skip
    import_one(enterprise, server_export([{**account(1, mail("old")), "emails": [mail("old"), mail("a")]}], host=EMEA))
    import_one(enterprise, cloud_list([invited]))
    found = compared(enterprise)
    assert (found.licenses, found.doubled) == (2, [])
    assert doubles_of(enterprise, licenses(enterprise)) == {}
    import_one(enterprise, server_export([account(1, mail("a"))], host=EMEA))
    assert compared(enterprise).licenses == 2, "nor does the address make them one"


def test_newer_than_githubs_last_sync() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1, mail("a")), account(2, mail("b"))], host=EMEA))
    import_one(enterprise, cloud_list([server_only(f"{EMEA}:1", emails=(mail("a"),))]))
    [entry] = compared(enterprise).entries
    assert (entry.cause, entry.kind) == (Cause.LONG_AGO, Kind.LICENSE_ALONE)


def test_a_count_is_compared_once() -> None:
    enterprise = new_enterprise()
    assert comparison_of(enterprise) is None
    import_one(enterprise, server_export([account(1, mail("a"))], host=EMEA))
    assert comparison_of(enterprise) is None  # the cloud has reported nothing
    import_one(enterprise, cloud_list([cloud_user("a", mail("a"))]))
    first = compared(enterprise)
    with CaptureQueriesContext(connection) as queries:
        assert comparison_of(enterprise) == first
    assert len(queries) <= 3
    import_one(enterprise, server_export([account(1, mail("a")), account(2, mail("b"))], host=EMEA))
    assert compared(enterprise).difference == -1
    assert GitHubComparison.objects.filter(enterprise=enterprise).count() == 1


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_listed_adds_up(seed: int) -> None:
    chance = random.Random(seed)
    enterprise = new_enterprise()
    addresses = [mail(str(number)) for number in range(8)]
    for host in (EMEA, APAC):
        users = [
            {
                "user_id": number,
                "login": f"u{number}",
                "emails": chance.sample(addresses, chance.randrange(3)),
                "suspended": chance.random() < 0.2,
            }
            for number in range(1, 13)
        ]
        import_one(enterprise, server_export(users, host=host))
    rows = [cloud_user(f"c{number}", *chance.sample(addresses, chance.randrange(3))) for number in range(6)]
    named = [f"{host}:{number}" for host in (EMEA, APAC, OTHER) for number in range(1, 15)]
    chance.shuffle(named)
    while len(named) > 8:
        rows.append(
            server_only(*(named.pop() for _ in range(chance.randint(1, 2))), emails=(chance.choice(addresses),))
        )
    import_one(enterprise, cloud_list(rows))
    found = compared(enterprise)
    assert found.units == len(rows)
    assert not {entry.number for entry in found.entries} & {*found.twice}


A, B, C = "a", "b", "c"


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (Evidence(Kind.UNIT_ALONE, on_shared_server=False, ambiguous=True), Cause.SERVER),
        (Evidence(Kind.UNIT_ALONE, True, (Account(False, A),), frozenset({B})), Cause.SUSPENDED),
        (Evidence(Kind.UNIT_TOO_MANY, True, (Account(False, A),), frozenset({A})), Cause.JOINED),
        (Evidence(Kind.UNIT_TOO_MANY, True, (Account(True, A),), frozenset({B}), ambiguous=True), Cause.AMBIGUOUS),
        (Evidence(Kind.LICENSE_ALONE, True, (Account(True, A, frozenset({B})),), frozenset({B})), Cause.SECONDARY),
        (Evidence(Kind.LICENSE_ALONE, True, (Account(True, A, frozenset({C})),), frozenset({B})), Cause.LONG_AGO),
        (Evidence(Kind.LICENSE_ALONE, True, (Account(True, A, is_newer=True),)), Cause.LONG_AGO),
        (Evidence(Kind.LICENSE_ALONE, True, (Account(True, A),)), Cause.UNEXPLAINED),
        (Evidence(Kind.UNIT_ALONE, True), Cause.LONG_AGO),
    ],
)
def test_the_first_rule_that_holds(seen: Evidence, cause: Cause) -> None:
    assert cause_of(seen) is cause


def test_one_that_has_taken_its_place_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    enterprise = new_enterprise()
    import_one(enterprise, cloud_list([cloud_user("ana", mail("ana"))]))
    compared(enterprise)
    comparison._loaded.cache_clear()
    original = comparison._stored

    def stored(of: Enterprise) -> int | None:
        key = original(of)
        GitHubComparison.objects.all().delete()
        return key

    monkeypatch.setattr(comparison, "_stored", stored)
    assert compared(enterprise).units == 1
    assert comparison.known_comparison(enterprise) is None
