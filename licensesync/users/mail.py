"""Mail to people who sign in, or are invited to."""

import logging

from django.conf import settings
from django.core.mail import send_mail

log = logging.getLogger(__name__)


def send(to: str, subject: str, text: str) -> bool:
    """Whether a mail went out. Without mail, or when the mail server fails, whoever asked hands the link over."""
    if not settings.EMAIL_HOST:
        return False
    try:
        # A name in it may have a line break, which no header may.
        return bool(send_mail(" ".join(subject.split()), text, None, [to]))
    except OSError:  # smtplib's errors are among them
        log.warning("The mail server did not take a mail.", exc_info=True)
        return False
