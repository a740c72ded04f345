"""The read model: one row a consumed license, with everything that a page, the API and a report show of it."""

import json
import uuid
from typing import Any

import msgspec
from django.db import models
from django.utils.translation import gettext_lazy as _

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.usage.models import Generational, ended


class Where(models.TextChoices):
    CLOUD = "cloud", _("Cloud only")
    BOTH = "both", _("Cloud and server")
    SERVER = "server", _("Server only")


class LicenseType(models.TextChoices):
    ENTERPRISE = "enterprise", _("Enterprise")
    VISUAL_STUDIO = "visual-studio", _("Visual Studio subscription")


class JsonText(models.TextField):  # type: ignore[type-arg]
    """A JSON value that the database keeps and does not look into: PostgreSQL hands text out faster than jsonb."""

    def from_db_value(self, value: str | None, *_: object) -> Any:
        return None if value is None else msgspec.json.decode(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        return value


class ConsumedLicense(Generational):
    """One person's license. `number` is its permanent id within the enterprise, kept from count to count.

    `accounts` is a list of `licenses.entries.AccountEntry`, the cloud account first, then the server accounts by
    deployment and user id; `cloud` is the `facts` of the cloud account, null without one.
    """

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    number = models.BigIntegerField()
    name = models.CharField(max_length=255)  # the person's, else the login, else the first address
    sort_name = models.CharField(max_length=255)  # by `compose.sort_key`
    login = models.CharField(max_length=255, blank=True)
    where = models.CharField(max_length=6, choices=Where.choices)
    license_type = models.CharField(max_length=13, choices=LicenseType.choices)
    emails: Any = JsonText()  # addresses as reported, each once
    accounts: Any = JsonText()
    cloud: Any = JsonText(null=True)
    account_count = models.PositiveIntegerField()
    ambiguous = models.BooleanField()
    dormant = models.BooleanField()  # on every server that says so, and on no cloud
    two_factor_off = models.BooleanField()
    pending_invitation = models.BooleanField()
    since = models.DateTimeField()
    since_or_before = models.BooleanField()  # came with the first list of its deployment
    since_generation = models.PositiveIntegerField()
    sort_email = models.CharField(max_length=255, blank=True)  # the first address, in small letters
    facets = models.TextField(blank=True)  # by `licenses.facets`, a line each
    search = models.TextField(blank=True)  # by `licenses.facets.searchable`
    beginnings = models.TextField(blank=True, db_default="")  # of its words, by `licenses.facets.beginnings`
    digest = models.BigIntegerField()  # by `compose.digest_of`, to see at a glance what a count has changed

    class Meta:
        constraints = (models.UniqueConstraint(fields=["enterprise", "number", "valid_from"], name="license_once"),)
        indexes = (ended("license_ended"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


class LicenseIndex(models.Model):
    """All licenses of one count by facet and in every order (`licenses.index`), made before the count is shown.

    `key` names this very content: what a process holds in memory under it never goes stale.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    key = models.UUIDField(default=uuid.uuid4)
    content = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["enterprise", "generation"], name="license_index_once"),)

    def __str__(self) -> str:
        return f"{self.enterprise_id} {self.generation}"

    enterprise_id: int


class GitHubComparison(models.Model):
    """How GitHub's own count differs from one of ours (`licenses.comparison`); made when jobs are at rest, or earlier,
    when somebody asks for it.

    Numbers and keys of rows only; what they stand for is read where it is shown.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["enterprise", "generation"], name="comparison_once"),)

    def __str__(self) -> str:
        return f"{self.enterprise_id} {self.generation}"

    enterprise_id: int


class LicensedAccount(Generational):
    """Which license an account belongs to; the way back from `ConsumedLicense.accounts`."""

    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    number = models.BigIntegerField()  # of the license
    deployment = models.ForeignKey(
        Deployment, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    user_id = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["deployment", "user_id", "valid_from"], name="licensed_account_once"),
        )
        indexes = (
            models.Index(fields=["enterprise", "number"], name="licensed_account_license"),
            ended("licensed_account_ended"),
        )

    def __str__(self) -> str:
        return f"{self.deployment_id}:{self.user_id}"

    deployment_id: int


class Count(models.Model):
    """One consolidation: a point of the usage history. Unfinished while it is being made; one at a time."""

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="counts")
    generation = models.PositiveIntegerField()
    finished_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=64)  # claim token of the job that makes it
    accounts = models.PositiveIntegerField(default=0)
    suspended = models.PositiveIntegerField(default=0)
    consumed = models.PositiveIntegerField(default=0)
    cloud_only = models.PositiveIntegerField(default=0)  # these three without Visual Studio subscriptions,
    cloud_and_server = models.PositiveIntegerField(default=0)  # so that the four add up to `consumed`
    server_only = models.PositiveIntegerField(default=0)
    visual_studio = models.PositiveIntegerField(default=0)
    # As of then; null where use is metered.
    purchased = models.PositiveIntegerField(null=True)
    next_number = models.BigIntegerField(default=1)  # the next new license takes it
    composition = models.PositiveSmallIntegerField(default=0)  # `compose.VERSION` of its licenses

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["enterprise", "generation"], name="count_once"),
            models.UniqueConstraint(
                fields=["enterprise"], condition=models.Q(finished_at__isnull=True), name="one_count_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.enterprise} {self.generation}: {self.consumed}"

    enterprise_id: int

    @property
    def available(self) -> int | None:
        return None if self.purchased is None else self.purchased - self.consumed


class LicenseChange(models.Model):
    """What a count changed for one license.

    With the first list of a deployment nobody CAME and no ACCOUNT_ADDED: they were there before, and
    `ConsumedLicense.since_or_before` says so.
    """

    class Kind(models.TextChoices):
        CAME = "came", _("Came")
        WENT = "went", _("Went")
        MERGED = "merged", _("Merged")  # into `other_number`
        SPLIT = "split", _("Split")  # from `other_number`
        ACCOUNT_ADDED = "account_added", _("Account added")
        ACCOUNT_GONE = "account_gone", _("Account gone")

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    at = models.DateTimeField()
    number = models.BigIntegerField()
    kind = models.CharField(max_length=13, choices=Kind.choices)
    other_number = models.BigIntegerField(null=True)
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="+")
    user_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=255, blank=True)
    login = models.CharField(max_length=255, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["enterprise", "number", "generation"], name="change_of_license"),
            models.Index(fields=["enterprise", "generation"], name="change_of_count"),
            models.Index(
                fields=["enterprise", "login", "generation"],
                condition=models.Q(kind__in=("came", "went")),
                name="change_of_login",
            ),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.kind}"
