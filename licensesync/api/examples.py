"""What the description of the API shows of each body, all of one enterprise."""

import json
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample

from licensesync.errors import NOTHING_STORED, SERVER_UNKNOWN, WRONG_CREDENTIALS, sentence
from licensesync.feeds.license_usage import license_usage
from licensesync.feeds.records import ServerFacts, ServerUserAccount

API = "https://licenses.octo.example/api/v3/enterprises/octo"
HOST = "ghes.octo.example"


def answer(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=["200", "201", "202"])


def request(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


_USER = {
    "github_com_login": "monalisa",
    "github_com_name": "Mona Lisa",
    "enterprise_server_user_ids": [f"{HOST}:123"],
    "github_com_user": True,
    "enterprise_server_user": True,
    "visual_studio_subscription_user": False,
    "license_type": "Enterprise",
    "github_com_profile": "https://github.com/monalisa",
    "github_com_member_roles": ["octo-platform:Owner"],
    "github_com_enterprise_roles": ["Owner", "Member"],
    "github_com_verified_domain_emails": ["mona.lisa@octo.example"],
    "github_com_saml_name_id": "mona.lisa@octo.example",
    "github_com_orgs_with_pending_invites": [],
    "github_com_two_factor_auth": True,
    "enterprise_server_emails": ["mona.lisa@octo.example"],
    "enterprise_server_primary_emails": ["mona.lisa@octo.example"],
    "visual_studio_license_status": None,
    "visual_studio_subscription_email": None,
    "total_user_accounts": 2,
}
CONSUMED_LICENSES = answer(
    "One person with two accounts", {"total_seats_consumed": 5000, "total_seats_purchased": 4500, "users": [_USER]}
)
LICENSE_SYNC_STATUS = answer(
    "One server",
    {
        "server_instances": [
            {
                "server_id": "9b2f0c1e-6a57-4a4e-9a0b-2f1f6f1b9d10",
                "hostname": HOST,
                "last_sync": {"date": "2026-03-02T09:00:00Z", "status": "success", "error": ""},
            }
        ]
    },
)

# The enterprise and its people -------------------------------------------------------------------------------------

ENTERPRISE = answer(
    "Over its seats",
    {
        "slug": "octo",
        "name": "Octo Industries",
        "license_model": "volume",
        "enterprise_licenses": 4300,
        "visual_studio_licenses": 200,
        "keeps_names": True,
        "keeps_secondary_emails": True,
        "created_at": "2026-01-12T08:30:00Z",
        "counted_at": "2026-03-02T09:00:41Z",
        "seats": {
            "total": {"consumed": 5000, "purchased": 4500, "available": -500},
            "enterprise": {"consumed": 4850, "purchased": 4300, "available": -550},
            "visual_studio": {"consumed": 150, "purchased": 200, "available": 50},
        },
        "completeness": {
            "servers": 2,
            "servers_reported": 2,
            "cloud_reported": True,
            "oldest_list": "2026-01-26T09:00:00Z",
            "missing": ["The list of ghes-old.octo.example is more than 30 days old."],
            "limits": ["Secondary e-mails of server accounts are not compared, by us as by GitHub."],
        },
    },
)
SETTINGS = request("More seats", {"enterprise_licenses": 4900})
AUDIT_EVENT = answer(
    "A billing manager became an owner",
    {
        "@timestamp": 1772442000000,
        "_document_id": "42",
        "action": "member.change_role",
        "actor": "mona.lisa@octo.example",
        "actor_id": 3,
        "business": "octo",
        "created_at": 1772442000000,
        "through": "browser",
        "token": "",
        "subject": "billing@octo.example",
        "changes": {"role": ["billing_manager", "owner"]},
    },
)
DOMAIN = answer("A domain", {"name": "octo.example"})
NEW_DOMAINS = request("Two domains", {"names": ["octo.example", "octo-labs.example"]})
MEMBER = answer(
    "An owner",
    {
        "id": 2,
        "url": f"{API}/members/2",
        "email": "mona.lisa@octo.example",
        "role": "owner",
        "created_at": "2026-01-12T08:30:00Z",
    },
)
ROLE = request("A billing manager", {"role": "billing_manager"})
PASSWORD_LINK = answer(
    "A link to a new password", {"link": "https://licenses.octo.example/password/new/Mg/d8k2-5f0c9a7e1b"}
)
_INVITATION = {
    "id": 5,
    "email": "hubot@octo.example",
    "role": "billing_manager",
    "created_at": "2026-03-02T09:00:00Z",
    "expires_at": "2026-03-09T09:00:00Z",
}
INVITATION = answer("A billing manager", _INVITATION)
NEW_INVITATION = request("A billing manager", {"email": "hubot@octo.example", "role": "billing_manager"})
HANDED_OVER = answer(
    "To be handed over",
    {**_INVITATION, "link": "https://licenses.octo.example/invitations/0f1e2d3c4b5a69788796a5b4", "mailed": False},
)

# Instances and jobs ------------------------------------------------------------------------------------------------

_CONNECTION = {
    "url": f"https://{HOST}",
    "login": "octo-admin",
    "enterprise_slug": "",
    "ca_certificates": "",
    "has_proxy": False,
    "schedule": "weekly",
    "next_sync_at": "2026-03-09T02:17:00Z",
    "connected_at": "2026-01-12T09:00:00Z",
    "token_saved_at": "2026-01-12T09:00:00Z",
}
CONNECTION = answer("A server", _CONNECTION)
SERVER_ACCOUNT = answer(
    "Somebody who is suspended",
    {
        "user_id": 4711,
        "login": "mona",
        "name": "Mona Lisa",
        "email": "mona@octo.example",
        "site_admin": False,
        "suspended": True,
        "dormant": True,
        "created_at": "2021-05-03T08:12:40Z",
        "last_active_at": "2025-11-17T16:20:05Z",
        "license": None,
    },
)
UNUSED_SUBSCRIPTION = answer(
    "A subscription of somebody who never signed in",
    {"email": "mona@octo.example", "name": "Mona Lisa", "status": ""},
)
INSTANCE = answer(
    "A connected server",
    {
        "id": 3,
        "url": f"{API}/instances/3",
        "kind": "server",
        "name": HOST,
        "host": HOST,
        "server_id": "9b2f0c1e-6a57-4a4e-9a0b-2f1f6f1b9d10",
        "version": "3.17.2",
        "created_at": "2026-01-12T09:00:00Z",
        "accounts": 3120,
        "suspended": 210,
        "dormant": 95,
        "people_only_here": 1400,
        "total_seats_consumed": 2910,
        "total_seats_purchased": 3500,
        "license_expires_at": "2026-12-31T23:59:59Z",
        "github_synced_at": "2026-03-01T04:10:00Z",
        "github_sync_problem": "",
        "last_event": "server_synced",
        "last_usage_at": "2026-03-02T09:00:41Z",
        "list_date": "2026-03-02T08:59:58Z",
        "identities_at": None,
        "identities_problem": None,
        "connection": _CONNECTION,
    },
)
NEW_INSTANCE = request("A server", {"host": HOST})
SERVER_CONNECTION = request("A server", {"url": f"https://{HOST}", "login": "octo-admin", "token": "ghp_..."})
CLOUD_CONNECTION = request(
    "The cloud", {"enterprise_slug": "octo", "token": "ghp_...", "url": "https://api.github.com"}
)
SCHEDULE = request("Never by itself", {"schedule": "off"})
CHECK = answer(
    "A step that failed",
    {
        "step": "credentials",
        "state": "failed",
        "facts": {},
        "problem": {
            "code": WRONG_CREDENTIALS.code,
            "message": sentence(WRONG_CREDENTIALS.code, {"host": HOST}, stays=NOTHING_STORED),
            "needs": None,
        },
    },
)
_JOB = {
    "id": 17,
    "url": f"{API}/jobs/17",
    "deployment": HOST,
    "kind": "file",
    "trigger": "script",
    "state": "SUCCESS",
    "phase": "",
    "progress_done": 3120,
    "progress_total": 3120,
    "created_at": "2026-03-02T09:00:00Z",
    "started_at": "2026-03-02T09:00:01Z",
    "finished_at": "2026-03-02T09:00:41Z",
    "accounts_read": 3120,
    "accounts_added": 12,
    "accounts_changed": 30,
    "accounts_removed": 4,
    "accounts_suspended": 210,
    "invalid_emails": 0,
    "looks_like": None,
    "licenses_before": 4994,
    "licenses_after": 5000,
    "problem": None,
}
JOB = answer("Done", _JOB)
_COUNTED = [name for name in _JOB if name.startswith(("accounts_", "licenses_"))]
JOB_WAITS = answer(
    "It waits",
    {
        **_JOB,
        **dict.fromkeys(_COUNTED),
        "state": "PENDING",
        "progress_done": 0,
        "progress_total": None,
        "started_at": None,
        "finished_at": None,
    },
)

# Usage -------------------------------------------------------------------------------------------------------------

_FILE = {
    "id": 8,
    "url": f"{API}/usage/8",
    "name": "license-usage.json",
    "size": 1_482_211,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_at": "2026-03-02T09:00:00Z",
    "kind": "server_export",
    "deployment": HOST,
    "state": "ACCEPTED",
    "done": True,
    "problem": None,
    "nothing_new": False,
    "job": _JOB,
}
USAGE_FILE = answer("It is in", _FILE)
USAGE_FILE_REFUSED = answer(
    "It says too little",
    {
        **_FILE,
        "name": "all_users.csv",
        "kind": "server_report",
        "deployment": None,
        "state": "REFUSED",
        "problem": {"code": SERVER_UNKNOWN.code, "message": sentence(SERVER_UNKNOWN.code, {}), "needs": "server"},
        "job": None,
    },
)
ANSWER = request("Which server it is from", {"server": HOST})

_EXPORTED = ServerUserAccount(
    user_id=123,
    login="mlisa",
    name="Mona Lisa",
    email="mona.lisa@octo.example",
    other_emails=("mona@lisa.example",),
    site_admin=False,
    suspended=False,
    dormant=False,
    two_factor=True,
    created_at=datetime(2024, 5, 2, 7, 12, tzinfo=UTC),
    last_active_at=datetime(2026, 2, 27, 16, 4, tzinfo=UTC),
)
_SERVER = ServerFacts(
    server_id="9b2f0c1e-6a57-4a4e-9a0b-2f1f6f1b9d10",
    host=HOST,
    customer_name="Octo Industries",
    version="3.17.2",
    exported_at=datetime(2026, 3, 2, 8, 59, 58, tzinfo=UTC),
)
LICENSE_USAGE = answer("One account", json.loads("".join(license_usage(_SERVER, [[_EXPORTED]]))))

# Licenses ----------------------------------------------------------------------------------------------------------

_IN_THE_CLOUD: dict[str, Any] = {
    "instance_id": 1,
    "deployment": "GitHub Enterprise Cloud",
    "user_id": None,
    "login": "monalisa",
    "email": "mona.lisa@octo.example",
    "rule": "cloud_account",
}
_ON_THE_SERVER: dict[str, Any] = {
    "instance_id": 3,
    "deployment": HOST,
    "user_id": 123,
    "login": "mlisa",
    "email": "mona.lisa@octo.example",
    "rule": "saml_or_scim",
}
_LICENSE = {
    "number": 42,
    "url": f"{API}/licenses/42",
    "name": "Mona Lisa",
    "emails": ["mona.lisa@octo.example"],
    "where": "both",
    "type": "enterprise",
    "ambiguous": False,
    "dormant": False,
    "two_factor_off": False,
    "pending_invitation": False,
    "since": "2026-01-12T09:00:41Z",
    "since_or_before": True,
    "account_count": 2,
    "accounts": [_IN_THE_CLOUD, _ON_THE_SERVER],
}
LICENSES = answer(
    "One person with two accounts", {"total_count": 1, "incomplete_results": False, "licenses": [_LICENSE]}
)
_ACTIVE = {
    "counts": True,
    "suspended": False,
    "dormant": False,
    "site_admin": False,
    "other_emails": [],
    "last_active_at": "2026-02-27T16:04:00Z",
}
EXPLAINED_LICENSE = answer(
    "One person with two accounts",
    {
        **_LICENSE,
        "summary": ["1 server account carries an address of the cloud account."],
        "accounts": [
            {
                **_IN_THE_CLOUD,
                **_ACTIVE,
                "dormant": None,
                "last_active_at": None,
                "reason": "monalisa is the cloud account.",
            },
            {
                **_ON_THE_SERVER,
                **_ACTIVE,
                "reason": f"The primary e-mail mona.lisa@octo.example of mlisa on {HOST} is in the SAML or SCIM "
                "identity of the cloud account.",
            },
        ],
        "cloud": {
            "profile": "https://github.com/monalisa",
            "verified_emails": ["mona.lisa@octo.example"],
            "identity_emails": ["mona.lisa@octo.example", "mlisa@octo.example"],
            "member_roles": ["octo-platform:Owner"],
            "enterprise_roles": ["Owner", "Member"],
            "pending_invites": [],
            "two_factor": True,
            "visual_studio_status": "",
            "visual_studio_email": "",
        },
        "changes": [
            {
                "at": "2026-01-12T09:00:41Z",
                "kind": "came",
                "deployment": HOST,
                "login": "monalisa",
                "other_number": None,
            }
        ],
    },
)
COUNT = answer(
    "A count",
    {
        "count": 31,
        "counted_at": "2026-03-02T09:00:41Z",
        "accounts": 8200,
        "suspended": 210,
        "consumed": 5000,
        "cloud_only": 1850,
        "cloud_and_server": 1600,
        "server_only": 1400,
        "visual_studio": 150,
        "purchased": 4500,
        "available": -500,
    },
)
GITHUB_COUNT = answer(
    "GitHub counts 60 more",
    {
        "github": 5060,
        "licensesync": 5000,
        "difference": 60,
        "causes": [
            {"cause": "secondary", "more": 48, "fewer": 0},
            {"cause": "long_ago", "more": 15, "fewer": 3},
        ],
        "counted_twice": 2,
    },
)
