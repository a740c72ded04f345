"""What a feed delivers, whatever its format: typed records, the same for every feed of one kind. A text in them has at
most `values.MAX_TEXT` characters, and lists of records are never empty.

The formats and where they are documented stand in the module of each feed.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class FeedKind(StrEnum):
    """The feeds of `docs/feeds.md`. The value is stored in the database."""

    SERVER_EXPORT = "server_export"  # GHES "Export license usage", JSON
    SERVER_REPORT = "server_report"  # GHES site-admin all_users.csv
    CLOUD_LICENSES = "cloud_licenses"  # GHEC REST consumed-licenses, JSON, one page or several
    CLOUD_REPORT = "cloud_report"  # GHEC license report, CSV
    CLOUD_IDENTITIES = "cloud_identities"  # GHEC GraphQL externalIdentities, JSON, one page or several

    @property
    def is_cloud(self) -> bool:
        return self in (FeedKind.CLOUD_LICENSES, FeedKind.CLOUD_REPORT, FeedKind.CLOUD_IDENTITIES)

    @property
    def is_page(self) -> bool:
        """Whether several files that were added together may be one list."""
        return self in (FeedKind.CLOUD_LICENSES, FeedKind.CLOUD_IDENTITIES)


class ServerUserAccount(NamedTuple):
    """One account of a server. `user_id` is the server's own number; `email` the primary address or ""."""

    user_id: int
    login: str
    name: str
    email: str  # primary, trimmed, as reported; "" when there is none or when it is no address
    other_emails: tuple[str, ...] | None  # None: this feed does not carry secondary addresses
    site_admin: bool
    suspended: bool
    dormant: bool | None
    two_factor: bool | None
    created_at: datetime | None
    last_active_at: datetime | None


class CloudUser(NamedTuple):
    """One row of the cloud's list that is a consumer of the cloud: an account, or a person without a login yet.

    Not an account: rows with `github_com_user: false` and server user ids; those are `ServerOnlyPerson`.
    """

    login: str  # "" for an unlinked Visual Studio subscriber or an invitation by e-mail
    name: str
    profile: str
    saml_name_id: str
    verified_emails: tuple[str, ...]
    member_roles: tuple[str, ...]  # "organization:Role"
    enterprise_roles: tuple[str, ...]
    pending_invites: tuple[str, ...]  # organizations
    two_factor: bool | None
    license_type: str  # as reported
    visual_studio_user: bool
    visual_studio_status: str
    visual_studio_email: str
    server_user_ids: tuple[str, ...]  # "host:user_id", as GitHub linked them
    server_emails: tuple[str, ...]  # what GitHub knows of the linked server accounts


class ServerOnlyPerson(NamedTuple):
    """GitHub's own view of a person who is only on servers. Kept apart, never counted as an account."""

    server_user_ids: tuple[str, ...]
    server_emails: tuple[str, ...]
    subscription_email: str = ""  # of a Visual Studio subscriber: where the subscription is to be matched


class CloudIdentity(NamedTuple):
    """What the identity provider of the cloud says about one account: the addresses that GitHub compares. An account
    may have several identities."""

    login: str
    addresses: tuple[str, ...]


@dataclass(slots=True)
class ServerFacts:
    """What an export says about its server. "" and None: not said."""

    server_id: str = ""
    host: str = ""
    customer_name: str = ""
    version: str = ""
    http_only: bool | None = None
    license_hash: str = ""
    public_key: str = ""
    features: dict[str, str] | None = None  # Connect features that are on -> ISO time of enablement, or ""; {}: none is
    dormancy_threshold_days: int | None = None
    license_expires_at: datetime | None = None
    tells_license: bool = False  # whether the server was asked for its end: None is one without an end then
    exported_at: datetime | None = None


@dataclass(slots=True)
class Recognition:
    """What a bounded look at a file tells before any account is taken from it."""

    kind: FeedKind
    server: ServerFacts | None = None  # server feeds; empty facts for a CSV report
    users_encrypted: bool = False  # a server export whose list of users is not readable
    rows: int = 0  # accounts (all rows of the list), counted by the scan
    total_seats_consumed: int | None = None  # cloud JSON: GitHub's own total
    total_seats_purchased: int | None = None
    total_identities: int | None = None  # of linked identities: GitHub's own total
    more_follows: bool = False  # of linked identities: the last page is not among them


@dataclass(slots=True)
class ReadReport:
    """Filled in while a file is read; complete when the iterator is exhausted."""

    rows: int = 0
    ignored_keys: dict[str, int] = field(default_factory=dict)  # unknown key or column -> how often
    invalid_emails: int = 0  # accounts that were kept as "No e-mail"
