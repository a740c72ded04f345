"""What a filter leaves, in which order, beside a search through plain lists."""

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensesync.enterprises.models import Deployment, Enterprise, VerifiedDomain
from licensesync.licenses import filters, finding, searching
from licensesync.licenses.finding import Selection
from licensesync.licenses.index import SORTS, Numbers, Texts
from licensesync.licenses.models import ConsumedLicense, Count
from licensesync.licenses.queries import licenses
from tests.flows.lists import account, cloud_list, cloud_user, import_one, server_export

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mixed(enterprise: Enterprise) -> Enterprise:
    """Fifty-six people: every facet on somebody, none on everybody."""
    cloud = [
        cloud_user(
            f"user-{number:02}",
            *([f"p{number}@octo.example"] if number % 3 else []),
            *(["p31@octo.example"] if number == 35 else []),  # which is that of another one as well
            github_com_two_factor_auth=bool(number % 4),
            github_com_member_roles=[f"octo-{number % 3}:Member"],
            github_com_enterprise_roles=["Owner" if number % 10 == 0 else "Member"],
            github_com_orgs_with_pending_invites=["octo-new"] if number % 11 == 0 else [],
            license_type="Visual Studio subscription" if number % 7 == 0 else "Enterprise",
            visual_studio_license_status="Matched to Cloud" if number % 7 == 0 else None,
        )
        for number in range(40)
    ]
    import_one(enterprise, cloud_list(cloud))
    emea = [account(number, f"p{number}@octo.example", login=f"emea-{number}") for number in range(30, 50)]
    import_one(enterprise, server_export(emea, host="ghes-emea.example"))
    apac = [
        account(1, "p31@octo.example"),
        account(2, "Zoë@Elsewhere.example", name="Zoë Ødegård"),
        account(3, dormant=True),
    ]
    import_one(enterprise, server_export(apac, host="ghes-apac.example"))
    VerifiedDomain.objects.create(enterprise=enterprise, name="octo.example")
    return enterprise


def asked(enterprise: Enterprise, **parameters: Any) -> Selection:
    deployments = set(Deployment.objects.filter(enterprise=enterprise).values_list("pk", flat=True))
    return Selection(enterprise, filters.parse(parameters, deployments=deployments))


def cloud(license: ConsumedLicense, name: str) -> Any:
    return (license.cloud or {}).get(name)


ORACLE: dict[tuple[str, str], Callable[[ConsumedLicense], bool]] = {
    ("where", "both"): lambda each: each.where == "both",
    ("where", "server"): lambda each: each.where == "server",
    ("type", "visual-studio"): lambda each: each.license_type == "visual-studio",
    ("servers", "several"): lambda each: len({a["deployment"] for a in each.accounts if a["kind"] == "server"}) > 1,
    ("two_factor", "off"): lambda each: each.two_factor_off,
    ("dormant", "yes"): lambda each: each.dormant,
    ("invitation", "pending"): lambda each: each.pending_invitation,
    ("match", "ambiguous"): lambda each: each.ambiguous,
    ("email", "none"): lambda each: not each.emails,
    ("domain", "none"): lambda each: (
        not (
            cloud(each, "verified_emails")
            or any(a["kind"] == "server" and a["email"].lower().endswith("@octo.example") for a in each.accounts)
        )
    ),
    ("organization", "octo-1"): lambda each: "octo-1:Member" in (cloud(each, "member_roles") or ()),
    ("role", "Owner"): lambda each: "Owner" in (cloud(each, "enterprise_roles") or ()),
    ("subscription", "Matched to Cloud"): lambda each: bool(cloud(each, "visual_studio_status")),
}


def everyone(enterprise: Enterprise) -> list[ConsumedLicense]:
    return list(licenses(enterprise).order_by("number"))


