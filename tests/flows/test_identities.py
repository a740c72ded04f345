"""Linked identities through the whole product: a file of them alone, with the cloud's list, and what stays of them."""

import random

import pytest

from licensesync import errors
from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.licenses.person import person_of
from licensesync.licenses.queries import licenses
from licensesync.matching.records import Rule
from licensesync.syncing.models import FileState, JobKind, JobState
from licensesync.usage.models import OPEN, CloudAddress, CloudUser
from tests.flows.lists import (
    account,
    cloud_list,
    cloud_user,
    identities,
    import_bytes,
    import_one,
    new_enterprise,
    numbers,
    people,
    report,
    server_export,
)

pytestmark = pytest.mark.django_db(transaction=True)

ANA, BOB, CEM = ("cloud", "ana"), ("cloud", "bob"), ("cloud", "cem")


def on_server(login: str) -> tuple[str, str]:
    return "ghes.example", login


def cloud_of(enterprise: Enterprise) -> Deployment:
    return Deployment.objects.get(enterprise=enterprise, kind=DeploymentKind.CLOUD)


def two_and_a_server(enterprise: Enterprise) -> None:
    """Ana and Bob in the cloud, by addresses that no server has, and on a server."""
    import_one(
        enterprise,
        server_export([account(1, "ana@corp.example", login="a"), account(2, "bob@corp.example", login="b")]),
    )
    import_one(enterprise, cloud_list([cloud_user("ana", "ana@octo.example"), cloud_user("bob", "bob@octo.example")]))


def rule_of(enterprise: Enterprise, login: str) -> str:
    entries = [entry for license in licenses(enterprise) for entry in license.accounts]
    return str(next(entry["rule"] for entry in entries if entry["login"] == login and entry["kind"] == "server"))


def test_an_identity_joins_whom_the_cloud_list_leaves_apart() -> None:
    enterprise = new_enterprise()
    two_and_a_server(enterprise)
    assert len(people(enterprise)) == 4
    ana = numbers(enterprise)[ANA]
    job = import_one(enterprise, identities(("Ana", "E123,ANA@corp.example"), ("nobody", "x@corp.example")))
    assert (job.kind, job.state) == (JobKind.IDENTITIES, JobState.SUCCESS)
    assert (job.accounts_read, job.accounts_added, job.accounts_changed, job.accounts_removed) == (2, 0, 1, 0)
    assert (job.licenses_before, job.licenses_after, job.unused_subscriptions) == (4, 3, 0)
    assert people(enterprise) == {frozenset({ANA, on_server("a")}), frozenset({BOB}), frozenset({on_server("b")})}
    assert numbers(enterprise)[on_server("a")] == ana
    assert rule_of(enterprise, "a") == Rule.SAML_OR_SCIM
    found = person_of(enterprise, ana)
    assert found
    assert found.license.emails == ["ana@octo.example", "ANA@corp.example"]
    assert not found.license.ambiguous


def test_they_have_a_date_of_their_own_and_the_list_keeps_its_own() -> None:
    enterprise = new_enterprise()
    two_and_a_server(enterprise)
    before = cloud_of(enterprise)
    assert before.identities_at is None
    job = import_one(enterprise, identities(("ana", "ana@corp.example")))
    now = cloud_of(enterprise)
    assert now.identities_at == job.files.get().created_at
    same = ("list_date", "list_digest", "last_event", "last_usage_at", "accounts", "total_seats_consumed")
    assert [getattr(now, name) for name in same] == [getattr(before, name) for name in same]


