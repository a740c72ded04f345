"""The example enterprise: repeatable, complete, and in the formats that the feeds read."""

import csv
import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from licensesync import demo, feeds
from licensesync.demo.groups import APAC, EMEA, GROUPS, OVER_THE_LIMIT, SCIM_ADMIN
from licensesync.demo.people import people
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Enterprise
from licensesync.flows.import_files import import_files
from licensesync.licenses.queries import current_count
from licensesync.syncing.models import JobState

TODAY = datetime(2026, 3, 3, 14, 30, tzinfo=UTC)
UNPACKED = 100_000_000
VERIFIED_DOMAINS = ("@octo.example", "@apac.octo.example")


class Contents(NamedTuple):
    """What stands in the three files, read without the product."""

    files: demo.DemoFiles
    pages: list[dict[str, Any]]
    emea: dict[str, Any]
    apac: list[dict[str, str]]

    @property
    def cloud(self) -> list[dict[str, Any]]:
        return [row for page in self.pages for row in page["users"]]

    @property
    def accounts(self) -> list[dict[str, Any]]:
        return list(self.emea["users"])

    def emea_primary(self) -> set[str]:
        return {email["email"] for user in self.accounts for email in user["emails"] if email["primary"]}


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    files = demo.write_demo_files(tmp_path_factory.mktemp("demo"), today=TODAY)
    return Contents(
        files=files,
        pages=json.loads(files.cloud_licenses.read_bytes()),
        emea=json.loads(files.server_export.read_bytes()),
        apac=list(csv.DictReader(files.server_report.open(encoding="utf-8", newline=""))),
    )


def test_the_same_day_gives_the_same_bytes(contents: Contents, tmp_path: Path) -> None:
    again = demo.write_demo_files(tmp_path, today=TODAY)

    assert again.cloud_licenses.read_bytes() == contents.files.cloud_licenses.read_bytes()
    assert again.server_export.read_bytes() == contents.files.server_export.read_bytes()
    assert again.server_report.read_bytes() == contents.files.server_report.read_bytes()


def test_people_are_different_and_can_be_written_to() -> None:
    everybody = people(1, 4_000, including=["Ana Beatriz Carvalho"])

    assert everybody == people(1, 4_000, including=["Ana Beatriz Carvalho"])
    assert everybody != people(2, 4_000, including=["Ana Beatriz Carvalho"])
    assert everybody[0] == ("Ana Beatriz Carvalho", "abcarvalho", "ana.carvalho")
    for unique in zip(*everybody, strict=True):
        assert len(set(unique)) == 4_000
    assert all((person.login + person.mailbox).isascii() for person in everybody)
    assert sum(not person.name.isascii() for person in everybody) > 1_000


def test_there_are_only_so_many_names() -> None:
    with pytest.raises(ValueError, match="There are names for"):
        people(1, 1_000_000)


def test_the_enterprise_is_a_few_licenses_over_its_limit(contents: Contents) -> None:
    files, expected = contents.files, contents.files.expected

    assert 1_900 <= sum(group.size for group in GROUPS) <= 2_200
    assert expected.consumed == (
        expected.cloud_only + expected.cloud_and_server + expected.server_only + expected.visual_studio
    )
    assert expected.consumed - files.enterprise_licenses - files.visual_studio_licenses == OVER_THE_LIMIT


def test_the_cloud_list_has_the_shape_of_the_rest_api(contents: Contents) -> None:
    *full, last = contents.pages

    assert all(len(page["users"]) == 100 for page in full)
    assert 0 < len(last["users"]) <= 100
    assert {page["total_seats_consumed"] for page in contents.pages} == {
        sum(not _is_unlinked_subscriber(row) for row in contents.cloud)
    }
    assert {page["total_seats_purchased"] for page in contents.pages} == {2_000}
    assert all(row["total_user_accounts"] > 0 for row in contents.cloud if row["github_com_login"])


