"""Reading users."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.http import urlsafe_base64_decode

from licensesync.users.models import PasswordLinkRequest, User
from licensesync.users.password_links import password_links


def by_email(email: str) -> User | None:
    return User.objects.filter(email=email.strip().lower(), is_active=True).first()


def by_password_link(uid: str, token: str) -> User | None:
    """Whose password this link may set; None when it was never ours, was used, or is too old."""
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if password_links.check_token(user, token) else None


def is_set_up() -> bool:
    """Whether there is anybody who could sign in."""
    return User.objects.exists()


def password_link_requests_before(asked: PasswordLinkRequest, *, within: timedelta) -> QuerySet[PasswordLinkRequest]:
    """What was asked in the time before this request, by whomever."""
    return PasswordLinkRequest.objects.filter(asked_at__gt=asked.asked_at - within, pk__lt=asked.pk)


def password_link_requests_waiting_since(moment: datetime) -> list[int]:
    """Ids of the requests that no worker has taken since then."""
    waiting = PasswordLinkRequest.objects.filter(taken=False, asked_at__lt=moment)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:1000])
