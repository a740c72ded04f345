"""How many requests a token makes in an hour. Counted in the database, so it holds over all web processes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from licensesync.api.models import RateWindow
from licensesync.api.tokens import token_of
from licensesync.enterprises.models import ApiToken
from licensesync.usage import bulk

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
    window = _counted_in(token, now) or _begin_window(token, now)
    return Rate(settings.API_REQUESTS_PER_HOUR, window.used, window.resets_at)


def take_back(token: ApiToken, rate: Rate) -> Rate:
    """A request counts for nothing when its answer is that nothing has changed, as with GitHub ("Best practices for
    using the REST API", "Use conditional requests if appropriate")."""
    RateWindow.objects.filter(token=token, resets_at=rate.resets_at, used__gt=0).update(used=F("used") - 1)
    return replace(rate, used=rate.used - 1)


def _counted_in(token: ApiToken, now: datetime) -> RateWindow | None:
    """Count within the hour of a token, None when it is over. An hour that ends much later than in an hour was begun by
    a clock that was ahead.

    One statement, since the token's other requests wait for it. On SQLite all writes wait, with RETURNING even
    until Python has taken the row.
    """
    if bulk.is_sqlite():
        window = RateWindow.objects.filter(token=token, resets_at__gt=now, resets_at__lte=now + 2 * WINDOW)
        return window.first() if window.update(used=F("used") + 1) else None
    counted = RateWindow.objects.raw(
        """UPDATE api_ratewindow SET used = used + 1 WHERE token_id = %s AND resets_at > %s AND resets_at <= %s
           RETURNING id, token_id, used, resets_at""",
        [token.pk, now, now + 2 * WINDOW],
    )
    return next(iter(counted), None)


def _begin_window(token: ApiToken, now: datetime) -> RateWindow:
    """Of several requests that come first, one begins the hour and the others count within it."""
    window = RateWindow.objects.filter(token=token)
    is_over = Q(resets_at__lte=now) | Q(resets_at__gt=now + 2 * WINDOW)
    if not window.filter(is_over).update(used=1, resets_at=now + WINDOW):
        try:
            with transaction.atomic():
                return RateWindow.objects.create(token=token, used=1, resets_at=now + WINDOW)
        except IntegrityError:
            window.update(used=F("used") + 1)
    begun = window.first()
    if begun is None:  # the token is deleted meanwhile
        raise AuthenticationFailed("Bad credentials")
    return begun
