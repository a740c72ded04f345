"""What the API remembers between requests, in the database so that all web processes share it."""

from typing import Any

from django.db import models
from django.utils import timezone

from licensesync.enterprises.models import ApiToken


class RateWindow(models.Model):
    """How many requests a token has made in its current hour. `limits` is the only writer."""

    token = models.OneToOneField(ApiToken, on_delete=models.CASCADE, related_name="+")
    used = models.PositiveIntegerField()
    resets_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.token}: {self.used}"


class RememberedAnswer(models.Model):
    """The answer to a request with an Idempotency-Key. `idempotency` is the only writer."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of what was asked
    created_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True)  # null: it is being answered
    body: Any = models.JSONField(null=True)
    location = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["token", "key"], name="answered_once"),)

    def __str__(self) -> str:
        return self.key