def test_the_server_files_say_where_they_are_from_as_far_as_they_can(contents: Contents) -> None:
    assert contents.emea["host_name"] == EMEA
    assert contents.emea["exported_at"] == "2026-03-03T14:30:00Z"
    assert contents.files.report_host == APAC
    assert ",".join(contents.apac[0]) == (
        "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,dormant?,last_active,"
        "raw_login,2fa_enabled?"
    )


def test_the_feeds_read_every_file_without_a_complaint(contents: Contents) -> None:
    files, report = contents.files, feeds.ReadReport()
    export, server_report, licenses = (
        feeds.recognise(path, max_unpacked_bytes=UNPACKED)
        for path in (files.server_export, files.server_report, files.cloud_licenses)
    )

    assert export.server is not None
    assert (export.kind, export.server.host, export.server.exported_at) == (feeds.FeedKind.SERVER_EXPORT, EMEA, TODAY)
    assert server_report.kind is feeds.FeedKind.SERVER_REPORT
    assert licenses.kind is feeds.FeedKind.CLOUD_LICENSES
    assert licenses.total_seats_consumed == contents.pages[0]["total_seats_consumed"]
    limits = {"max_unpacked_bytes": UNPACKED, "max_accounts": 5_000}
    for path, recognition, rows in (
        (files.server_export, export, contents.accounts),
        (files.server_report, server_report, contents.apac),
    ):
        accounts = list(chain(*feeds.read_server_accounts(path, recognition, report, **limits)))
        assert [account.login for account in accounts] == [row["login"] for row in rows]
    people_of_cloud = list(chain(*feeds.read_cloud([files.cloud_licenses], [licenses], report, **limits)))
    assert len(people_of_cloud) == len(contents.cloud)
    assert (report.ignored_keys, report.invalid_emails) == ({}, 0)


@pytest.mark.django_db(transaction=True)
def test_the_product_counts_what_the_table_says(contents: Contents) -> None:
    files = contents.files
    enterprise = Enterprise.objects.create(slug=demo.SLUG, name=demo.NAME)
    server = deployments.server_named(enterprise, files.report_host)

    imported = [
        *import_files(enterprise=enterprise, paths=[files.cloud_licenses, files.server_export]),
        *import_files(enterprise=enterprise, paths=[files.server_report], host=server.host),
    ]

    assert [each.job and each.job.state for each in imported] == [JobState.SUCCESS] * 3
    enterprise.refresh_from_db()
    count = current_count(enterprise)
    expected = asdict(files.expected)
    assert {name: getattr(count, name) for name in expected} == expected


def test_user_ids_and_logins_are_unique_on_each_deployment(contents: Contents) -> None:
    cloud_logins = [row["github_com_login"] for row in contents.cloud if row["github_com_login"]]

    for values in (
        [user["user_id"] for user in contents.accounts],
        [user["login"] for user in contents.accounts],
        [row["id"] for row in contents.apac],
        [row["login"] for row in contents.apac],
        cloud_logins,
    ):
        assert len(values) == len(set(values))


def test_github_links_only_accounts_that_exist(contents: Contents) -> None:
    existing = {f"{EMEA}:{user['user_id']}" for user in contents.accounts if not user["suspended"]}
    existing |= {f"{APAC}:{row['id']}" for row in contents.apac if row["suspended?"] == "false"}
    linked = Counter(link for row in contents.cloud for link in row["enterprise_server_user_ids"])

    suspended = {f"{EMEA}:{user['user_id']}" for user in contents.accounts if user["suspended"]}
    assert len(linked.keys() & suspended) == 7  # since GitHub's last sync
    assert linked.keys() <= existing | suspended
    assert set(linked.values()) == {1}


