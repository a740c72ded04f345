from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from licensesync.errors import TOO_LONG_VALUE, TOO_MANY_PEOPLE, WRONG_SHAPE, ExpectedError
from licensesync.feeds import FeedKind, ReadReport, ServerUserAccount

from .writing import SAMPLES, SPELLINGS, export, look, page, read_people, read_server, spell, user


def test_sample_with_everything(tmp_path: Path) -> None:
    content = (SAMPLES / "server_export.json").read_bytes()
    recognition = look(tmp_path, content)
    assert recognition.kind is FeedKind.SERVER_EXPORT
    assert (recognition.rows, recognition.users_encrypted) == (3, False)
    server = recognition.server
    assert server is not None
    assert server.server_id == "f1d0c0de-0000-4000-8000-00000000abcd"
    assert server.host == "ghe.octo.example"
    assert server.customer_name == "Octo Industries"
    assert server.version == "3.14.2"
    assert server.http_only is False
    assert server.license_hash == "9f86d081884c7d65"
    assert server.public_key.startswith("-----BEGIN PUBLIC KEY-----")
    assert server.features == {"license_usage_sync": "2024-01-15T10:00:00+00:00", "contributions": ""}
    assert server.dormancy_threshold_days == 90
    assert server.exported_at == datetime(2025, 6, 1, 12, 30, tzinfo=UTC)

    report = ReadReport()
    monalisa, hubot, admin = read_server(tmp_path, content, report=report)
    assert monalisa == ServerUserAccount(
        user_id=4,
        login="monalisa",
        name="Mona Lisa Octocat",
        email="mona@octo.example",
        other_emails=("mona.private@mail.example",),
        site_admin=False,
        suspended=False,
        dormant=None,
        two_factor=None,
        created_at=datetime(2013, 5, 8, 5, 6, 27, tzinfo=UTC),
        last_active_at=None,
    )
    assert (hubot.suspended, hubot.email, hubot.other_emails) == (True, "", ())
    assert (admin.site_admin, admin.name, admin.email) == (True, "", "root@octo.example")
    assert report.rows == 3
    assert report.ignored_keys == {"number_of_dormant_users": 1, "spoken_language": 2}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_spelling_reads_the_same(tmp_path: Path, spelling: Callable[[str], str]) -> None:
    content = export(
        user(7, emails=[{"email": "b@x.example", "primary": False}, {"email": "a@x.example", "primary": True}])
    )
    assert look(tmp_path, spell(content, spelling)) == look(tmp_path, content)
    assert read_server(tmp_path, spell(content, spelling)) == read_server(tmp_path, content)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("user_id", "id"),
        ("remote_user_id", "id"),
        ("profile_name", "name"),
        ("is_site_admin", "site_admin"),
        ("remote_created_at", "created_at"),
    ],
)
def test_other_documented_names_of_a_field(tmp_path: Path, theirs: str, ours: str) -> None:
    row = user(7, site_admin=True)
    renamed = {theirs if key == ours else key: value for key, value in row.items()}
    report = ReadReport()
    assert read_server(tmp_path, export(renamed), report=report) == read_server(tmp_path, export(row))
    assert report.ignored_keys == {}


def test_rows_with_different_keys_in_one_file(tmp_path: Path) -> None:
    first = user(1)
    second = {"remote_user_id": "2", "login": "hubot", "primary_email": "hubot@x.example", "suspended": True}
    one, two = read_server(tmp_path, export(first, second))
    assert (one.user_id, one.name, one.email, one.suspended) == (1, "User 1", "user1@example.com", False)
    assert (two.user_id, two.name, two.email, two.suspended) == (2, "", "hubot@x.example", True)
    assert (one.other_emails, two.other_emails) == ((), None)


