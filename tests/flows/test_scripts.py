"""`import_usage` and `consumed_licenses` give what the page shows, and say in a sentence what is wrong."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from licensesync.enterprises.models import Enterprise
from licensesync.flows.forget import forget_old
from licensesync.licenses.queries import current_count
from tests.flows.lists import account, cloud_list, cloud_user, new_enterprise, report, server_export

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def enterprise() -> Enterprise:
    return new_enterprise(enterprise_licenses=3, visual_studio_licenses=1)


def run(command: str, *words: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *map(str, words), stdout=out, **options)
    return out.getvalue()


def write(directory: Path, name: str, content: bytes) -> Path:
    path = directory / name
    path.write_bytes(content)
    return path


def test_a_line_per_file(enterprise: Enterprise, tmp_path: Path) -> None:
    users = [account(1, "ana@octo.example", shoe_size=42), account(2, "bob@octo.example", suspended=True)]
    export = write(tmp_path, "export.json", server_export(users, host="ghes.octo.example"))
    cloud = write(tmp_path, "cloud.json", cloud_list([cloud_user("ana", "ana@octo.example"), cloud_user("cem")]))
    lines = [json.loads(line) for line in run("import_usage", enterprise.slug, export, cloud).splitlines()]
    for line in lines:
        assert line.pop("seconds") > 0
    assert lines == [
        {
            "file": "export.json",
            "source": "ghes.octo.example",
            "state": "SUCCESS",
            "accounts_read": 2,
            "added": 2,
            "changed": 0,
            "removed": 0,
            "licenses": 1,
            "invalid_emails": 0,
            "ignored_keys": {"shoe_size": 1},
            "looks_like": None,
            "problem": None,
        },
        {
            "file": "cloud.json",
            "source": "GitHub Enterprise Cloud",
            "state": "SUCCESS",
            "accounts_read": 2,
            "added": 2,
            "changed": 0,
            "removed": 0,
            "licenses": 2,
            "invalid_emails": 0,
            "ignored_keys": {},
            "looks_like": None,
            "problem": None,
        },
    ]


def test_a_mistyped_name_is_told_by_the_accounts(enterprise: Enterprise, tmp_path: Path) -> None:
    users = [(number, f"p{number}@octo.example") for number in range(1, 13)]
    told = []
    for host, accounts in (
        ("ghes.octo.example", users),
        ("apac.octo.example", [(number + 100, email) for number, email in users]),  # other people, or another server
        ("gehs.octo.example", [*users[:10], (99, "new@octo.example")]),
    ):
        file = write(tmp_path, "all_users.csv", report(accounts))
        told.append(json.loads(run("import_usage", enterprise.slug, file, server=host))["looks_like"])
    assert told == [None, None, "ghes.octo.example"]


def test_a_report_under_the_name_of_another_server_is_refused(enterprise: Enterprise, tmp_path: Path) -> None:
    """User ids start at 1 on every server, so nobody seems to be gone."""
    head = "id,login,email,suspended?"
    for name, options in (("ana", {}), ("bob", {}), ("bob", {"accept_shrink": True})):
        lines = [f"{number},{name}-{number},{name}-{number}@octo.example,false" for number in range(1, 21)]
        file = write(tmp_path, f"{name}.csv", "\n".join([head, *lines]).encode())
        if name == "bob" and not options:
            with pytest.raises(CommandError, match=r"another login .* --accept-shrink confirms"):
                run("import_usage", enterprise.slug, file, server="ghes.octo.example")
        else:
            line = json.loads(run("import_usage", enterprise.slug, file, server="ghes.octo.example", **options))
            assert (line["added"], line["changed"]) == ((20, 0) if name == "ana" else (0, 20))


def test_a_file_that_is_there_already_adds_nothing(enterprise: Enterprise, tmp_path: Path) -> None:
    users = [account(1, "ana@octo.example"), account(2, "bob@octo.example")]
    export = write(tmp_path, "export.json", server_export(users, host="ghes.octo.example"))
    first, again = (json.loads(run("import_usage", enterprise.slug, export)) for _time in range(2))
    figures = ("state", "accounts_read", "added", "changed", "removed", "licenses", "problem")
    assert [first[name] for name in figures] == ["SUCCESS", 2, 2, 0, 0, 2, None]
    assert [again[name] for name in figures] == ["SUCCESS", 2, 0, 0, 0, 2, None]
    more = write(tmp_path, "more.json", server_export([account(9, "zoe@octo.example")], host="more.octo.example"))
    run("import_usage", enterprise.slug, more)
    assert json.loads(run("import_usage", enterprise.slug, export))["licenses"] == 3, "as many as there are now"


def test_all_licenses_in_the_shape_of_github(enterprise: Enterprise, tmp_path: Path) -> None:
    write(tmp_path, "a", server_export([account(7, "ana@octo.example", name="Ana S.")], host="ghes.octo.example"))
    write(tmp_path, "b", report([(1, "ana@octo.example"), (2, "=cmd@octo.example"), (3, "zoe@octo.example")]))
    write(tmp_path, "c", cloud_list([cloud_user("ana", "ana@octo.example"), cloud_user("cem", two_factor=None)]))
    run("import_usage", enterprise.slug, tmp_path / "a", tmp_path / "c")
    run("import_usage", enterprise.slug, tmp_path / "b", server="two.octo.example")

    answer = json.loads(run("consumed_licenses", enterprise.slug))
    assert (answer["total_seats_consumed"], answer["total_seats_purchased"]) == (4, 4)
    by_ids = {tuple(user["enterprise_server_user_ids"]): user for user in answer["users"]}
    ana = by_ids[("ghes.octo.example:7", "two.octo.example:1")]
    assert ana["github_com_login"] == "ana"
    assert ana["github_com_name"] == "Ana"
    assert ana["total_user_accounts"] == 3
    assert ana["enterprise_server_emails"] == ana["enterprise_server_primary_emails"] == ["ana@octo.example"]
    zoe = by_ids[("two.octo.example:3",)]
    assert zoe["github_com_login"] == zoe["github_com_name"] == zoe["github_com_saml_name_id"] == ""
    assert zoe["github_com_user"] is False
    assert zoe["github_com_two_factor_auth"] is None

    rows = list(csv.DictReader(io.StringIO(run("consumed_licenses", enterprise.slug, format="csv"))))
    assert len(rows) == current_count(Enterprise.objects.get(pk=enterprise.pk)).consumed  # type: ignore[union-attr]
    assert {row["GitHub com login"] for row in rows} == {"ana", "cem", ""}
    assert "'=cmd@octo.example" in {row["Enterprise server primary emails"] for row in rows}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_half_a_list_does_not_look_whole(enterprise: Enterprise, tmp_path: Path, settings: Any, form: str) -> None:
    run("import_usage", enterprise.slug, write(tmp_path, "a", server_export([account(1), account(2)])))

    class Slow(io.StringIO):
        """While the first piece is written, others are counted and what was before is forgotten."""

        def write(self, piece: str) -> int:
            if not settings.SUPERSEDED_SECONDS:
                return super().write(piece)
            settings.SUPERSEDED_SECONDS = 0
            run("import_usage", enterprise.slug, write(tmp_path, "b", server_export([account(1), account(3)])))
            forget_old()
            return super().write(piece)

    with pytest.raises(CommandError, match="What was printed is not whole"):
        call_command("consumed_licenses", enterprise.slug, format=form, stdout=Slow())


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (b"", {}, "The file is empty"),
        (b"<!DOCTYPE html><html><title>Sign in</title></html>", {}, "is a web page"),
        (report([(1, "a@octo.example")]), {}, "--server HOST"),
        (cloud_list([cloud_user("ana")], total=5), {}, "it holds 1 of 5 consumed licenses (4 missing)"),
        (server_export([account(1), account(1)]), {}, "User id 1 appears more than once"),
        (b'{"server_id": "x", "host_name": "ghes.example", "users": "c2VjcmV0"}', {}, "is encrypted"),
    ],
)
def test_a_file_that_is_refused(
    enterprise: Enterprise, tmp_path: Path, content: bytes, options: dict[str, Any], sentence: str
) -> None:
    file = write(tmp_path, "file", content)
    with pytest.raises(CommandError, match="file: ") as refused:
        run("import_usage", enterprise.slug, file, **options)
    assert sentence in str(refused.value)


def test_a_list_that_says_it_is_of_another_server(enterprise: Enterprise, tmp_path: Path) -> None:
    file = write(tmp_path, "a", server_export([account(1)], host="ghes.example"))
    with pytest.raises(CommandError, match=r"a list of ghes\.example, but it was delivered as one of typo\.example"):
        run("import_usage", enterprise.slug, file, server="typo.example")
    assert not enterprise.deployments.exists()
    run("import_usage", enterprise.slug, file, server="https://GHES.example/")
    with pytest.raises(CommandError, match=r"delivered as one of typo\.example"):
        run("import_usage", enterprise.slug, file, server="typo.example")
    assert not enterprise.deployments.filter(host="typo.example").exists()


def test_whoever_names_an_instance_settles_which_one_it_is(enterprise: Enterprise, tmp_path: Path) -> None:
    run("import_usage", enterprise.slug, write(tmp_path, "a", server_export([account(1)], host="ghes.example")))
    copy = write(tmp_path, "b", server_export([account(1), account(2)], host="ghes.example", server_id="another"))
    with pytest.raises(CommandError, match="--server HOST"):
        run("import_usage", enterprise.slug, copy)
    assert json.loads(run("import_usage", enterprise.slug, copy, server="staging.example"))["state"] == "SUCCESS"
    renamed = write(tmp_path, "c", server_export([account(3)], host="new.example", server_id="id-of-ghes.example"))
    assert json.loads(run("import_usage", enterprise.slug, renamed, server="ghes.example"))["state"] == "SUCCESS"


def test_a_list_of_a_renamed_server_is_not_put_over_another(enterprise: Enterprise, tmp_path: Path) -> None:
    run("import_usage", enterprise.slug, write(tmp_path, "a", server_export([account(1)], host="ghes.example")))
    run("import_usage", enterprise.slug, write(tmp_path, "b", report([(7, "")])), server="two.example")
    renamed = write(tmp_path, "c", server_export([account(1)], host="new.example", server_id="id-of-ghes.example"))
    with pytest.raises(CommandError, match=r"delivered as one of two\.example"):
        run("import_usage", enterprise.slug, renamed, server="two.example")
    nameless = write(tmp_path, "d", server_export([account(1)], host="", server_id="id-of-ghes.example"))
    with pytest.raises(CommandError, match="delivered as one of"):
        run("import_usage", enterprise.slug, nameless, server="two.example")
    assert json.loads(run("import_usage", enterprise.slug, renamed, server="ghes.example"))["state"] == "SUCCESS"


def test_nobody_is_asked_so_an_older_file_needs_the_option(enterprise: Enterprise, tmp_path: Path) -> None:
    new = write(tmp_path, "new", server_export([account(1)], exported_at="2026-02-24T00:00:00Z"))
    old = write(tmp_path, "old", server_export([account(2)], exported_at="2026-01-08T00:00:00Z"))
    run("import_usage", enterprise.slug, new)
    with pytest.raises(CommandError, match="--accept-older"):
        run("import_usage", enterprise.slug, old)
    assert json.loads(run("import_usage", enterprise.slug, old, accept_older=True))["state"] == "SUCCESS"


def test_a_list_that_removes_many_needs_the_option(enterprise: Enterprise, tmp_path: Path) -> None:
    run("import_usage", enterprise.slug, write(tmp_path, "many", server_export(map(account, range(1, 51)))))
    few = write(tmp_path, "few", server_export(map(account, range(1, 31))))
    with pytest.raises(CommandError, match="would remove 20 of 50 accounts"):
        run("import_usage", enterprise.slug.upper(), few)
    assert json.loads(run("import_usage", enterprise.slug, few, accept_shrink=True))["removed"] == 20


def test_tables_of_a_newer_version_are_left_alone(enterprise: Enterprise, tmp_path: Path) -> None:
    """As of a machine that was not upgraded with the others."""
    recorder = MigrationRecorder(connection)
    recorder.record_applied("licenses", "9999_to_come")
    try:
        for command in (("consumed_licenses", enterprise.slug), ("import_usage", enterprise.slug, tmp_path)):
            with pytest.raises(CommandError, match=r"of a newer version \(which has licenses 9999_to_come"):
                run(*command)
    finally:
        recorder.record_unapplied("licenses", "9999_to_come")


def test_what_is_not_there(enterprise: Enterprise, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no enterprise nobody"):
        run("import_usage", "nobody", tmp_path)
    with pytest.raises(CommandError, match="There is no such file"):
        run("import_usage", enterprise.slug, tmp_path / "nothing")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for other in (tmp_path, pipe):
        with pytest.raises(CommandError, match=f"Not a regular file: {other}. Give the file itself"):
            run("import_usage", enterprise.slug, other)
    with pytest.raises(CommandError, match="can’t be a host name"):
        run("import_usage", enterprise.slug, write(tmp_path, "a", report([])), server="not a host")