def test_people_are_matched_in_every_way(contents: Contents) -> None:
    primary = contents.emea_primary()
    linked = [row for row in contents.cloud if row["github_com_login"] and row["enterprise_server_user_ids"]]

    assert _count(row["github_com_saml_name_id"] in primary for row in linked) > 500
    by_verified = [
        row
        for row in linked
        if row["github_com_saml_name_id"] not in primary and primary & set(row["github_com_verified_domain_emails"])
    ]
    assert len(by_verified) == 240
    only_by_link = [row for row in linked if not _own_addresses(row) & set(row["enterprise_server_primary_emails"])]
    assert len(only_by_link) == 18


def test_some_are_counted_twice_because_only_a_secondary_address_matches(contents: Contents) -> None:
    claimed = set().union(*(_own_addresses(row) for row in contents.cloud))
    twice = [
        user
        for user in contents.accounts
        if any(email["email"] in claimed for email in user["emails"] if not email["primary"])
        and not any(email["email"] in claimed for email in user["emails"] if email["primary"])
    ]

    assert len(twice) == 9


def test_two_addresses_are_claimed_by_two_cloud_accounts(contents: Contents) -> None:
    claims = Counter(address for row in contents.cloud for address in _own_addresses(row))

    ambiguous = {address for address, count in claims.items() if count > 1}
    assert len(ambiguous) == 2
    assert ambiguous <= contents.emea_primary()


def test_every_special_case_is_there(contents: Contents) -> None:
    logins = {user["login"] for user in contents.accounts}
    cloud = contents.cloud
    roles = Counter(role for row in cloud for role in row["github_com_enterprise_roles"])

    assert {SCIM_ADMIN, "build-emea"} <= logins
    assert {SCIM_ADMIN, "jenkins-apac"} <= {row["login"] for row in contents.apac}
    assert _count(not user["emails"] for user in contents.accounts) == 3  # two machines and scim-admin
    assert _count(user["suspended"] for user in contents.accounts) == 130
    assert _count(row["suspended?"] == "true" for row in contents.apac) == 48
    assert _count(user["site_admin"] for user in contents.accounts) > 3
    assert _count(row["role"] == "admin" for row in contents.apac) > 1
    assert _count(row["dormant?"] == "true" for row in contents.apac) > 15
    assert _count(row["2fa_enabled?"] == "false" for row in contents.apac) > 10
    assert _count(row["github_com_two_factor_auth"] is False for row in cloud) > 40
    assert _count(row["github_com_two_factor_auth"] is None for row in cloud) > 10
    assert roles["Owner"] > 2
    assert roles["Outside collaborator"] == 32
    assert roles["Pending outside collaborator invitation"] == 8
    assert _count(bool(row["github_com_orgs_with_pending_invites"]) for row in cloud) > 5
    assert _count(row["visual_studio_license_status"] == "Matched to Cloud" for row in cloud) == 132
    assert _count(_is_unlinked_subscriber(row) for row in cloud) == 18
    assert _count(not address.endswith(VERIFIED_DOMAINS) for address in contents.emea_primary()) > 40
    assert _count(not row["github_com_user"] and bool(row["enterprise_server_user_ids"]) for row in cloud) > 200


def test_the_people_of_the_table_are_among_them(contents: Contents) -> None:
    """By their name, or by their address where they gave none. (The server report has no names at all.)"""
    names = {row["github_com_name"] for row in contents.cloud} | {user["profile_name"] for user in contents.accounts}
    mailboxes = {row["email"].partition("@")[0] for row in contents.apac}
    mailboxes |= {address.partition("@")[0] for row in contents.cloud for address in _own_addresses(row)}

    wanted = people(
        1, sum(len(group.names) for group in GROUPS), including=(n for group in GROUPS for n in group.names)
    )
    assert [person for person in wanted if person.name not in names and person.mailbox not in mailboxes] == []


def _own_addresses(row: dict[str, Any]) -> set[str]:
    return {row["github_com_saml_name_id"] or "", *row["github_com_verified_domain_emails"]} - {""}


def _is_unlinked_subscriber(row: dict[str, Any]) -> bool:
    return bool(row["visual_studio_subscription_user"]) and not row["github_com_login"]


def _count(truths: Any) -> int:
    return sum(map(bool, truths))
