"""The example enterprise as it was before: smaller, with people who have left since.

The same files as of today, for earlier days, so that usage over time is counted from lists like everything else.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from licensesync.demo import files
from licensesync.demo.accounts import CloudRow, ExampleEnterprise, ServerAccount
from licensesync.demo.groups import APAC, EMEA, ENTERPRISE_LICENSES, VISUAL_STUDIO_LICENSES, Domain
from licensesync.demo.people import people

DAYS_AGO = (336, 301, 259, 217, 182, 147, 112, 77, 49, 28, 14, 7)
JOINED = 0.13  # the share of today's people who joined within these days
SEED_OF_LEAVERS = 1971
LEFT = 70  # people who were there at the beginning and have left one after the other
BOUGHT_DAYS_AGO, BOUGHT = 160, 100  # Enterprise licenses that were bought in between


@dataclass(frozen=True)
class EarlierLists:
    """What arrived on one day, and how many Enterprise licenses there were. Not every server sent a list each time."""

    at: datetime
    cloud_licenses: Path
    server_export: Path | None
    server_report: Path | None
    enterprise_licenses: int


def write_earlier_lists(directory: Path, enterprise: ExampleEnterprise, *, today: datetime) -> Iterator[EarlierLists]:
    """The lists of each day, the oldest first, written when they are asked for."""
    leavers = list(_leavers(enterprise))
    for number, days in enumerate(DAYS_AGO):
        at = today - timedelta(days=days, hours=days % 7)
        seats = ENTERPRISE_LICENSES - (BOUGHT if days > BOUGHT_DAYS_AGO else 0)
        accounts = {
            host: [each for each in of_host if _joined(_of_account(each)) >= days]
            for host, of_host in enterprise.servers.items()
        }
        there = {(each.host, each.user_id) for of_host in accounts.values() for each in of_host}
        cloud = [_with(row, there) for row in enterprise.cloud if _joined(_of_row(row)) >= days]
        for account, row, left in leavers:
            if left < days:
                accounts[EMEA].append(account)
                cloud.append(row)
        lists = EarlierLists(
            at=at,
            cloud_licenses=directory / f"consumed-licenses-{days}.json",
            server_export=directory / f"ghes-emea-{days}.json" if number % 2 == 0 else None,
            server_report=directory / f"all_users-{days}.csv" if number % 3 == 0 else None,
            enterprise_licenses=seats,
        )
        files.write_cloud_licenses(lists.cloud_licenses, cloud, purchased=seats + VISUAL_STUDIO_LICENSES)
        if lists.server_export:
            files.write_server_export(lists.server_export, accounts[EMEA], host=EMEA, exported_at=at)
        if lists.server_report:
            files.write_server_report(lists.server_report, accounts[APAC])
        yield lists


def _leavers(enterprise: ExampleEnterprise) -> Iterator[tuple[ServerAccount, CloudRow, int]]:
    """An account, its row of the cloud's list, and how many days ago they left. They are like people who stayed."""
    like = [row for row in enterprise.cloud if row.server_accounts and row.saml_name_id and not row.subscription_email]
    accounts = enterprise.servers[EMEA]
    used = {account.user_id for account in accounts}
    free = iter(sorted(set(range(2, max(used))) - used))
    logins = {row.login for row in enterprise.cloud} | {account.login for account in accounts}
    mailboxes = {_of_row(row) for row in enterprise.cloud} | {_of_account(account) for account in accounts}
    others = (
        person
        for person in people(SEED_OF_LEAVERS, 20 * LEFT)
        if person.login not in logins and person.mailbox not in mailboxes
    )
    for number, (row, person) in enumerate(zip(like[:: len(like) // LEFT][:LEFT], others, strict=False)):
        email = f"{person.mailbox}@{Domain.WORK}"
        account = replace(
            row.server_accounts[0],
            host=EMEA,
            login=person.login,
            name=person.name,
            email=email,
            other_emails=[],
            user_id=next(free),
            site_admin=False,
            suspended=False,
        )
        gone = replace(
            row,
            login=person.login,
            name=person.name,
            saml_name_id=email,
            verified_emails=[email],
            server_accounts=[account],
        )
        yield account, gone, 5 + number * 330 // LEFT


def _joined(key: str) -> float:
    """How many days ago the person joined; the same for all of their accounts."""
    chance = random.Random(f"joined {key}")  # noqa: S311 (repeatable, not secret)
    return chance.uniform(0, max(DAYS_AGO)) if chance.random() < JOINED else float("inf")


def _of_account(account: ServerAccount) -> str:
    return account.email.partition("@")[0] or account.login


def _of_row(row: CloudRow) -> str:
    """The mailbox of the person, which all their addresses have in common, else what there is."""
    addresses = [*row.verified_emails, row.subscription_email, *(_of_account(each) for each in row.server_accounts)]
    return next((address.partition("@")[0] for address in addresses if address), row.login)


def _with(row: CloudRow, there: set[tuple[str, int]]) -> CloudRow:
    """The row as it was: GitHub links only accounts that are there."""
    return replace(row, server_accounts=[each for each in row.server_accounts if (each.host, each.user_id) in there])
