"""Small lists, written as the files that arrive, and what the product made of them."""

import itertools
import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.flows import receive_usage
from licensesync.flows.import_files import Imported, import_files
from licensesync.licenses.models import ConsumedLicense
from licensesync.licenses.queries import licenses
from licensesync.syncing.models import LicenseSyncJob

_numbers = itertools.count(1)


def new_enterprise(**fields: Any) -> Enterprise:
    number = next(_numbers)
    return Enterprise.objects.create(slug=f"flows-{number}", name=f"Enterprise {number}", **fields)


def account(user_id: int, email: str = "", *, login: str = "", **more: Any) -> dict[str, Any]:
    emails = [{"email": email, "primary": True}] if email else []
    return {"user_id": user_id, "login": login or f"user-{user_id}", "emails": emails, **more}


def server_export(accounts: Iterable[dict[str, Any]], *, host: str = "ghes.example", **more: Any) -> bytes:
    return json.dumps({"server_id": f"id-of-{host}", "host_name": host, "users": list(accounts), **more}).encode()


def report(accounts: Iterable[tuple[int, str]], *, suspended: Iterable[int] = (), dormant: Iterable[int] = ()) -> bytes:
    """A site-admin report of (user id, e-mail)."""
    lines = [
        "created_at,id,login,email,role,suspended?,last_logged_ip,repos,ssh_keys,org_memberships,dormant?,last_active,"
        "raw_login,2fa_enabled?"
    ]
    for user_id, email in accounts:
        is_suspended, is_dormant = (str(user_id in set(those)).lower() for those in (suspended, dormant))
        lines.append(
            f"2020-01-01 00:00:00 UTC,{user_id},user-{user_id},{email},user,{is_suspended},10.1.2.3,0,0,0,"
            f"{is_dormant},2026-01-01 00:00:00 UTC,user-{user_id},true"
        )
    return "\n".join(lines).encode()


def cloud_user(login: str, *verified: str, **more: Any) -> dict[str, Any]:
    return {
        "github_com_login": login,
        "github_com_name": login.title(),
        "github_com_user": bool(login),
        "license_type": "Enterprise",
        "github_com_verified_domain_emails": list(verified),
        "enterprise_server_user_ids": [],
        "github_com_enterprise_roles": ["Member"] if login else [],
        **more,
    }


def cloud_list(users: Iterable[dict[str, Any]], *, total: int | None = None) -> bytes:
    users = list(users)
    total = len(users) if total is None else total
    return json.dumps({"total_seats_consumed": total, "total_seats_purchased": 100, "users": users}).encode()


def identities(*linked: tuple[str, str], total: int | None = None, more: bool = False) -> bytes:
    """A page of linked identities, of (login, addresses with commas): the first is the SAML NameID, others are e-mails
    by SCIM."""
    nodes = []
    for login, said in linked:
        name_id, *others = said.split(",")
        scim = {"username": name_id, "emails": [{"value": other} for other in others]}
        nodes.append({"user": {"login": login}, "samlIdentity": {"nameId": name_id}, "scimIdentity": scim})
    found = {"totalCount": len(nodes) if total is None else total, "pageInfo": {"hasNextPage": more}, "nodes": nodes}
    provider = {"samlIdentityProvider": {"externalIdentities": found}}
    return json.dumps({"data": {"enterprise": {"ownerInfo": provider}}}).encode()


def import_bytes(
    enterprise: Enterprise, *contents: bytes, server: Deployment | None = None, **accept: bool
) -> list[Imported]:
    """Take files in as `manage.py import_usage` does."""
    paths = []
    for content in contents:
        path = Path(settings.DATA_DIR) / f"list-{next(_numbers)}"
        path.write_bytes(content)
        paths.append(path)
    try:
        return list(import_files(enterprise=enterprise, paths=paths, host=server.host if server else "", **accept))
    finally:
        enterprise.refresh_from_db()
        for path in paths:
            path.unlink()


def import_one(enterprise: Enterprise, content: bytes, **more: Any) -> LicenseSyncJob:
    """Take one file in, which has to become a job."""
    [imported] = import_bytes(enterprise, content, **more)
    assert imported.job is not None, imported.file.problem_code
    return imported.job


def waiting_job(enterprise: Enterprise, content: bytes) -> LicenseSyncJob:
    """As after an upload whose file was recognised."""
    file = receive_usage.receive_file(BytesIO(content), enterprise=enterprise, name="list", uploaded_by=None)
    receive_usage.recognise_file(file.pk)
    file.refresh_from_db()
    assert file.job is not None, file.problem_code
    return file.job


def people(enterprise: Enterprise) -> set[frozenset[tuple[str, str]]]:
    """Who is one person as everybody sees it now: sets of (host or "cloud", login)."""
    enterprise.refresh_from_db()
    return {_accounts(license, _hosts(enterprise)) for license in licenses(enterprise)}


def numbers(enterprise: Enterprise) -> dict[tuple[str, str], int]:
    """The license number of every account."""
    hosts = _hosts(enterprise)
    return {account: each.number for each in licenses(enterprise) for account in _accounts(each, hosts)}


def _hosts(enterprise: Enterprise) -> dict[int, str]:
    return {each.pk: each.host or "cloud" for each in Deployment.objects.filter(enterprise=enterprise)}


def _accounts(license: ConsumedLicense, hosts: dict[int, str]) -> frozenset[tuple[str, str]]:
    return frozenset((hosts[entry["deployment"]], entry["login"]) for entry in license.accounts)
