"""What is stored with a license of its accounts: `ConsumedLicense.accounts` and `ConsumedLicense.cloud`."""

import msgspec

CLOUD_KIND, SERVER_KIND = "cloud", "server"  # AccountEntry.kind


class AccountEntry(msgspec.Struct):
    """An account as `ConsumedLicense.accounts` lists it; `rule` is a matching.records.Rule."""

    kind: str  # CLOUD_KIND or SERVER_KIND
    deployment: int
    user_id: int
    login: str
    name: str
    email: str  # server: primary e-mail; cloud: SAML NameID
    rule: str

    @property
    def is_server(self) -> bool:
        return self.kind == SERVER_KIND


class CloudFacts(msgspec.Struct):
    """`CloudUser.facts`: what feeds.records.CloudUser has beside login, name and SAML NameID. What it names of servers
    is read from `CloudAddress`."""

    profile: str = ""
    verified_emails: list[str] = []
    member_roles: list[str] = []
    enterprise_roles: list[str] = []
    pending_invites: list[str] = []
    two_factor: bool | None = None
    license_type: str = ""
    visual_studio_user: bool = False
    visual_studio_status: str = ""
    visual_studio_email: str = ""


NO_FACTS = CloudFacts()
decode_facts = msgspec.json.Decoder(CloudFacts).decode
