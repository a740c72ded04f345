import json
from pathlib import Path
from typing import Any

import pytest

from licensesync.errors import NOT_RECOGNISED, TOO_MANY_PEOPLE, TRUNCATED, WRONG_SHAPE, ExpectedError
from licensesync.feeds import CloudUser, FeedKind, ReadReport, ServerOnlyPerson

from .writing import SAMPLES, SPELLINGS, cloud_row, look, page, read_people, spell, table

MONA = CloudUser(
    login="monalisa",
    name="Mona Lisa",
    profile="https://github.com/monalisa",
    saml_name_id="monalisa",
    verified_emails=("monalisa@github.com",),
    member_roles=("org1:Owner", "org2:Owner"),
    enterprise_roles=("owner",),
    pending_invites=("org1", "org2"),
    two_factor=True,
    license_type="enterprise",
    visual_studio_user=False,
    visual_studio_status="",
    visual_studio_email="",
    server_user_ids=("example_host_name.com:123", "example_host_name_2:222"),
    server_emails=("monalisa@github.com",),
)
NEW_HEADING = [
    "GitHub com login", "GitHub com name", "GitHub com user", "License type", "Enterprise server user ids",
    "Enterprise server primary emails", "GitHub com saml name", "GitHub com saml name id",
    "GitHub com verified domain emails", "GitHub com enterprise roles", "Visual studio subscription user",
    "Cost center",
]  # fmt: skip


def test_example_of_the_rest_description(tmp_path: Path) -> None:
    content = (SAMPLES / "consumed_licenses.json").read_bytes()
    recognition = look(tmp_path, content)
    assert recognition.kind is FeedKind.CLOUD_LICENSES
    assert recognition.server is None
    assert (recognition.rows, recognition.total_seats_consumed, recognition.total_seats_purchased) == (2, 5000, 4500)
    report = ReadReport()
    assert read_people(tmp_path, content, report=report) == [
        MONA,
        ServerOnlyPerson(("example_host_name:123",), ("hubot@example.com",)),
    ]
    assert (report.rows, report.ignored_keys, report.invalid_emails) == (2, {}, 0)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_spelling_reads_the_same(tmp_path: Path, spelling: Any) -> None:
    content = json.loads((SAMPLES / "consumed_licenses.json").read_bytes())
    assert read_people(tmp_path, spell(content, spelling))[0] == MONA


def test_row_as_recorded_traffic_has_it(tmp_path: Path) -> None:
    row = cloud_row(
        enterprise_server_primary_emails=["mona@x.example", "mona@x.example", "no address"],
        github_com_two_factor_auth="",
        github_com_enterprise_roles=[],
        github_com_enterprise_role="Owner",
        visual_studio_license_status=None,
        cost_center="R&D",
    )
    report = ReadReport()
    (user,) = read_people(tmp_path, page(row), report=report)
    assert isinstance(user, CloudUser)
    assert (user.name, user.two_factor, user.visual_studio_status) == ("", None, "")
    assert user.server_emails == ("mona@x.example",)
    assert user.enterprise_roles == ("Owner",)
    assert report.ignored_keys == {"cost_center": 1}


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (cloud_row("", github_com_user=False, enterprise_server_user_ids=["h:1"]), ServerOnlyPerson),
        (cloud_row("", github_com_user=False, visual_studio_subscription_email="m@x.example"), CloudUser),
        (cloud_row("", github_com_user="false", enterprise_server_user_ids=["h:1"]), ServerOnlyPerson),
        (cloud_row("mona", github_com_user=True, enterprise_server_user_ids=["h:1"]), CloudUser),
        (cloud_row("mona", github_com_user=None, enterprise_server_user_ids=["h:1"]), CloudUser),
    ],
)
def test_who_is_only_on_servers(tmp_path: Path, row: Any, kind: type) -> None:
    (person,) = read_people(tmp_path, page(row))
    assert type(person) is kind
    assert person.server_user_ids == tuple(row["enterprise_server_user_ids"])


def test_lists_are_cleaned(tmp_path: Path) -> None:
    for roles in (["a:Ow\u0000ner"], [" a:Owner ", ""], ["a:Owner", "a:Owner"], "a:Owner,"):
        (user,) = read_people(tmp_path, page(cloud_row(github_com_member_roles=roles)))
        assert isinstance(user, CloudUser)
        assert user.member_roles == ("a:Owner",)


def test_pages_together_in_an_array_or_one_after_the_other(tmp_path: Path) -> None:
    pages = [page(cloud_row("a"), cloud_row("b")), page(), page(cloud_row("c"))]
    files = [json.dumps(pages), "".join(map(json.dumps, pages)), "\n".join(map(json.dumps, pages)) + "\n"]
    for file in files:
        recognition = look(tmp_path, file)
        assert (recognition.rows, recognition.total_seats_consumed) == (3, 2)
        assert [person.login for person in read_people(tmp_path, file)] == ["a", "b", "c"]  # type: ignore[union-attr]
    assert [person.login for person in read_people(tmp_path, *pages)] == ["a", "b", "c"]  # type: ignore[union-attr]


