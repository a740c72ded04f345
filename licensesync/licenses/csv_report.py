"""The CSV report: GitHub's columns under GitHub's headings and in GitHub's order, ours behind them.

The headings are those of GitHub's "License reports reference". Columns of which no list tells us anything (cost center,
Advanced Security, ...) are left out. A million rows are written, so this is the one place where a license is read as
a bare row: the JSON of the database is decoded once, straight into what the cells need.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from licensesync.licenses.entries import CLOUD_KIND, NO_FACTS, AccountEntry, decode_facts
from licensesync.licenses.models import ConsumedLicense, LicenseType, Where
from licensesync.licenses.report import in_blocks
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
    "Enterprise server logins",  # in the order of the user ids
)
COLUMNS = (*GITHUB_COLUMNS, *OUR_COLUMNS)

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes the text for one of the reader's own code page

# What a spreadsheet takes for the begin of a formula, also in the wide forms of East Asian keyboards. Where the decimal
# sign is a comma, Excel splits lines at semicolons instead, so a formula may begin behind one.
FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
FORMULA_BEHIND = re.compile(r"(?<=;)(?=[\"\s]*[=+\-@＝＋－＠])")
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
    for block in in_blocks(stored, number, numbers, read=_fetch):
        yield lines_of(block, hosts)


def lines_of(licenses: Sequence[Stored], hosts: Mapping[int, str]) -> str:
    """The lines of some thousand licenses.

    Nearly no license has a quote or a formula anywhere. So they are written as if there were none, and only where the
    text shows one, which takes one look at all of it, everything is checked value by value.
    """
    rows = [_cells(hosts, license) for license in licenses]
    text = '"\r\n"'.join(['","'.join(row) for row in rows])
    if _is_unusual(text, len(rows)):
        return "".join([csv_line([safe(cell) for cell in row]) for row in rows])
    return f'"{text}"\r\n' if rows else ""


def _is_unusual(text: str, rows: int) -> bool:
    """Whether lines have a quote or a line break within a value, or one that a spreadsheet could take for a formula.

    Each sign is looked for by itself, which is faster than one search for all of them.
    """
    quotes = (2 * len(COLUMNS) - 2) * rows + 2 * (rows - 1)
    if text.count('"') != quotes or text.count("\n") != rows - 1 or text.count("\r") != rows - 1:
        return bool(rows)
    return (
        ";" in text
        or text[:1] in FORMULA
        or any(sign in text and f'"{sign}' in text for sign in FORMULA - {"\r", "\n"})
    )


def _fetch(rows: Any) -> list[Stored]:
    """The rows as the database driver has them: what Django does to each costs as much as reading it."""
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        found: list[Stored] = cursor.fetchall()
    return found


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


def _cells(hosts: Mapping[int, str], license: Stored) -> tuple[str, ...]:
    """As they are, whatever they begin with: `lines_of` looks at them."""
    (
        number, name, where, license_type, accounts_json, cloud_json, account_count, ambiguous, dormant, two_factor_off,
        since, since_or_before,
    ) = license  # fmt: skip
    servers = _decode_accounts(accounts_json)
    cloud = servers.pop(0) if servers[0].kind == CLOUD_KIND else None
    facts = NO_FACTS if cloud_json is None else decode_facts(cloud_json)
    is_visual_studio = license_type == _VISUAL_STUDIO
    if len(servers) == 1:  # most of those who have any
        [account] = servers
        user_ids, emails, matched_by = f"{hosts[account.deployment]}:{account.user_id}", account.email, account.rule
        logins = account.login
    elif servers:
        user_ids = ", ".join([f"{hosts[account.deployment]}:{account.user_id}" for account in servers])
        emails = ", ".join(dict.fromkeys([account.email for account in servers if account.email]))
        matched_by = ", ".join(dict.fromkeys([account.rule for account in servers]))
        logins = ", ".join([account.login for account in servers])
    else:
        user_ids = emails = matched_by = logins = ""
    if cloud:
        login, cloud_name, saml_name_id = cloud.login, cloud.name, cloud.email
        member_roles, enterprise_roles = ", ".join(facts.member_roles), ", ".join(facts.enterprise_roles)
        verified_emails, pending_invites = ", ".join(facts.verified_emails), ", ".join(facts.pending_invites)
        two_factor = "" if facts.two_factor is None else _FLAG[facts.two_factor]
    else:
        login = cloud_name = saml_name_id = member_roles = enterprise_roles = verified_emails = pending_invites = ""
        two_factor = ""
    return (
        login,
        cloud_name,
        user_ids,
        _FLAG[bool(login)],
        _FLAG[bool(servers)],
        _FLAG[facts.visual_studio_user or is_visual_studio],
        rules.VISUAL_STUDIO if is_visual_studio else rules.ENTERPRISE,
        facts.profile if cloud else "",
        member_roles,
        enterprise_roles,
        verified_emails,
        saml_name_id,
        pending_invites,
        two_factor,
        emails,
        facts.visual_studio_status,
        facts.visual_studio_email,
        str(account_count),
        str(number),
        name,
        _WHERE[where],
        matched_by,
        _FLAG[ambiguous],
        _FLAG[dormant],
        _FLAG[two_factor_off],
        f"{since[:10]}T{since[11:19]}Z",  # a time of the database, which is UTC
        _FLAG[since_or_before],
        logins,
    )


_VISUAL_STUDIO = LicenseType.VISUAL_STUDIO.value
_WHERE = {Where.CLOUD.value: "cloud", Where.BOTH.value: "cloud and server", Where.SERVER.value: "server"}


_VALUE_AND_COMMA = re.compile(r'("(?:[^"]++|"")*+")(,?)')


def for_excel(pieces: Iterable[str]) -> Iterator[str]:
    """The same table as Excel opens it wherever the reader is, if it comes as UTF-16: with a byte order mark and tabs.
    At commas it splits lines only where the decimal sign is a point. Each piece is whole lines of `csv_line`."""
    yield BYTE_ORDER_MARK
    for piece in pieces:
        yield _VALUE_AND_COMMA.sub(lambda found: found[1] + "\t" if found[2] else found[1], piece)


def safe(text: str) -> str:
    """A cell that no spreadsheet runs: with an apostrophe in front, what begins like a formula is text."""
    if ";" in text:
        text = FORMULA_BEHIND.sub("'", text)
    return f"'{text}" if text[:1] in FORMULA else text