def test_a_later_cloud_list_leaves_them_also_under_another_login() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1, "ana@corp.example", login="a")]))
    ana = cloud_user("ana", github_com_saml_name_id="E1")
    import_one(enterprise, cloud_list([ana, cloud_user("bob")]))
    import_one(enterprise, identities(("ana", "ana@corp.example,ana.p@corp.example")))
    at = cloud_of(enterprise).identities_at
    for row in (ana | {"github_com_name": "Ana P"}, ana | {"github_com_login": "ana-p"}):
        job = import_one(enterprise, cloud_list([row, cloud_user("bob")]))
        assert (job.accounts_added, job.accounts_changed, job.accounts_removed) == (0, 1, 0)
        assert len(people(enterprise)) == 2
        assert rule_of(enterprise, "a") == Rule.SAML_OR_SCIM
        addresses = CloudAddress.objects.filter(kind=CloudAddress.Kind.IDENTITY, valid_to=OPEN)
        assert {*addresses.values_list("address", flat=True)} == {"ana@corp.example", "ana.p@corp.example"}
    job = import_one(enterprise, cloud_list([row, cloud_user("bob")]) + b" ")
    assert job.accounts_changed == 0
    assert cloud_of(enterprise).identities_at == at


def test_with_the_cloud_list_in_one_go_whichever_comes_first() -> None:
    rows = cloud_list([cloud_user("ana"), cloud_user("bob")])
    linked = identities(("ana", "ana@corp.example"), ("bob", "b7"))
    for files in ((rows, linked), (linked, rows)):
        enterprise = new_enterprise()
        import_one(enterprise, server_export([account(1, "ana@corp.example", login="a")]))
        first, second = import_bytes(enterprise, *files)
        assert first.job == second.job
        assert first.job
        assert (first.job.kind, first.job.accounts_read, first.job.accounts_added) == (JobKind.FILE, 2, 2)
        assert people(enterprise) == {frozenset({ANA, on_server("a")}), frozenset({BOB})}
        cloud = cloud_of(enterprise)
        assert cloud.identities_at == cloud.list_date
        again, _ = import_bytes(enterprise, *files)
        assert again.file.job == first.job
        cloud = cloud_of(enterprise)
        assert cloud.identities_at == cloud.list_date == again.file.created_at


def test_who_is_in_it_no_more_has_none_and_one_of_several_may_change() -> None:
    enterprise = new_enterprise()
    two_and_a_server(enterprise)
    import_one(enterprise, identities(("ana", "ana@corp.example"), ("bob", "bob@corp.example")))
    assert len(people(enterprise)) == 2
    job = import_one(enterprise, identities(("bob", "bob@corp.example"), ("bob", "b@other.example")))
    assert (job.accounts_read, job.accounts_changed) == (1, 2)
    assert people(enterprise) == {frozenset({ANA}), frozenset({BOB, on_server("b")}), frozenset({on_server("a")})}
    bob = CloudUser.objects.get(login="bob", valid_to=OPEN)
    assert bob.identity_addresses == "b@other.example bob@corp.example"
    assert import_one(enterprise, identities(("bob", "B@other.example,bob@corp.example"))).accounts_changed == 1
    assert import_one(enterprise, identities(("bob", "bob@corp.example,B@other.example"))).accounts_changed == 0
    assert import_one(enterprise, identities()).licenses_after == 4


def test_two_who_claim_one_address_are_marked_and_a_claim_goes_before_a_verified_email() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export([account(1, "x@corp.example", login="x")]))
    rows = [cloud_user("ana", "x@corp.example"), cloud_user("bob"), cloud_user("cem")]
    import_one(enterprise, cloud_list(rows))
    assert frozenset({ANA, on_server("x")}) in people(enterprise)
    import_one(enterprise, identities(("cem", "x@corp.example"), ("bob", "x@corp.example")))
    assert frozenset({BOB, on_server("x")}) in people(enterprise)
    (license,) = [each for each in licenses(enterprise) if each.ambiguous]
    found = person_of(enterprise, license.number)
    assert found
    assert {rival.login for rival in found.rivals} == {"ana", "cem"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (identities(("ana", "ana@x.example"), total=3), errors.IDENTITIES_MISSING),
        (identities(("ana", "ana@x.example"), more=True), errors.LAST_PAGE_MISSING),
        (b'{"data": {"enterprise": {"ownerInfo": null}}}', errors.NO_IDENTITIES),
    ],
)
def test_what_is_not_whole_is_refused(content: bytes, problem: errors.Problem) -> None:
    enterprise = new_enterprise()
    two_and_a_server(enterprise)
    [imported] = import_bytes(enterprise, content)
    assert (imported.file.state, imported.file.problem_code, imported.job) == (FileState.REFUSED, problem.code, None)
    assert cloud_of(enterprise).identities_at is None