@pytest.mark.parametrize("many", [1, 2])
def test_filters_combine_and_their_counts_are_right(mixed: Enterprise, many: int) -> None:
    people = everyone(mixed)
    assert len(people) == 56
    assert [which for which, holds in ORACLE.items() if len({bool(holds(each)) for each in people}) == 1] == []
    for combination in itertools.combinations(ORACLE.items(), many):
        parameters = {parameter: value for (parameter, value), _ in combination}
        if len(parameters) < many:
            continue
        expected = [each.number for each in people if all(holds(each) for _, holds in combination)]
        selection = asked(mixed, **parameters)
        assert sorted(selection.numbers().tolist()) == expected, parameters
        assert selection.count() == (len(expected), True)
        [(parameter, value), *_] = parameters.items()
        assert selection.counts(parameter, [value]) == {value: len(expected)}


def test_a_count_beside_a_choice_does_not_depend_on_the_choice_made(mixed: Enterprise) -> None:
    counts = asked(mixed, where="both").counts("where", ["cloud", "both", "server"])
    assert counts == asked(mixed).counts("where", ["cloud", "both", "server"])
    assert sum(count or 0 for count in counts.values()) == 56


def test_where_an_account_is(mixed: Enterprise) -> None:
    emea = Deployment.objects.get(enterprise=mixed, host="ghes-emea.example")
    assert asked(mixed, instance=emea.pk).count() == (20, True)
    assert asked(mixed, only=emea.pk).count() == (14, True)


KEYS: dict[str, Callable[[ConsumedLicense], Any]] = {
    "name": lambda each: each.sort_name,
    "where": lambda each: ["cloud", "both", "server"].index(each.where),
    "type": lambda each: ["enterprise", "visual-studio"].index(each.license_type),
    "email": lambda each: (not each.emails, each.emails[0].lower() if each.emails else ""),
    "accounts": lambda each: each.account_count,
    "since": lambda each: each.since,
}


@pytest.mark.parametrize("q", ["", "user", "p3"])
def test_every_order_is_paged_forth_and_back(mixed: Enterprise, q: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "NEARBY", 7)
    monkeypatch.setattr(finding, "AT_ONCE", 3)  # so that a common word is looked for bit by bit
    monkeypatch.setattr(searching, "MOST_FOUND", 20)
    everybody = everyone(mixed)
    for sort in (*SORTS, *(f"-{sort}" for sort in SORTS)):
        column, backwards = sort.removeprefix("-"), sort.startswith("-")
        key = KEYS[column]
        people = sorted(everybody, key=lambda each: (each.sort_name, each.number))
        if column == "email":  # turned round altogether; without one they stay in the order of names
            people.sort(key=lambda each: (key(each), each.number if each.emails else 0))
            people = people[::-1] if backwards else people
        elif column == "name":
            people = people[::-1] if backwards else people
        else:
            people.sort(key=key, reverse=backwards)
        expected = [each.number for each in people if q in each.search]
        seen: list[int] = []
        page = asked(mixed, sort=sort, q=q).page(5)
        assert page.before == ""
        while True:
            numbers = [each.number for each in page.rows]
            seen += numbers
            if not page.after:
                break
            page = asked(mixed, sort=sort, q=q).page(5, after=page.after)
            back = asked(mixed, sort=sort, q=q).page(5, before=page.before)
            assert [each.number for each in back.rows] == numbers
        assert seen == expected, sort


FOUND = {
    "zoe": 1,
    "Zoë": 1,
    "odegard": 1,
    "ELSEWHERE.example": 1,
    "zo od": 1,
    "oe": 0,  # two letters begin a word
    "p3": 10,
    "emea-31": 1,
    "ghes-apac": 3,
    "ghes-apac odegard": 1,
    "ghes-apac ghes-emea": 1,
    "100%": 0,
    "user_0": 0,
    "nobody at all": 0,
    "gh": 22,  # one or two letters begin a host
    "gh od": 1,
    "ap": 0,
    "apac p3": 1,
    "apac emea-31": 1,
    "emea ghes octo": 20,  # octo is in no host's name,
    "elsewhere ghes": 1,
    "emea-3 example": 10,  # and example is in every one, and in texts
    "GHES-apac.example:2": 1,
}


def test_search(mixed: Enterprise) -> None:
    for q, number in FOUND.items():
        assert len(asked(mixed, q=q).page(25).rows) == number, q
        assert asked(mixed, q=q).count() == (number, True), q
        assert len(asked(mixed, q=q).page(25).rows) == number, q
        assert len(asked(mixed, q=q).numbers()) == number, q