@pytest.mark.parametrize("list_key", ["users", "user_accounts", "licensedUsers"])
def test_facts_may_stand_behind_the_list_or_in_a_group(tmp_path: Path, list_key: str) -> None:
    facts = {"server_id": "abc", "host_name": "h.example", "features": ["license_usage_sync", "search"]}
    behind = look(tmp_path, {list_key: [user(1)], **facts})
    grouped = look(tmp_path, {"instance": facts, list_key: [user(1)]})
    assert behind == grouped
    assert behind.server is not None
    assert (behind.server.server_id, behind.server.host, behind.rows) == ("abc", "h.example", 1)
    assert behind.server.features == {"license_usage_sync": "", "search": ""}


@pytest.mark.parametrize(
    "features",
    [
        {"search": "2024-01-15T10:00:00Z", "off": False},
        [{"name": "search", "enabled_at": "2024-01-15 10:00:00 UTC"}],
        [{"Name": "search", "createdAt": 1705312800}],
        [{"name": "search", "enabled": True, "enabled_at": 1705312800}, {"name": "off", "enabled": False}],
    ],
)
def test_features_in_any_form(tmp_path: Path, features: Any) -> None:
    server = look(tmp_path, export(features=features)).server
    assert server is not None
    assert server.features == {"search": "2024-01-15T10:00:00+00:00"}


@pytest.mark.parametrize("features", [{}, [], {"search": False}, [{"name": "search", "enabled": False}]])
def test_no_feature_is_on(tmp_path: Path, features: Any) -> None:
    server = look(tmp_path, export(features=features)).server
    assert server is not None
    assert server.features == {}


@pytest.mark.parametrize("features", [None, "search", 7, False, [7, None], [{"title": "search"}]])
def test_features_that_nobody_can_read_are_not_said_to_be_off(tmp_path: Path, features: Any) -> None:
    server = look(tmp_path, export(features=features)).server
    assert server is not None
    assert server.features is None


@pytest.mark.parametrize(
    "users", ["QUJD" * 1_000_000, {"iv": "AAAA", "data": 'a"\\' * 300_000}, None, ["QUJD", "REVG"], 7]
)
def test_encrypted_list_gives_the_facts_and_no_accounts(tmp_path: Path, users: Any) -> None:
    content = {"users": users} | export() | {"users": users, "dormancy_threshold_days": "30"}
    recognition = look(tmp_path, content)
    assert recognition.users_encrypted
    assert recognition.rows == 0
    assert recognition.server is not None
    assert recognition.server.host == "ghe.example.com"
    assert recognition.server.dormancy_threshold_days == 30
    assert read_server(tmp_path, content) == []


def test_no_list_at_all_counts_as_encrypted(tmp_path: Path) -> None:
    content = export()
    del content["users"]
    assert look(tmp_path, content).users_encrypted
    assert not look(tmp_path, export()).users_encrypted


@pytest.mark.parametrize(
    ("fields", "primary", "others"),
    [
        ({"emails": ["b@x.example", "a@x.example"]}, "b@x.example", ("a@x.example",)),
        ({"emails": [" b@x.example "]}, "b@x.example", ()),
        (
            {"emails": [{"address": "a@x.example"}, {"address": "b@x.example", "is_primary": True}]},
            "b@x.example",
            ("a@x.example",),
        ),
        ({"emails": [{"email": "a@x.example", "primary": "true"}, "b@x.example"]}, "a@x.example", ("b@x.example",)),
        ({"emails": ["a@x.example"], "email": "b@x.example"}, "b@x.example", ("a@x.example",)),
        (
            {"emails": ["a@x.example", "b@x.example", "a@x.example"], "primary_email": "a@x.example"},
            "a@x.example",
            ("b@x.example",),
        ),
        ({"emails": ["a@x.example", "no address", ""]}, "a@x.example", ()),
        ({"emails": [{"email": "a@x.example", "primary": True}], "email": "b@x.example"}, "a@x.example", ()),
        ({"emails": [{"email": "a@x.example", "primary": False}]}, "", ("a@x.example",)),
        ({"emails": [{"email": "a@x.example", "primary": "false"}, "b@x.example"]}, "b@x.example", ("a@x.example",)),
        (
            {"emails": [{"email": "a@x.example", "primary": False}], "email": "b@x.example"},
            "b@x.example",
            ("a@x.example",),
        ),
        ({"emails": [{"email": "a@x.example", "primary": None}]}, "a@x.example", ()),
        ({"emails": []}, "", ()),
        ({"emails": None}, "", None),
        ({"emails": None, "email": "a@x.example"}, "a@x.example", None),
    ],
)
def test_which_address_is_primary(tmp_path: Path, fields: Any, primary: str, others: Any) -> None:
    report = ReadReport()
    (before, account, after) = read_server(tmp_path, export(user(1), user(2, **fields), user(3)), report=report)
    assert (account.email, account.other_emails) == (primary, others)
    assert (before.email, after.email) == ("user1@example.com", "user3@example.com")
    assert report.invalid_emails == 0