def test_pages_that_come_together_are_one_list() -> None:
    enterprise = new_enterprise()
    two_and_a_server(enterprise)
    pages = [
        identities(("ana", "ana@corp.example"), total=2, more=True),
        identities(("bob", "bob@corp.example"), total=2),
    ]
    first, second = import_bytes(enterprise, *pages)
    assert first.job == second.job
    assert len(people(enterprise)) == 2


def test_without_the_cloud_list_they_belong_to_nobody() -> None:
    enterprise = new_enterprise()
    [imported] = import_bytes(enterprise, identities(("ana", "ana@corp.example")))
    assert imported.file.problem_code == errors.NO_CLOUD_LIST.code
    assert not Deployment.objects.filter(enterprise=enterprise).exists()


def test_a_list_by_which_many_lose_theirs_asks_first() -> None:
    enterprise = new_enterprise()
    logins = [f"user-{number}" for number in range(60)]
    import_one(enterprise, cloud_list([cloud_user(login) for login in logins]))
    everybody = [(login, f"{login}@corp.example") for login in logins]
    assert import_one(enterprise, identities(*everybody)).accounts_changed == 60
    assert import_one(enterprise, identities(*everybody[12:])).state == JobState.SUCCESS
    [imported] = import_bytes(enterprise, identities(*everybody[30:]))
    assert imported.job
    assert (imported.job.state, imported.job.problem_code) == (JobState.FAILURE, errors.FEWER_IDENTITIES.code)
    assert imported.job.problem_params == {"removed": 18, "before": 48}
    assert CloudUser.objects.filter(valid_to=OPEN).exclude(identity_addresses="").count() == 48
    assert import_one(enterprise, identities(*everybody[30:]), accept_shrink=True).state == JobState.SUCCESS
    rows = cloud_list([cloud_user(login) for login in logins])
    first, _ = import_bytes(enterprise, rows, identities(*everybody[50:]))
    assert first.job
    assert first.job.problem_code == errors.FEWER_IDENTITIES.code


def test_a_part_of_the_enterprise_counted_gives_what_all_of_it_would() -> None:
    random_ = random.Random(7)
    enterprise = new_enterprise()
    logins = [f"user-{number}" for number in range(300)]
    mails = [f"{login}@corp.example" for login in logins]
    accounts = [(number, mail) for number, mail in enumerate(mails, 1)]
    import_one(
        enterprise,
        report(accounts),
        server=Deployment.objects.create(enterprise=enterprise, kind="server", host="g.example"),
    )
    import_one(enterprise, cloud_list([cloud_user(login) for login in logins]))
    linked = dict(zip(logins, mails, strict=True))
    import_one(enterprise, identities(*linked.items()))
    assert len(people(enterprise)) == 300
    for _round in range(6):
        for login in random_.sample(logins, 8):
            linked[login] = random_.choice((random_.choice(mails), "none", f"{random_.choice(mails)},{linked[login]}"))
        import_one(enterprise, identities(*linked.items()))
        by_parts = people(enterprise)
        whole = new_enterprise()
        server = Deployment.objects.create(enterprise=whole, kind="server", host="g.example")
        import_one(whole, report(accounts), server=server)
        import_bytes(whole, cloud_list([cloud_user(login) for login in logins]), identities(*linked.items()))
        assert people(whole) == by_parts
