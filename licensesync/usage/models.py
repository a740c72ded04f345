"""What each deployment last reported.

Rows are never changed in place while a count is made. A row is valid for the generations
`valid_from <= generation < valid_to` of its enterprise. A new list writes its new and changed rows with the next
generation and closes the rows they replace; nobody sees any of it until `Enterprise.generation` moves (one short
UPDATE), and an abandoned attempt is undone by `usage.services.discard_generation`. That keeps every write
transaction short, which SQLite needs, and every reader on one consistent count.

The database does not check the foreign keys of these rows (`db_constraint=False`): with a million rows that took longer
than writing them, they are written by set-based SQL out of the very tables that they point to, and Django cascades.
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from licensesync.enterprises.models import Deployment

OPEN = 2_147_483_647  # valid_to of a row that nothing has replaced
VALID = "{0}.valid_from <= %(generation)s AND {0}.valid_to > %(generation)s"  # in SQL, of a table or its alias


def valid_at(generation: int) -> models.Q:
    """The rows of a generation that is still stored."""
    return models.Q(valid_from__lte=generation, valid_to__gt=generation)


def ended(name: str) -> models.Index:
    """An index over the few rows that have ended: what is forgotten later, and undone when a count is abandoned."""
    return models.Index(fields=["valid_to"], condition=models.Q(valid_to__lt=OPEN), name=name)


class Generational(models.Model):
    """A row with the generations for which it is valid."""

    valid_from = models.PositiveIntegerField()
    valid_to = models.PositiveIntegerField(default=OPEN, db_default=OPEN)

    class Meta:
        abstract = True


class Account(Generational):
    """What accounts of servers and of the cloud have in common.

    (deployment, user_id) is the account, from list to list. A server gives the user id; a cloud list has none, so the
    cloud's are ours. `first_seen` is the generation of the first list with the account.
    """

    deployment = models.ForeignKey(
        Deployment, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    user_id = models.BigIntegerField()
    login = models.CharField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    first_seen = models.PositiveIntegerField()
    consumes = models.BooleanField()  # a license, by matching.rules

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.login


class ServerUserAccount(Account):
    """One account of a server, as its last list has it."""

    email = models.CharField(max_length=254, blank=True)
    address = models.CharField(max_length=800, blank=True)  # matching.address_key(email)
    site_admin = models.BooleanField()
    suspended = models.BooleanField()
    dormant = models.BooleanField(null=True)
    two_factor = models.BooleanField(null=True)
    created_at = models.DateTimeField(null=True)
    last_active_at = models.DateTimeField(null=True)
    other_emails = models.JSONField(null=True)  # secondary addresses, kept when a later feed does not carry them
    other_emails_at = models.DateTimeField(null=True)  # date of the list that they are from

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["deployment", "user_id", "valid_from"], name="server_account_once"),
        )
        indexes = (
            models.Index(fields=["address"], name="server_account_address"),
            # Who is looked for among the licenses and has none.
            models.Index(Lower("login"), condition=Q(consumes=False, valid_to=OPEN), name="server_account_uncounted"),
            # The lists behind the figures of a server.
            models.Index(
                fields=["deployment", "user_id"],
                condition=Q(suspended=True) | Q(dormant=True),
                name="server_account_idle",
            ),
            ended("server_account_ended"),
        )


class CloudUser(Account):
    """One row of the cloud's list. `key` is its identity from list to list (`staging.cloud_key`).

    A row that does not consume by itself is a Visual Studio subscription that no cloud account uses.
    """

    key = models.CharField(max_length=350)
    saml_name_id = models.CharField(max_length=255, blank=True)
    facts: Any = models.JSONField()  # the rest of feeds.records.CloudUser, as an object
    # Of its linked identities, with a space between; kept when a later list does not carry them.
    identity_addresses = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["deployment", "key", "valid_from"], name="cloud_user_once"),)
        indexes = (
            models.Index(fields=["deployment", "user_id"], name="cloud_user_id"),
            # Visual Studio subscriptions that no account uses: few among many.
            models.Index(fields=["deployment", "user_id"], condition=Q(consumes=False), name="cloud_user_unlinked"),
            ended("cloud_user_ended"),
        )


class CloudAddress(Generational):
    """What connects a cloud user with others: a row version's own addresses, and the server accounts it lists."""

    class Kind(models.IntegerChoices):
        SAML_OR_SCIM = 1
        VERIFIED_EMAIL = 2
        SERVER_ACCOUNT = 3  # address is the host, in small letters, user_id the account there
        SUBSCRIPTION = 4  # the e-mail of an unlinked Visual Studio subscriber
        IDENTITY = 5  # an address of a linked identity, by SAML or SCIM as well

    cloud_user = models.ForeignKey(CloudUser, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    address = models.CharField(max_length=800)
    user_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["address", "user_id"], name="cloud_address_address"),
            ended("cloud_address_ended"),
        )

    def __str__(self) -> str:
        return self.address


# The kinds by which a cloud user claims whoever has such an address: rules 1 and 2 of docs/matching.md.
CLAIMS = (CloudAddress.Kind.SAML_OR_SCIM, CloudAddress.Kind.IDENTITY, CloudAddress.Kind.VERIFIED_EMAIL)


class ServerOnlyPerson(Generational):
    """A person who is only on servers as GitHub sees it: GitHub's count to compare ours against, never an account."""

    deployment = models.ForeignKey(
        Deployment, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=400)
    server_user_ids = models.JSONField()
    server_emails = models.JSONField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["deployment", "key", "valid_from"], name="server_only_once"),)
        indexes = (ended("server_only_ended"),)

    def __str__(self) -> str:
        return self.key
