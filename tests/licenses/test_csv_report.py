"""The CSV report: GitHub's columns, nothing that a spreadsheet runs, and readable for our own reader of GitHub's."""

import csv
import io
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensesync import feeds
from licensesync.errors import OUR_REPORT, ExpectedError
from licensesync.licenses import report as shapes
from licensesync.licenses.csv_report import COLUMNS, GITHUB_COLUMNS, OUR_COLUMNS, csv_line, csv_report, for_excel, safe
from licensesync.licenses.queries import hosts_of, license_rows, licenses
from tests.flows import lists
from tests.flows.lists import account, cloud_list, cloud_user, import_one, new_enterprise, server_export

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "ROWS_AT_ONCE", 2)


def rows(pieces: Iterator[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(pieces), newline="")))


def test_githubs_columns_first_and_the_same_facts_as_the_rest_list(tmp_path: Path) -> None:
    enterprise = new_enterprise()
    import_one(
        enterprise,
        cloud_list(
            [
                cloud_user(
                    "ana",
                    "ana@octo.example",
                    "a@octo.example",
                    github_com_saml_name_id="E1",
                    github_com_profile="https://github.com/ana",
                    github_com_member_roles=["octo:Owner", "labs:Member"],
                    github_com_orgs_with_pending_invites=["data"],
                    github_com_two_factor_auth=False,
                ),
                cloud_user(
                    "vera",
                    license_type="Visual Studio subscription",
                    visual_studio_subscription_user=True,
                    visual_studio_license_status="Matched to Cloud",
                    visual_studio_subscription_email="vera@octo.example",
                    github_com_two_factor_auth=None,
                ),
            ]
        ),
    )
    import_one(enterprise, server_export([account(7, "ana@octo.example"), account(8, name="Bo, “B.”")]))

    report = rows(csv_report(licenses(enterprise), hosts_of(enterprise)))

    assert tuple(report[0]) == COLUMNS == GITHUB_COLUMNS + OUR_COLUMNS
    ana, vera, bo = sorted(report, key=lambda row: row["GitHub com login"] or "z")
    assert ana["GitHub com login"] == "ana"
    assert ana["Enterprise server user ids"] == "ghes.example:7"
    assert ana["GitHub com member roles"] == "octo:Owner, labs:Member"
    assert ana["GitHub com verified domain emails"] == "ana@octo.example, a@octo.example"
    assert (ana["Where"], ana["Matched by"], ana["Two factor off"]) == ("cloud and server", "verified_email", "true")
    assert (vera["License type"], vera["GitHub com two factor auth"]) == ("Visual Studio subscription", "")
    assert (bo["GitHub com user"], bo["Person"], bo["Total user accounts"]) == ("false", "Bo, “B.”", "1")
    assert bo["Since or before"] == "true"
    assert [each["Enterprise server logins"] for each in (ana, vera, bo)] == ["user-7", "", "user-8"]
    for row, of_rest in zip(report, license_rows(enterprise), strict=True):
        for column, value in zip(GITHUB_COLUMNS, (row[name] for name in GITHUB_COLUMNS), strict=True):
            name = {"GitHub com saml name": "github_com_saml_name_id"}.get(column, column.lower().replace(" ", "_"))
            expected = of_rest[name]  # type: ignore[literal-required]
            text = ", ".join(expected) if isinstance(expected, list) else "" if expected is None else str(expected)
            assert value == (text.lower() if isinstance(expected, bool) else text), column

    file = tmp_path / "report.csv"
    file.write_text("".join(csv_report(licenses(enterprise), hosts_of(enterprise), marked=True)), newline="")
    with pytest.raises(ExpectedError) as error:  # GitHub's list would be what we made of it
        feeds.recognise(file, max_unpacked_bytes=10_000_000)
    assert error.value.problem is OUR_REPORT
    with file.open("w", newline="") as github:
        writer = csv.DictWriter(github, GITHUB_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(report)
    found, read = feeds.recognise(file, max_unpacked_bytes=10_000_000), feeds.ReadReport()
    assert found.kind is feeds.FeedKind.CLOUD_REPORT
    people = list(chain(*feeds.read_cloud([file], [found], read, max_unpacked_bytes=10_000_000, max_accounts=9)))
    assert {getattr(person, "login", None) for person in people} == {"ana", "vera", None}
    assert not read.ignored_keys


@pytest.mark.parametrize("begin", ["=", "+", "-", "＝"])
def test_what_begins_like_a_formula_is_text(begin: str) -> None:
    enterprise = new_enterprise()
    evil = f'{begin}HYPERLINK("https://evil.example")'
    import_one(enterprise, cloud_list([cloud_user(evil, github_com_name=evil, github_com_profile=evil)]))
    import_one(enterprise, server_export([account(1, f"{begin}x@octo.example", login=evil, name=evil)]))

    report = rows(csv_report(licenses(enterprise), hosts_of(enterprise)))

    assert report[0]["GitHub com login"] == report[0]["GitHub com name"] == report[0]["Person"] == f"'{evil}"
    assert report[0]["GitHub com profile"] == f"'{evil}"
    assert report[1]["Enterprise server primary emails"] == f"'{begin}x@octo.example"
    assert not [cell for row in report for cell in row.values() if cell.startswith(begin)]


def test_a_formula_does_not_begin_behind_a_semicolon_either() -> None:
    """Excel splits the line there, quotes or not, where the decimal sign is a comma."""
    enterprise = new_enterprise()
    import_one(enterprise, cloud_list([cloud_user("ana", github_com_name='Ana; =1+1;-2;+3 ;x=4;"=5; " =6; a')]))
    [row] = rows(csv_report(licenses(enterprise), hosts_of(enterprise)))
    assert row["GitHub com name"] == row["Person"] == "Ana;' =1+1;'-2;'+3 ;x=4;'\"=5;' \" =6; a"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_every_text_survives(cells: list[str]) -> None:
    [read] = csv.reader(io.StringIO(csv_line(cells), newline=""), strict=True)
    assert read == cells
    assert [safe(cell).replace("'", "") for cell in cells] == [cell.replace("'", "") for cell in cells]


def test_a_count_that_lands_meanwhile_changes_nothing() -> None:
    enterprise = new_enterprise()
    import_one(enterprise, server_export(account(number, f"{number}@octo.example") for number in range(1, 7)))
    before = list(csv_report(licenses(enterprise), hosts_of(enterprise)))

    pieces = csv_report(licenses(enterprise), hosts_of(enterprise))
    begun = [next(pieces), next(pieces)]
    changed = [account(number, f"new-{number}@octo.example") for number in range(3, 9)]
    import_one(enterprise, server_export(changed), accept_shrink=True)

    assert begun + list(pieces) == before
    after = rows(csv_report(licenses(enterprise), hosts_of(enterprise)))
    assert len(after) == len(lists.people(enterprise)) == 6
    assert [int(row["License number"]) for row in after] == sorted(int(row["License number"]) for row in after)


def test_for_excel_values_stay_as_they_are() -> None:
    """However long, and whatever is in them: only what separates them is another sign."""
    rows = [
        ("a,b", 'say ""quotes"", "," and ";"', "two\r\nlines\tand a tab"),
        ("", '"', ","),
        ("x" * 200_000, "=1", "é"),
    ]
    mark, *pieces = for_excel([csv_line(row) for row in rows])
    assert mark == "\ufeff"
    limit = csv.field_size_limit(1_000_000)
    try:
        read = [tuple(row) for row in csv.reader(io.StringIO("".join(pieces), newline=""), delimiter="\t", strict=True)]
    finally:
        csv.field_size_limit(limit)
    assert read == rows