def test_a_word_may_be_in_a_text_though_a_host_has_it_too(mixed: Enterprise) -> None:
    """Anna Berlin on the server of Hamburg is found by both words, beside a server of Berlin."""
    import_one(mixed, server_export([account(1, "anna@x.example", name="Anna Berlin")], host="hamburg.example"))
    import_one(mixed, server_export([account(1, "bea@x.example", name="Bea Bonn")], host="berlin.example"))
    for q, number in (("hamburg berlin", 1), ("berlin", 2), ("bonn berlin", 1), ("hamburg berlin bonn", 0)):
        assert asked(mixed, q=q).count() == (number, True), q
        assert len(asked(mixed, q=q).page(25).rows) == number, q
    for q in ("ham amb mbu bur urg", "ham amb mbu bur urg berlin"):
        assert asked(mixed, q=q).count() == (1, True), q


def test_names_with_a_colon(mixed: Enterprise) -> None:
    """Only behind a host it stands for an account."""
    names = ("ops:ci", "a:b", "team:5", "ghes:x")
    import_one(mixed, server_export([account(n, name=name) for n, name in enumerate(names, 1)], host="ops.example"))
    for q in (*names, "ops.example:3", "ops:4"):
        assert asked(mixed, q=q).count() == (1, True), q


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL is asked for all words at once")
def test_a_word_is_looked_for_once_whatever_hosts_are_called(
    mixed: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for = []

    def of(_texts: Texts, word: str) -> Numbers:
        looked_for.append(word)
        return np.empty(0, np.uint32)

    monkeypatch.setattr(Texts, "of", of)
    for _ in range(2):
        asked(mixed, q="ghes emea apac example never-asked-before").numbers()
    assert sorted(looked_for) == ["apac", "emea", "example", "ghes", "never-asked-before"]


def test_what_is_searched_for_again_and_again_stays_remembered(
    mixed: Enterprise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "REMEMBERED", 2)
    monkeypatch.setattr(searching, "_remembered", OrderedDict())
    for q in ("emea", "zoe", "emea", "odegard"):
        asked(mixed, q=q).count()
    assert [words for _, words in searching._remembered] == [("emea",), ("odegard",)]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no such limit: its words are found in memory")
def test_a_very_common_word_is_not_counted(mixed: Enterprise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_FOUND", 10)
    selection = asked(mixed, q="octo")
    assert selection.count() == (10, False)
    assert selection.counts("where", ["cloud"]) == {"cloud": None}
    assert len(selection.numbers()) > 10


def test_who_reads_an_older_count_finds_what_a_newer_one_has_ended(mixed: Enterprise) -> None:
    """A new count ends rows before it is shown; until then, and for who began to read before, they are searched."""
    older = Enterprise.objects.get(pk=mixed.pk)
    changed = [account(1, "p31@octo.example"), account(2, "zoe@elsewhere.example", name="Zora Nováková"), account(3)]
    import_one(mixed, server_export(changed, host="ghes-apac.example"))
    newer = Enterprise.objects.get(pk=mixed.pk)
    for q, before, now in (("odegard", 1, 0), ("zora", 0, 1), ("elsewhere", 1, 1), ("octo", 40, 40)):
        assert len(asked(older, q=q).numbers()) == before, q
        assert len(asked(newer, q=q).numbers()) == now, q


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL has an index of its own for searches")
def test_sqlite_looks_for_words_in_memory(mixed: Enterprise) -> None:
    """Rather than in every row."""
    with CaptureQueriesContext(connection) as asked_for:
        assert len(asked(mixed, q="elsewhere").numbers()) == 1
    assert not [query["sql"] for query in asked_for.captured_queries if "consumedlicense" in query["sql"]]


def test_two_factor_is_off_where_any_account_says_so(enterprise: Enterprise) -> None:
    """The cloud's list says it, and so do reports of servers."""
    import_one(enterprise, cloud_list([cloud_user("mona", github_com_two_factor_auth=False), cloud_user("lisa")]))
    accounts = [
        account(1, "off@x.example", two_factor_enabled=False),
        account(2, "on@x.example", two_factor_enabled=True),
    ]
    import_one(enterprise, server_export([*accounts, account(3, "unknown@x.example")]))
    selection = asked(enterprise, two_factor="off")
    assert selection.count() == (2, True)
    assert {each.login for each in selection.page(25).rows} == {"mona", accounts[0]["login"]}
    assert [each.two_factor_off for each in everyone(enterprise)].count(True) == 2


def test_another_way_of_composing_reaches_everybody_with_the_next_count(enterprise: Enterprise) -> None:
    """However few accounts change."""
    accounts = [account(number, f"p{number}@x.example", two_factor_enabled=False) for number in range(1, 30)]
    import_one(enterprise, server_export(accounts))
    # As an earlier version has composed them.
    ConsumedLicense.objects.update(two_factor_off=False, digest=0)
    import_one(enterprise, server_export([*accounts, account(30)]))
    assert asked(enterprise, two_factor="off").count() == (29, True)
    assert not any(each.two_factor_off for each in everyone(enterprise))  # it looked at the new account alone
    Count.objects.update(composition=0)
    import_one(enterprise, server_export([*accounts, account(30), account(31)]))
    assert sum(each.two_factor_off for each in everyone(enterprise)) == 29


def test_letters_that_are_capitals_when_taken_apart(enterprise: Enterprise) -> None:
    import_one(
        enterprise,
        server_export([account(1, name="Acme\u2122 Bot"), account(2, name="\U0001d409\U0001d428\U0001d421\U0001d427")]),
    )
    for q, number in (("acmetm", 1), ("John", 1), ("jo", 1), ("bot", 1)):
        assert asked(enterprise, q=q).count() == (number, True), q


def test_neighbours(mixed: Enterprise) -> None:
    selection = asked(mixed, sort="-name", instance=Deployment.objects.get(host="ghes-apac.example").pk)
    numbers = [each.number for each in selection.page(25).rows]
    place = selection.place(numbers[1])
    assert place is not None
    assert (place.position, place.previous, place.next) == (2, numbers[0], numbers[2])
    assert selection.place(10_000) is None


def test_a_cursor_of_somebody_who_is_gone_goes_on_where_it_was(mixed: Enterprise) -> None:
    page = asked(mixed).page(5)
    gone = page.after.replace(page.after.partition("-")[0], "999")
    after = asked(mixed).page(5, after=gone)
    assert [each.number for each in after.rows] == [each.number for each in asked(mixed).page(5, after=page.after).rows]
    back = asked(mixed).page(5, before=after.before.replace(after.before.partition("-")[0], "999"))
    assert [each.number for each in back.rows] == [each.number for each in page.rows]
    assert asked(mixed).page(5, after="999-9999").rows
    for broken in ("x", "1", "-", "1-x", "9" * 30 + "-1"):
        assert asked(mixed).page(5, after=broken).first == 1


def test_before_the_first_list(enterprise: Enterprise) -> None:
    selection = asked(enterprise, q="ana", where="cloud")
    assert selection.page(25).rows == []
    assert selection.count() == (0, True)
    assert selection.counts("where", ["cloud"]) == {"cloud": 0}
    assert len(selection.numbers()) == 0


def test_what_changes_is_found_at_once(mixed: Enterprise) -> None:
    assert asked(mixed, q="newcomer").count() == (0, True)
    import_one(mixed, server_export([account(1, "newcomer@octo.example")], host="ghes-new.example"))
    assert asked(mixed, q="newcomer").count() == (1, True)
    VerifiedDomain.objects.all().delete()
    assert asked(mixed, where="server", domain="none").count() == asked(mixed, where="server").count()


def test_dormant_where_every_server_that_says_so_says_it(enterprise: Enterprise) -> None:
    said_on: dict[str, dict[str, Any]] = {
        "silent.example": {},
        "a.example": {"dormant": True},
        "b.example": {"dormant": False},
    }
    for host, said in said_on.items():
        users = [account(1, "ana@octo.example", **said)] if host != "b.example" else []
        import_one(enterprise, server_export([*users, account(2, "bob@octo.example", **said)], host=host))
    assert [each.name for each in asked(enterprise, dormant="yes").page(25).rows] == ["user-1"]