def test_numbers_and_limits_count_through_all_pages(tmp_path: Path) -> None:
    first = page(cloud_row("a"), cloud_row("b"))
    with pytest.raises(ExpectedError) as error:
        read_people(tmp_path, first, page(cloud_row("c"), cloud_row("d", github_com_name=5)))
    assert "number 4 of the file can’t be read: its “name” is not text." in str(error.value)
    with pytest.raises(ExpectedError) as error:
        read_people(tmp_path, first, page(cloud_row("c")), max_accounts=2)
    assert error.value.problem is TOO_MANY_PEOPLE


def test_page_without_rows_and_odd_totals(tmp_path: Path) -> None:
    recognition = look(tmp_path, {"users": [], "total_seats_consumed": "many", "total_seats_purchased": -1})
    assert recognition.kind is FeedKind.CLOUD_LICENSES
    assert (recognition.rows, recognition.total_seats_consumed, recognition.total_seats_purchased) == (0, None, None)


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (cloud_row(github_com_user="perhaps"), "its “GitHub.com user” is neither true nor false"),
        (cloud_row(enterprise_server_user_ids=7), "its “server user ids” is not a list"),
        (cloud_row(enterprise_server_user_ids=[7]), "its “server user ids” is not text"),
        (cloud_row(github_com_verified_domain_emails={"a": 1}), "its “e-mails” is not a list"),
        ({"license_type": "Enterprise"}, "it has neither a login nor anything else that identifies a person"),
    ],
)
def test_wrong_value_names_the_row(tmp_path: Path, row: Any, detail: str) -> None:
    with pytest.raises(ExpectedError) as error:
        read_people(tmp_path, page(cloud_row(), row, cloud_row()))
    assert error.value.problem is WRONG_SHAPE
    assert f"number 2 of the file can’t be read: {detail}." in str(error.value)


def test_rows_without_a_usable_verified_address_are_counted(tmp_path: Path) -> None:
    report = ReadReport()
    rows = [["a@x.example", "nonsense"], ["nonsense"], []]
    people = read_people(
        tmp_path, page(*(cloud_row(github_com_verified_domain_emails=emails) for emails in rows)), report=report
    )
    assert [person.verified_emails for person in people] == [("a@x.example",), (), ()]  # type: ignore[union-attr]
    assert report.invalid_emails == 1


@pytest.mark.parametrize("users", ["QUJD", {"a": 1}, ["QUJD"]])
def test_cloud_list_that_is_no_list(tmp_path: Path, users: Any) -> None:
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, {"total_seats_consumed": 1, "users": users})
    assert error.value.problem is NOT_RECOGNISED


@pytest.mark.parametrize("spelling", [str, str.upper, str.title, lambda name: name.replace(" ", "_").lower()])
def test_report_with_any_heading(tmp_path: Path, spelling: Any) -> None:
    rows = [
        ["monalisa", "Mona Lisa", "true", "Enterprise", "h1:1, h2:2", "mona@h1.example,mona@h2.example", "worse",
         "mona@idp.example", "mona@x.example", "Owner, Member", "TRUE", "R&D"],
        ["", "", "False", "Enterprise", "h1:9", "only@h1.example", "", "", "", "", "", ""],
        ["", "", "false", "Visual Studio subscription", "", "", "", "", "", "", "true", ""],
    ]  # fmt: skip
    content = table([spelling(name) for name in NEW_HEADING], *rows)
    recognition = look(tmp_path, content)
    assert (recognition.kind, recognition.rows, recognition.total_seats_consumed) == (FeedKind.CLOUD_REPORT, 3, None)
    report = ReadReport()
    mona, only, subscriber = read_people(tmp_path, content, report=report)
    assert isinstance(mona, CloudUser)
    assert (mona.login, mona.server_user_ids) == ("monalisa", ("h1:1", "h2:2"))
    assert mona.server_emails == ("mona@h1.example", "mona@h2.example")
    assert (mona.saml_name_id, mona.verified_emails) == ("mona@idp.example", ("mona@x.example",))
    assert (mona.enterprise_roles, mona.visual_studio_user, mona.two_factor) == (("Owner", "Member"), True, None)
    assert only == ServerOnlyPerson(("h1:9",), ("only@h1.example",))
    assert isinstance(subscriber, CloudUser)
    assert (subscriber.login, subscriber.license_type) == ("", "Visual Studio subscription")
    assert report.ignored_keys == {spelling("Cost center"): 3}


def test_older_report_with_one_enterprise_role(tmp_path: Path) -> None:
    content = table(["github_com_login", "license_type", "github_com_enterprise_role"], ["mona", "enterprise", "owner"])
    (user,) = read_people(tmp_path, content)
    assert isinstance(user, CloudUser)
    assert user.enterprise_roles == ("owner",)


def test_report_that_ends_in_a_row(tmp_path: Path) -> None:
    content = table(NEW_HEADING, ["a"] * 12).replace("a", "a") + "b,c"
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, content)
    assert error.value.problem is TRUNCATED
    assert error.value.params == {"read": 1}
