"""Files of any number of people, written as a stream: everything about person number n follows from n.

On the server, every 20th account is suspended and every 50th has no e-mail. Half as many people
are in the cloud, nine of ten of them with an account on the server, which the cloud's list names as GitHub's
would; every 40th of them has two-factor authentication off.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from licensesync.demo.people import Person, people

HOST = "ghes.benchmark.example"
FIRST_USER_ID = 1_000
PAGE_SIZE = 100
_PEOPLE = people(1, 4_000)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def some_people(count: int) -> list[Person]:
    """The first people, by whose names the others are called too."""
    return list(_PEOPLE[:count])


def write_server_export(path: Path, accounts: int, *, changed: bool = False) -> None:
    """The license usage export of a server, or the one of the week after, in which 1% has changed."""
    facts = {
        "server_id": "5f0c2a6e-3b1d-4e58-9a43-5d2f8e61c0b7",
        "host_name": HOST,
        "version": "3.19.2",
        "exported_at": "2026-03-09T09:00:00Z" if changed else "2026-03-02T09:00:00Z",
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(_encode(facts)[:-1] + ',"users":[')
        separator = "\n"
        for account in _accounts(accounts, changed):
            file.write(separator + _encode(account))
            separator = ",\n"
        file.write("\n]}\n")


def write_cloud_list(path: Path, accounts: int) -> None:
    """The cloud's consumed licenses, a JSON array of pages, beside a server with so many accounts."""
    in_cloud = _in_cloud(accounts)
    rows = (_cloud_row(number, on_server=number < accounts) for number in in_cloud)
    with path.open("w", encoding="utf-8") as file:
        separator = "["
        while page := list(islice(rows, PAGE_SIZE)):
            totals = {"total_seats_consumed": len(in_cloud), "total_seats_purchased": len(in_cloud)}
            file.write(separator + _encode({**totals, "users": page}))
            separator = ",\n"
        file.write("]\n")


def expected_licenses(accounts: int, *, changed: bool = False) -> int:
    """What the cloud's list and the server's export give together."""
    in_cloud = _in_cloud(accounts)
    only_on_server = 0
    for account in _accounts(accounts, changed):
        number = account["user_id"] - FIRST_USER_ID
        # The cloud's list is older than the new accounts: without an e-mail nothing leads from them to their owner.
        matched = number in in_cloud and (number < accounts or account["emails"])
        only_on_server += not matched and not account["suspended"]
    return len(in_cloud) + only_on_server


def _in_cloud(accounts: int) -> range:
    first = accounts * 55 // 100
    return range(first, first + accounts // 2)


def _accounts(accounts: int, changed: bool) -> Iterator[dict[str, Any]]:
    """Of a thousand accounts, three go, two get another e-mail, one is suspended, and four come."""
    for number in range(accounts):
        account = _account(number)
        if changed and number % 1_000 in (1, 2, 3):
            continue
        if changed and number % 1_000 in (501, 502):
            account["emails"] = [{"email": f"new.{_email(number)}", "primary": True}]
        if changed and number % 1_000 == 503:
            account["suspended"] = True
        yield account
    if changed:
        yield from map(_account, range(accounts, accounts + accounts * 4 // 1_000))


def _account(number: int) -> dict[str, Any]:
    person = _PEOPLE[number % len(_PEOPLE)]
    emails = [{"email": _email(number), "primary": True}] if number % 50 != 7 else []
    if emails and number % 10 == 3:
        emails.append({"email": f"{person.mailbox}.{number}@mail.example", "primary": False})
    return {
        "user_id": FIRST_USER_ID + number,
        "login": f"{person.login}{number}",
        "profile_name": person.name,
        "site_admin": number % 500 == 1,
        "suspended": number % 20 == 0,
        "created_at": f"20{10 + number % 15}-{number % 12 + 1:02}-{number % 28 + 1:02}T08:15:00Z",
        "emails": emails,
    }


def _cloud_row(number: int, *, on_server: bool) -> dict[str, Any]:
    person = _PEOPLE[number % len(_PEOPLE)]
    login, email = f"{person.login}{number}", _email(number)
    return {
        "github_com_login": login,
        "github_com_name": person.name,
        "enterprise_server_user_ids": [f"{HOST}:{FIRST_USER_ID + number}"] if on_server else [],
        "github_com_user": True,
        "enterprise_server_user": on_server,
        "visual_studio_subscription_user": False,
        "license_type": "Enterprise",
        "github_com_profile": f"https://github.com/{login}",
        "github_com_member_roles": ["octo-platform:Member"],
        "github_com_enterprise_roles": ["Member"],
        "github_com_verified_domain_emails": [email],
        "github_com_saml_name_id": email if number % 3 else f"E{number}",
        "github_com_orgs_with_pending_invites": [],
        "github_com_two_factor_auth": number % 40 != 1,
        "enterprise_server_primary_emails": [email] if on_server else [],
        "visual_studio_license_status": None,
        "visual_studio_subscription_email": None,
        "total_user_accounts": 1 + on_server,
    }


def _email(number: int) -> str:
    return f"{_PEOPLE[number % len(_PEOPLE)].mailbox}.{number}@octo.example"