@pytest.mark.parametrize(
    "email",
    ["nobody", "a@b@c", "@x.example", "a@", "a b@x.example",
     "a\u0000b@x.example", "a@x\n.example", "a@x@", "é" * 250 + "@x.example",
     "a\u200b@x.example", "a@x.example\nb@x.example"],
)  # fmt: skip
def test_invalid_address_keeps_the_account_without(tmp_path: Path, email: str) -> None:
    report = ReadReport()
    accounts = read_server(tmp_path, export(user(1), user(2, emails=[email, "other@x.example"])), report=report)
    assert [account.email for account in accounts] == ["user1@example.com", ""]
    assert accounts[1].other_emails == ("other@x.example",)
    assert report.invalid_emails == 1


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"id": None}, "its user id is missing"),
        ({"id": ""}, "its user id is missing"),
        ({"id": 2**63}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": 10**30}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": 0}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": -5}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": 1.5}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": True}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": "12a"}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"id": "٣"}, "its user id is not a whole number from 1 to 9223372036854775807"),
        ({"login": None}, "its login is missing"),
        ({"login": " "}, "its login is missing"),
        ({"login": 5}, "its “login” is not text"),
        ({"login": "mona\u202elisa"}, "its login has invisible characters"),
        ({"name": ["Mona"]}, "its “name” is not text"),
        ({"site_admin": "perhaps"}, "its “site admin” is neither true nor false"),
        ({"suspended": []}, "its “suspended” is neither true nor false"),
        ({"created_at": {}}, "its “creation time” is not a date or time"),
        ({"emails": "a@x.example"}, "its “e-mails” is not a list"),
        ({"emails": [["a@x.example"]]}, "its “e-mail” is not text"),
        ({"emails": ["a@x.example", 5]}, "its “e-mail” is not text"),
        ({"email": 5}, "its “e-mail” is not text"),
    ],
)  # fmt: skip
def test_wrong_value_names_the_account_and_the_field(tmp_path: Path, fields: Any, detail: str) -> None:
    content = export(user(1, emails=["a@x.example", "b@x.example"]), user(2), user(3, **fields), user(4))
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, content)
    assert error.value.problem is WRONG_SHAPE
    assert f"number 3 of the file can’t be read: {detail}." in str(error.value)


@pytest.mark.parametrize("row", [5, None, "x", [], {}, {"unknown": 1}])
def test_row_that_is_no_account(tmp_path: Path, row: Any) -> None:
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, export(user(1), row))
    assert error.value.problem is WRONG_SHAPE
    assert error.value.params["number"] == 2


@pytest.mark.parametrize("number", ["1e400", "9" * 5000])
def test_number_beyond_all_measure(tmp_path: Path, number: str) -> None:
    content = '{"server_id":"a","users":[{"id":1,"login":"a"},{"id":2,"login":"b","x":' + number + "}]}"
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, content)
    assert "number 2 of the file can’t be read: a number in it is too large." in str(error.value)


def test_largest_ids_and_ids_as_text(tmp_path: Path) -> None:
    accounts = read_server(tmp_path, export(user(2**63 - 1), user(2, id=" 9223372036854775807 "), user(3, id="17")))
    assert [account.user_id for account in accounts] == [2**63 - 1, 2**63 - 1, 17]


