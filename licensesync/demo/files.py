"""The files that GitHub would write of the example enterprise. Keys and columns as in `docs/feeds.md`."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from licensesync.demo.accounts import DORMANCY, CloudRow, ServerAccount
from licensesync.demo.groups import APAC, EMEA

PAGE_SIZE = 100  # the most that GitHub's REST API gives at once

SERVER_IDS = {EMEA: "3f6d1c84-90a7-4b52-8e1d-6c2f7a5b9e03", APAC: "a41be07d-2c58-4f96-b3d0-58e91c6f7720"}

REPORT_HEADING = (
    "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,dormant?,last_active,"
    "raw_login,2fa_enabled?\n"
)


def write_server_export(path: Path, accounts: Sequence[ServerAccount], *, host: str, exported_at: datetime) -> None:
    """The license usage export of a server, JSON with a readable list of users."""
    export = {
        "server_id": SERVER_IDS[host],
        "host_name": host,
        "http_only": False,
        "customer_name": "Octo Industries EMEA",
        "version": "3.19.2",
        "license": "6b1f0c9a7d3e58b24c90e1f7a2d86355cbe4097f1a6d2c83b75e9048fd21a6c7",
        "public_key": "mQENBFexamplekeyofoctoindustries",
        "features": {
            "license_usage_sync": _iso(exported_at - timedelta(days=480)),
            "unified_search": _iso(exported_at - timedelta(days=478)),
        },
        "dormancy_threshold": DORMANCY.days,
        "exported_at": _iso(exported_at),
        "users": [_exported_user(account) for account in accounts],
    }
    path.write_text(json.dumps(export, ensure_ascii=False, indent=1), encoding="utf-8")


def _exported_user(account: ServerAccount) -> dict[str, Any]:
    emails = [account.email, *account.other_emails] if account.email else []
    return {
        "user_id": account.user_id,
        "login": account.login,
        "profile_name": account.name or None,
        "site_admin": account.site_admin,
        "suspended": account.suspended,
        "created_at": _iso(account.created_at),
        "emails": [{"email": email, "primary": email == account.email} for email in emails],
    }


def write_server_report(path: Path, accounts: Sequence[ServerAccount]) -> None:
    """The site-admin report all_users.csv. It doesn't say which server it is from."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(REPORT_HEADING)
        csv.writer(file, lineterminator="\n").writerows(reported_user(account) for account in accounts)


def reported_user(account: ServerAccount) -> list[str | int]:
    """A line of the report, in the order of its columns."""
    return [
        _iso(account.created_at),
        account.user_id,
        account.login,
        account.email,
        "admin" if account.site_admin else "user",
        _flag(account.suspended),
        f"192.0.2.{account.user_id % 254 + 1}",  # there to be left out: the product keeps no IP addresses
        account.user_id % 13,
        account.user_id % 4,
        account.user_id % 3 + 1,
        _flag(account.dormant),
        _iso(account.last_active_at),
        account.login,
        _flag(account.two_factor),
    ]


def write_cloud_licenses(path: Path, rows: Sequence[CloudRow], *, purchased: int) -> None:
    """All pages of GET /enterprises/{enterprise}/consumed-licenses, as one JSON array."""
    # GitHub lists subscribers without an account, but they consume nothing (unless they meet another rule).
    consumed = sum(row.uses_cloud or not row.subscription_email for row in rows)
    pages = [
        {
            "total_seats_consumed": consumed,
            "total_seats_purchased": purchased,
            "users": [licensed_user(row) for row in rows[start : start + PAGE_SIZE]],
        }
        for start in range(0, len(rows), PAGE_SIZE)
    ]
    path.write_text(json.dumps(pages, ensure_ascii=False, indent=1), encoding="utf-8")


def licensed_user(row: CloudRow) -> dict[str, Any]:
    """One of the `users` of a page."""
    subscriber = row.subscription_email is not None
    return {
        "github_com_login": row.login,
        "github_com_name": row.name,
        "enterprise_server_user_ids": [f"{account.host}:{account.user_id}" for account in row.server_accounts],
        "github_com_user": row.uses_cloud,
        "enterprise_server_user": bool(row.server_accounts),
        "visual_studio_subscription_user": subscriber,
        "license_type": "Visual Studio subscription" if subscriber else "Enterprise",
        "github_com_profile": f"https://github.com/{row.login}" if row.uses_cloud else None,
        "github_com_member_roles": row.member_roles,
        "github_com_enterprise_roles": row.enterprise_roles,
        "github_com_verified_domain_emails": row.verified_emails,
        "github_com_saml_name_id": row.saml_name_id,
        "github_com_orgs_with_pending_invites": row.pending_invites,
        "github_com_two_factor_auth": row.two_factor,
        "enterprise_server_primary_emails": [account.email for account in row.server_accounts if account.email],
        "visual_studio_license_status": "Matched to Cloud" if subscriber and row.uses_cloud else None,
        "visual_studio_subscription_email": row.subscription_email,
        "total_user_accounts": row.uses_cloud + len(row.server_accounts),
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _flag(value: bool) -> str:
    return "true" if value else "false"
