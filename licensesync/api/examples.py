"""Answers as the description of the API shows them."""

from drf_spectacular.utils import OpenApiExample

_USER = {
    "github_com_login": "monalisa",
    "github_com_name": "Mona Lisa",
    "enterprise_server_user_ids": ["ghes.octo.example:123"],
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
CONSUMED_LICENSES = OpenApiExample(
    "One person with two accounts",
    {"total_seats_consumed": 5000, "total_seats_purchased": 4500, "users": [_USER]},
    response_only=True,
    status_codes=["200"],
)
LICENSE_SYNC_STATUS = OpenApiExample(
    "One server",
    {
        "server_instances": [
            {
                "server_id": "9b2f0c1e-6a57-4a4e-9a0b-2f1f6f1b9d10",
                "hostname": "ghes.octo.example",
                "last_sync": {"date": "2026-03-02T09:00:00Z", "status": "success", "error": ""},
            }
        ]
    },
    response_only=True,
    status_codes=["200"],
)
