"""Somebody forgot the password and asks for a link by mail.

The page only notes the wish; a worker looks who it is. So the answer takes as long for an e-mail that is known here as
for one that is not, and how often somebody may ask counts for both.
"""

from datetime import timedelta
from urllib.parse import urljoin

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language, gettext, override

from licensesync.flows import queue
from licensesync.users import mail, queries, services

PERIOD = timedelta(hours=1)
MOST_FOR_EMAIL = 3
MOST_FROM_CLIENT = 20  # an office may share one address


def ask_for_password_link(*, email: str, client: str, origin: str) -> bool:
    """Have a link mailed to whoever signs in with this e-mail, if anybody does. False: asked too often.

    `client` stands for where the wish comes from; the link starts with `origin`.
    """
    asked = services.note_password_link_request(
        email=email, client=client, origin=origin, language=get_language() or "en"
    )
    before = queries.password_link_requests_before(asked, within=PERIOD)
    is_too_often = (
        before.filter(email=asked.email).count() >= MOST_FOR_EMAIL
        or before.filter(client=client).count() >= MOST_FROM_CLIENT
    )
    if is_too_often:
        services.forget_password_link_request(asked)
        return False
    queue.mail_password_link(asked.pk)
    return True


def mail_password_link(request_id: int) -> None:
    """Send the mail, once; nobody gets one for an e-mail that nobody signs in with."""
    with transaction.atomic():  # where the look-up fails, the request is still there for the next try
        asked = services.take_password_link_request(request_id)
        user = queries.by_email(asked.email) if asked else None
    if asked is None or user is None:
        return
    with override(asked.language):
        link = urljoin(asked.origin, services.password_link_path(user=user))
        mail.send(
            user.email,
            gettext("A new password for LicenseSync"),
            render_to_string("mails/new_password.txt", {"link": link}),
        )


def forget_requests() -> None:
    """Delete what no limit looks back to any more."""
    services.forget_password_link_requests(before=timezone.now() - PERIOD)