def test_ids_that_are_all_text_in_digits_of_another_script(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, export(user(1, id="1"), user(2, id="٣")))
    assert error.value.params["number"] == 2


def test_control_characters_of_a_name_are_removed(tmp_path: Path) -> None:
    (account,) = read_server(tmp_path, export(user(1, name="\u0000Mo\u0007na\u3000Lisa\n")))
    assert account.name == "Mona\u3000Lisa"


@pytest.mark.parametrize("field", ["login", "name"])
def test_too_long_text(tmp_path: Path, field: str) -> None:
    (account,) = read_server(tmp_path, export(user(1, **{field: "x" * 255})))
    assert len(getattr(account, field)) == 255
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, export(user(1, **{field: "x" * 256})))
    assert error.value.problem is TOO_LONG_VALUE
    assert error.value.params == {"limit": 255}


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2013-05-08 05:06:27 UTC", datetime(2013, 5, 8, 5, 6, 27, tzinfo=UTC)),
        ("2013-05-08T05:06:27Z", datetime(2013, 5, 8, 5, 6, 27, tzinfo=UTC)),
        ("2013-05-08T05:06:27.250+02:00", datetime(2013, 5, 8, 3, 6, 27, 250000, tzinfo=UTC)),
        ("2016/02/06 12:41:52 -0600", datetime(2016, 2, 6, 18, 41, 52, tzinfo=UTC)),
        ("2013-05-08", datetime(2013, 5, 8, tzinfo=UTC)),
        (1367989587, datetime(2013, 5, 8, 5, 6, 27, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("never", None),
        ("0001-01-01T00:00:00+12:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01 00:00:00 UTC", None),
        ("9999-12-31T23:59:59Z", None),
        (-62135596800, None),
        ("0002-01-01T00:00:00Z", datetime(2, 1, 1, tzinfo=UTC)),
        (10**18, None),
    ],
)
def test_times(tmp_path: Path, written: Any, moment: datetime | None) -> None:
    accounts = read_server(tmp_path, export(user(1), user(2, created_at=written)))
    assert accounts[1].created_at == moment
    assert accounts[0].created_at == datetime(2013, 5, 8, 5, 6, 27, tzinfo=UTC)


def test_suspended_as_flag_or_as_time(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"suspended": True},
        {"suspended": "True"},
        {"suspended_at": "2020-01-01T00:00:00Z"},
        {"suspended": False},
        {},
    ]
    accounts = read_server(tmp_path, export(*(user(number, **row) for number, row in enumerate(rows, start=1))))
    assert [account.suspended for account in accounts] == [True, True, True, False, False]


def test_batches_and_the_limit_of_accounts(tmp_path: Path) -> None:
    content = export(*map(user, range(1, 8)))
    report = ReadReport()
    assert len(read_server(tmp_path, content, report=report, max_accounts=7, batch_size=3)) == report.rows == 7
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, content, max_accounts=6, batch_size=3)
    assert error.value.problem is TOO_MANY_PEOPLE
    assert error.value.params == {"limit": 6}


def test_names_of_ignored_keys_are_bounded(tmp_path: Path) -> None:
    report = ReadReport()
    read_server(
        tmp_path,
        export(user(1, **{f"key{n}" * 100: n for n in range(300)}), user(2, **{"key0" * 100: 1})),
        report=report,
    )
    assert len(report.ignored_keys) == 50
    assert report.ignored_keys["key0" * 25] == 2


def test_last_one_of_repeated_keys_counts(tmp_path: Path) -> None:
    (account,) = read_server(tmp_path, '{"server_id":"a","users":[{"id":1,"id":2,"login":"a","login":"b"}]}')
    assert (account.user_id, account.login) == (2, "b")


def test_cloud_and_server_readers_refuse_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no accounts of a server"):
        read_server(tmp_path, page())
    with pytest.raises(ValueError, match="not every file is a cloud list"):
        read_people(tmp_path, export())
