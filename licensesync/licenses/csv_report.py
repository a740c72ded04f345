"""The CSV report: GitHub's columns under GitHub's headings and in GitHub's order, ours behind them.

The headings are those of GitHub's "License reports reference". Columns of which no list tells us anything (cost center,
Advanced Security, ...) are left out. A million rows are written, so this is the one place where a license is read as
a bare row: the JSON of the database is decoded once, straight into what the cells need.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from licensesync.licenses.compose import CLOUD_KIND, NO_FACTS, AccountEntry, CloudFacts, decode_facts
from licensesync.licenses.models import ConsumedLicense, LicenseType, Where
from licensesync.licenses.report import chosen_blocks, in_blocks
from licensesync.matching import rules

GITHUB_COLUMNS = (
    "GitHub com login",
    "GitHub com name",
    "Enterprise server user ids",
    "GitHub com user",
    "Enterprise server user",
    "Visual studio subscription user",
    "License type",
    "GitHub com profile",
    "GitHub com member roles",
    "GitHub com enterprise roles",
    "GitHub com verified domain emails",
    "GitHub com saml name",
    "GitHub com orgs with pending invites",
    "GitHub com two factor auth",
    "Enterprise server primary emails",
    "Visual studio license status",
    "Visual studio subscription email",
    "Total user accounts",
)
OUR_COLUMNS = (
    "License number",
    "Person",
    "Where",
    "Matched by",
    "Ambiguous",
    "Dormant",
    "Two factor off",
    "Consumed since",
    "Since or before",
)
COLUMNS = (*GITHUB_COLUMNS, *OUR_COLUMNS)

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes the text for one of the reader's own code page

# What a spreadsheet takes for the begin of a formula, also in the wide forms of East Asian keyboards.
FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_FLAG = ("false", "true")
_decode_accounts = msgspec.json.Decoder(list[AccountEntry]).decode

Stored = tuple[int, str, str, str, str, str | None, int, bool, bool, bool, str, bool]


def csv_report(
    rows: QuerySet[ConsumedLicense],
    hosts: Mapping[int, str],
    *,
    marked: bool = False,
    numbers: Sequence[int] | None = None,
) -> Iterator[str]:
    """The report as pieces of text, some thousand lines each, in the order of license numbers.

    `rows` are the licenses of one generation; `hosts` the host names by deployment; `marked` puts a byte order mark
    in front, for Excel; `numbers` are those of the licenses that are wanted, in the order that is wanted.
    """
    yield (BYTE_ORDER_MARK if marked else "") + csv_line(COLUMNS)
    stored, number = _stored(rows), itemgetter(0)
    blocks = in_blocks(stored, number) if numbers is None else chosen_blocks(stored, number, numbers)
    for block in blocks:
        yield "".join([csv_line(_cells(hosts, license)) for license in block])


def _stored(rows: QuerySet[ConsumedLicense]) -> Any:
    """The licenses as `Stored`. JSON and times come as the text that the database has: making a time of each costs as
    much as all the rest of reading a row."""
    since, accounts, cloud = (Cast(column, TextField()) for column in ("since", "accounts", "cloud"))
    return rows.annotate(since_text=since, accounts_text=accounts, cloud_text=cloud).values_list(
        "number", "name", "where", "license_type", "accounts_text", "cloud_text", "account_count", "ambiguous",
        "dormant", "two_factor_off", "since_text", "since_or_before",
    )  # fmt: skip


def csv_line(cells: Sequence[str]) -> str:
    """Every value in quotes: that costs less than finding out which ones need them."""
    line = '","'.join(cells)
    if line.count('"') > 2 * (len(cells) - 1):
        line = '","'.join([cell.replace('"', '""') for cell in cells])
    return f'"{line}"\r\n'


def _cells(hosts: Mapping[int, str], license: Stored) -> list[str]:
    (
        number, name, where, license_type, accounts_json, cloud_json, account_count, ambiguous, dormant, two_factor_off,
        since, since_or_before,
    ) = license  # fmt: skip
    accounts = _decode_accounts(accounts_json)
    first = accounts[0]
    cloud = first if first.kind == CLOUD_KIND else None
    servers = accounts[1:] if cloud else accounts
    facts = NO_FACTS if cloud_json is None else decode_facts(cloud_json)
    is_visual_studio = license_type == LicenseType.VISUAL_STUDIO
    return [
        safe(cloud.login) if cloud else "",
        safe(cloud.name) if cloud else "",
        _list([f"{hosts[account.deployment]}:{account.user_id}" for account in servers]),
        _FLAG[bool(cloud and cloud.login)],
        _FLAG[bool(servers)],
        _FLAG[facts.visual_studio_user or is_visual_studio],
        rules.VISUAL_STUDIO if is_visual_studio else rules.ENTERPRISE,
        *(_of_cloud(facts, cloud) if cloud else _NO_CLOUD),
        _list(dict.fromkeys([account.email for account in servers if account.email])),
        safe(facts.visual_studio_status),
        safe(facts.visual_studio_email),
        str(account_count),
        str(number),
        safe(name),
        _WHERE[where],
        _list(dict.fromkeys([account.rule for account in servers])),
        _FLAG[ambiguous],
        _FLAG[dormant],
        _FLAG[two_factor_off],
        _time(since),
        _FLAG[since_or_before],
    ]


_WHERE = {Where.CLOUD.value: "cloud", Where.BOTH.value: "cloud and server", Where.SERVER.value: "server"}


_NO_CLOUD = ("",) * 7


def _of_cloud(facts: CloudFacts, cloud: AccountEntry) -> tuple[str, ...]:
    """From `GitHub com profile` to `GitHub com two factor auth`."""
    return (
        safe(facts.profile),
        _list(facts.member_roles),
        _list(facts.enterprise_roles),
        _list(facts.verified_emails),
        safe(cloud.email),
        _list(facts.pending_invites),
        "" if facts.two_factor is None else _FLAG[facts.two_factor],
    )


def _list(values: Iterable[str]) -> str:
    return safe(", ".join(values))


def safe(text: str) -> str:
    """A cell that no spreadsheet runs: with an apostrophe in front, what begins like a formula is text."""
    return f"'{text}" if text[:1] in FORMULA else text


def _time(stored: str) -> str:
    """A time of the database, which is UTC: `2026-03-03T14:30:00Z`."""
    return f"{stored[:10]}T{stored[11:19]}Z"
