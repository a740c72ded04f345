"""How many requests a token makes in an hour. Counted in the database, so it holds over all web processes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from licensesync.api.models import RateWindow
from licensesync.api.tokens import token_of
from licensesync.enterprises.models import ApiToken

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """`used` includes the request that asks."""

    limit: int
    used: int
    resets_at: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.limit - self.used, 0)),
            "X-RateLimit-Reset": str(int(self.resets_at.timestamp())),
            "X-RateLimit-Used": str(min(self.used, self.limit)),
            "X-RateLimit-Resource": "core",
        }


class PerToken(BaseThrottle):
    """Asked once a request; `request.rate` is what the headers tell."""

    def allow_request(self, request: Request, _view: APIView) -> bool:
        self.rate = count_request(token_of(request))
        vars(request)["rate"] = self.rate
        return self.rate.used <= self.rate.limit

    def wait(self) -> float:
        return max((self.rate.resets_at - timezone.now()).total_seconds(), 1)


def count_request(token: ApiToken) -> Rate:
    """One more request of a token."""
    now = timezone.now()
    window = RateWindow.objects.filter(token=token)
    if not window.filter(_is_open(now)).update(used=F("used") + 1):
        _begin_window(token, now)
    used, resets_at = window.values_list("used", "resets_at").get()
    return Rate(settings.API_REQUESTS_PER_HOUR, used, resets_at)


def _is_open(now: datetime) -> Q:
    """The hour of a token goes on. One that ends much later was begun by a clock that was ahead."""
    return Q(resets_at__gt=now, resets_at__lte=now + 2 * WINDOW)


def _begin_window(token: ApiToken, now: datetime) -> None:
    """Of several requests that come first, one begins the hour and the others count within it."""
    window = RateWindow.objects.filter(token=token)
    if window.exclude(_is_open(now)).update(used=1, resets_at=now + WINDOW):
        return
    try:
        with transaction.atomic():
            RateWindow.objects.create(token=token, used=1, resets_at=now + WINDOW)
    except IntegrityError:
        window.update(used=F("used") + 1)
