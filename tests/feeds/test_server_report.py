from datetime import UTC, datetime
from pathlib import Path

import pytest

from licensesync.errors import NOT_RECOGNISED, TOO_LONG_VALUE, TRUNCATED, WRONG_SHAPE, ExpectedError
from licensesync.feeds import FeedKind, ReadReport, ServerFacts, ServerUserAccount
from licensesync.feeds.tables import Table

from .writing import REPORT_HEADING, SAMPLES, look, read_server, table

ROW = "2013-05-08 05:06:27 UTC,4,monalisa,mona@x.example,user,false,10.0.0.7,3,1,2,false,,monalisa,true"


def test_sample_with_everything(tmp_path: Path) -> None:
    content = (SAMPLES / "all_users.csv").read_bytes()
    recognition = look(tmp_path, content)
    assert (recognition.kind, recognition.rows, recognition.server) == (FeedKind.SERVER_REPORT, 3, ServerFacts())

    report = ReadReport()
    monalisa, hubot, root = read_server(tmp_path, content, report=report)
    assert monalisa == ServerUserAccount(
        user_id=4,
        login="monalisa",
        name="",
        email="mona@octo.example",
        other_emails=None,
        site_admin=False,
        suspended=False,
        dormant=False,
        two_factor=True,
        created_at=datetime(2013, 5, 8, 5, 6, 27, tzinfo=UTC),
        last_active_at=datetime(2025, 5, 30, 8, 0, tzinfo=UTC),
    )
    assert (hubot.suspended, hubot.dormant, hubot.email, hubot.two_factor) == (True, True, "", None)
    assert (root.site_admin, root.last_active_at) == (True, None)
    assert (report.rows, report.invalid_emails, report.ignored_keys) == (3, 1, {})


def test_the_address_of_the_last_login_is_never_read(tmp_path: Path) -> None:
    (account,) = read_server(tmp_path, f"{REPORT_HEADING}\n{ROW}\n")
    assert "10.0.0.7" not in repr(account)
    assert account.login == "monalisa"


@pytest.mark.parametrize(
    "heading",
    [REPORT_HEADING.upper(), REPORT_HEADING.replace("_", " ").replace("?", ""), REPORT_HEADING.replace("_", "-")],
)
def test_any_spelling_of_the_heading(tmp_path: Path, heading: str) -> None:
    assert read_server(tmp_path, f"{heading}\n{ROW}\n") == read_server(tmp_path, f"{REPORT_HEADING}\n{ROW}\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_as_spreadsheets_save_it(tmp_path: Path, delimiter: str, line_end: str) -> None:
    rows = [REPORT_HEADING.split(","), ROW.split(","), [""] * 14]
    content = table(*rows, delimiter=delimiter, line_end=line_end) + line_end
    assert read_server(tmp_path, content) == read_server(tmp_path, f"{REPORT_HEADING}\n{ROW}")


def test_quotation_marks_commas_and_line_ends_inside_of_a_value(tmp_path: Path) -> None:
    report = ReadReport()
    content = table(
        ["id", "login", "email", "suspended?", "note"],
        [1, "a", "a@x.example", "true", 'say ""hi"",\nyou'],
        [2, "b", "", "", ""],
    )
    first, second = read_server(tmp_path, content, report=report)
    assert (first.login, first.suspended, second.login, second.suspended) == ("a", True, "b", False)
    assert report.ignored_keys == {"note": 2}


def test_only_a_heading(tmp_path: Path) -> None:
    assert look(tmp_path, f"{REPORT_HEADING}\n").rows == 0
    assert read_server(tmp_path, f"{REPORT_HEADING}\n") == []
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, REPORT_HEADING.removesuffix(",2fa_enabled?"))
    assert error.value.problem is TRUNCATED


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (ROW.replace(",4,", ",four,"), "its user id is not a whole number from 1 to 9223372036854775807"),
        (
            ROW.replace(",4,", ",9223372036854775808,"),
            "its user id is not a whole number from 1 to 9223372036854775807",
        ),
        (ROW.replace(",monalisa,mona@", ",,mona@"), "its login is missing"),
        (ROW.replace("user,false", "user,maybe"), "its “suspended” is neither true nor false"),
        (ROW + ",more", "it has 15 columns instead of 14"),
        (ROW.removesuffix(",true"), "it has 13 columns instead of 14"),
        (ROW + 'x"y', None),
        ('"a"b,' + ROW, "its quotation marks or line ends are not those of CSV"),
        (ROW.replace("mona@", "a\rb@"), "its quotation marks or line ends are not those of CSV"),
    ],
)
def test_wrong_row_names_the_account(tmp_path: Path, row: str, detail: str | None) -> None:
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, f"{REPORT_HEADING}\n{ROW}\n{row}\n{ROW}\n")
    assert error.value.problem is WRONG_SHAPE
    assert error.value.params["number"] == 2
    assert (detail or "") in str(error.value)


@pytest.mark.parametrize("end", [30, len(ROW) - 6])
def test_end_in_the_middle_of_a_row(tmp_path: Path, end: int) -> None:
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, f"{REPORT_HEADING}\n{ROW}\n{ROW[:end]}")
    assert error.value.problem is TRUNCATED
    assert error.value.params == {"read": 1}


def test_end_inside_of_quotation_marks(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError) as error:
        read_server(tmp_path, f'{REPORT_HEADING}\n{ROW}\n{ROW}\n"2013')
    assert error.value.problem is TRUNCATED
    assert error.value.params == {"read": 2}


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (f"{REPORT_HEADING}\n{'x' * 200_000},{ROW}", 131_072),  # one value
        (f"{REPORT_HEADING}\n" + '"x\n",' * 300_000, 1_048_576),  # one row of many lines
        ("x" * 3_000_000, 1_048_576),  # one line
        (f"{REPORT_HEADING}\n" + "," * 3_000_000, 1_048_576),
    ],
)
def test_endless_values_rows_and_lines(tmp_path: Path, content: str, limit: int) -> None:
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, content)
    assert error.value.problem is TOO_LONG_VALUE
    assert error.value.params == {"limit": limit}


@pytest.mark.parametrize(
    "heading",
    [
        "id,login,email",
        "name,mail",
        '"id"x,login',
        ",".join(["id", "login", "email", "suspended?", *map(str, range(1000))]),
    ],
)
def test_other_tables(tmp_path: Path, heading: str) -> None:
    with pytest.raises(ExpectedError) as error:
        look(tmp_path, f"{heading}\n1,2,3\n")
    assert error.value.problem is NOT_RECOGNISED


def test_an_endless_line_is_not_collected() -> None:
    pieces = iter(["x" * 1000] * 2000)
    with pytest.raises(ExpectedError) as error:
        Table(pieces)
    assert error.value.problem is TOO_LONG_VALUE
    assert len(list(pieces)) > 900
