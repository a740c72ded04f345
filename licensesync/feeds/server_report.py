"""GHES site-admin report, CSV: `/stafftools/reports/all_users.csv`, or `ghe-user-csv` on the appliance.

Columns, as public scripts quote them: created_at, id, login, email, role, suspended?, last_logged_ip, repos, ssh_keys,
org_memberships, dormant?, last_active, raw_login, 2fa_enabled?. `email` is the primary address; secondary ones are not
in it. The reports of active, dormant and suspended users look the same: only whoever fetched it can tell.
"""

from collections.abc import Iterator

from licensesync.feeds import values
from licensesync.feeds.columns import Column, Spellings, columns_of_table
from licensesync.feeds.records import ReadReport, ServerUserAccount
from licensesync.feeds.tables import Table

ADMIN_ROLES = ("admin", "site admin", "site_admin")

REPORT = Spellings(
    {
        "created_at": ("createdat",),
        "user_id": ("id",),
        "login": ("login",),
        "email": ("email",),
        "role": ("role",),
        "suspended": ("suspended",),
        "dormant": ("dormant",),
        "last_active": ("lastactive",),
        "two_factor": ("2faenabled",),
    },
    left_out=("lastloggedip", "repos", "sshkeys", "orgmemberships", "rawlogin"),  # the address is never kept
)


def accounts(table: Table, report: ReadReport) -> Iterator[list[ServerUserAccount]]:
    """The accounts of the report, in lists. Raises ExpectedError: WRONG_SHAPE, TOO_LONG_VALUE, those of Table."""
    for rows in table.blocks():
        yield _accounts(columns_of_table(REPORT, table.heading, rows, report), report)


def _accounts(columns: list[Column], report: ReadReport) -> list[ServerUserAccount]:
    created_at, user_ids, logins, emails, roles, suspended, dormant, last_active, two_factor = columns
    not_said = [None] * len(user_ids)
    with values.numbered(report.rows):
        primaries, invalid = values.valid_addresses(values.addresses(emails))
        accounts = values.records(
            ServerUserAccount,
            user_id=values.user_ids(user_ids),
            login=values.logins(logins),
            name=[""] * len(user_ids),
            email=primaries,
            other_emails=not_said,
            site_admin=[role.lower() in ADMIN_ROLES for role in values.texts(roles, "role")],
            suspended=list(map(bool, values.flags(suspended, "suspended"))),
            dormant=values.flags(dormant, "dormant"),
            two_factor=values.flags(two_factor, "two-factor authentication"),
            created_at=values.times(created_at, "creation time"),
            last_active_at=values.times(last_active, "last activity"),
        )
    report.rows += len(accounts)
    report.invalid_emails += invalid
    return accounts
