"""The enterprise, who may see it, and the deployments that report its people."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

slug_validator = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){0,59}\Z",
    _("Use small letters, digits and single hyphens, for example octo-industries."),
)


def validate_slug(slug: str) -> None:
    """ValidationError: it can't be a slug, or it is an address of ours, `/enterprises/new`."""
    slug_validator(slug)
    if slug == "new":
        raise ValidationError(_("This word is taken by LicenseSync itself. Choose another one."))


MOST_LICENSES = 100_000_000  # that an enterprise purchases, and the database holds


class LicenseModel(models.TextChoices):
    VOLUME = "volume", _("Volume (subscription)")
    METERED = "metered", _("Usage-based (metered)")


class Enterprise(models.Model):
    """The account that owns the licenses.

    `generation` is the count that everybody sees: rows of accounts and licenses say from and to which generation they
    are valid (`usage.models.Generational`), so moving this one number shows a whole new count at once.
    """

    slug = models.CharField(max_length=60, unique=True, validators=[slug_validator])
    name = models.CharField(max_length=200)
    license_model = models.CharField(max_length=8, choices=LicenseModel.choices, default=LicenseModel.VOLUME)
    enterprise_licenses = models.PositiveIntegerField(default=0)
    visual_studio_licenses = models.PositiveIntegerField(default=0)
    # Of accounts: profile names, and secondary e-mails of servers. Else they are left out of each list (`usage.less`).
    keeps_names = models.BooleanField(default=True, db_default=True)
    keeps_secondary_emails = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(default=timezone.now)
    generation = models.PositiveIntegerField(default=0)
    readable_from = models.PositiveIntegerField(default=0)  # rows of earlier generations are gone
    deleted_at = models.DateTimeField(null=True)  # nobody sees it any more; its rows are on their way out

    def __str__(self) -> str:
        return self.name

    @property
    def purchased(self) -> int:
        """All purchased licenses, as `total_seats_purchased` of the REST list: 0 where use is metered."""
        if self.license_model == LicenseModel.METERED:
            return 0
        return self.enterprise_licenses + self.visual_studio_licenses


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    BILLING_MANAGER = "billing_manager", _("Billing manager")


class Membership(models.Model):
    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    user_id: int

    class Meta:
        constraints = (models.UniqueConstraint(fields=["enterprise", "user"], name="membership_once"),)

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


def in_seven_days() -> datetime:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    """A link that makes whoever opens it a member. Only the SHA-256 of its secret is stored; it works once."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=16, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=in_seven_days)

    class Meta:
        constraints = (models.UniqueConstraint("enterprise", Lower("email"), name="invitation_once"),)

    def __str__(self) -> str:
        return f"{self.email}: {self.role}"


class DeploymentKind(models.TextChoices):
    SERVER = "server", _("Enterprise Server")
    CLOUD = "cloud", _("Enterprise Cloud")


class UsageEvent(models.TextChoices):
    """How the last usage came, in GitHub's words for GitHub's events and in ours for ours."""

    NEVER = "never", _("No usage in LicenseSync yet")
    SERVER_UPLOADED = "server_uploaded", _("Server usage uploaded")
    SERVER_SYNCED = "server_synced", _("Server usage synced by LicenseSync")
    CLOUD_UPLOADED = "cloud_uploaded", _("Cloud licenses uploaded")
    CLOUD_SYNCED = "cloud_synced", _("Cloud licenses synced by LicenseSync")


class Deployment(models.Model):
    """A source of accounts: one Enterprise Server instance, or the cloud. Every list and every job belongs to one."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="deployments")
    kind = models.CharField(max_length=6, choices=DeploymentKind.choices)
    host = models.CharField(max_length=253, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    # What a server's export says about it ("" and null: not said)
    server_id = models.CharField(max_length=100, blank=True)
    customer_name = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=50, blank=True)
    http_only = models.BooleanField(null=True)
    license_hash = models.CharField(max_length=200, blank=True)
    public_key = models.TextField(blank=True)
    features = models.JSONField(default=dict, blank=True)
    dormancy_threshold_days = models.PositiveIntegerField(null=True)
    license_expires_at = models.DateTimeField(null=True)  # only a sync asks for it

    # What the cloud said of GitHub's own sync of a server, when we last synced the cloud (null and "": nothing)
    github_synced_at = models.DateTimeField(null=True)
    github_sync_problem = models.CharField(max_length=300, blank=True, db_default="")

    # What its last list said
    last_event = models.CharField(max_length=20, choices=UsageEvent.choices, default=UsageEvent.NEVER)
    last_usage_at = models.DateTimeField(null=True)  # when the list was taken in
    list_date = models.DateTimeField(null=True)  # the list's own date, else when it was delivered
    list_digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the last good delivery
    identities_at = models.DateTimeField(null=True)  # of the cloud: the date of the list of its linked identities
    # Why its last sync could not fetch them: code and params of an `errors.Problem`; null: it could, or never tried
    identities_problem = models.JSONField(null=True)
    list_encrypted_at = models.DateTimeField(null=True)  # the last export came with an encrypted list of users
    accounts = models.PositiveIntegerField(default=0)
    suspended = models.PositiveIntegerField(default=0)
    dormant = models.PositiveIntegerField(null=True)  # null: its lists don't say
    only_here = models.PositiveIntegerField(default=0)  # people whose accounts are all here

    # Its own count: of the cloud's list, or of a server's license
    total_seats_consumed = models.PositiveIntegerField(null=True)
    total_seats_purchased = models.PositiveIntegerField(null=True)

    enterprise_id: int

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["enterprise", "server_id"], condition=~Q(server_id=""), name="server_id_once"
            ),
            models.UniqueConstraint("enterprise", Lower("host"), condition=Q(kind="server"), name="host_once"),
            models.UniqueConstraint(fields=["enterprise"], condition=Q(kind="cloud"), name="one_cloud"),
        )

    def __str__(self) -> str:
        return self.host if self.is_server else "GitHub Enterprise Cloud"

    @property
    def is_server(self) -> bool:
        return self.kind == DeploymentKind.SERVER


class Schedule(models.TextChoices):
    """How often a connection syncs by itself."""

    WEEKLY = "weekly", _("Every week")
    DAILY = "daily", _("Every day")
    OFF = "off", _("Only on Sync now")


class Connection(models.Model):
    """How LicenseSync itself fetches what a deployment reports. `enterprises.connections` is its only writer.

    Whatever is secret is sealed (`enterprises.secrets`): the token, and the proxy's address, which may hold a password.
    """

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="connection")
    url = models.CharField(max_length=500)  # of the server, or of the cloud's API
    cloud_slug = models.CharField(max_length=100, blank=True)  # the enterprise's slug at GitHub
    login = models.CharField(max_length=100, blank=True)  # of a site admin of the server
    sealed_token = models.TextField()
    sealed_proxy = models.TextField(blank=True)
    ca_certificates = models.TextField(blank=True)  # PEM, for servers with a private certificate authority
    connected_at = models.DateTimeField(default=timezone.now)  # the weekday and the hour of its schedule
    token_saved_at = models.DateTimeField(default=timezone.now)
    connected_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    schedule = models.CharField(max_length=6, choices=Schedule.choices, default=Schedule.WEEKLY)
    next_sync_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.url


class VerifiedDomain(models.Model):
    """A domain that the enterprise has proved to GitHub that it owns, in small letters. Its sub-domains are others, as
    for GitHub, which has each verified on its own."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="verified_domains")
    name = models.CharField(max_length=253)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["enterprise", "name"], name="verified_domain_once"),)

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """What a token may do, in GitHub's words where it has one."""

    READ = "read:enterprise", _("Read licenses, people, instances and jobs")
    WRITE_USAGE = "write:usage", _("Deliver usage files")
    ADMIN = "admin:enterprise", _("Everything that an owner may do")


class ApiToken(models.Model):
    """A token for scripts: `lsy_` and a secret of which only the SHA-256 is stored. Never more than its owner may."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="api_tokens")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    deployment = models.ForeignKey(Deployment, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    enterprise_id: int
    deployment_id: int | None

    def __str__(self) -> str:
        return self.name


class AuditAction(StrEnum):
    """What somebody did: to what, and what, as GitHub names the events of its audit log."""

    ENTERPRISE_CREATE = "enterprise.create"
    ENTERPRISE_UPDATE = "enterprise.update"
    MEMBER_INVITE = "member.invite"
    MEMBER_RENEW_INVITATION = "member.renew_invitation"
    MEMBER_REVOKE_INVITATION = "member.revoke_invitation"
    MEMBER_JOIN = "member.join"
    MEMBER_ADD = "member.add"
    MEMBER_CHANGE_ROLE = "member.change_role"
    MEMBER_REMOVE = "member.remove"
    MEMBER_PASSWORD_LINK = "member.password_link"  # noqa: S105 - a name
    DOMAIN_ADD = "domain.add"
    DOMAIN_REMOVE = "domain.remove"
    TOKEN_CREATE = "token.create"  # noqa: S105 - a name
    TOKEN_REVOKE = "token.revoke"  # noqa: S105 - a name
    INSTANCE_ADD = "instance.add"
    INSTANCE_DELETE = "instance.delete"
    CONNECTION_CREATE = "connection.create"
    CONNECTION_UPDATE = "connection.update"
    CONNECTION_DELETE = "connection.delete"
    CONNECTION_SCHEDULE = "connection.schedule"
    USAGE_ANSWER = "usage.answer"
    REPORT_DOWNLOAD = "report.download"


class Through(models.TextChoices):
    """How somebody acted."""

    BROWSER = "browser", _("In the browser")
    API = "api", _("API")
    COMMAND = "command", _("Command line")


class AuditEvent(models.Model):
    """Somebody did something. `enterprises.audit_log` is the only writer.

    Without an actor it was a command, or somebody whose account is deleted since; without a subject, where the action
    has one, it was such an account.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    action = models.CharField(max_length=32)  # an AuditAction
    subject = models.CharField(max_length=300, blank=True)  # whom or what it was done to, by name
    changes = models.JSONField(default=dict)  # what was set: a name to [before, after]; null: nothing, or not known
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    through = models.CharField(max_length=7, choices=Through.choices)
    token = models.CharField(max_length=100, blank=True)  # the name of the API token that was used

    actor_id: int | None

    class Meta:
        indexes = (models.Index(fields=["enterprise", "id"], name="audit_log_of"),)

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
