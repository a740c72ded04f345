"""Mail to people who sign in, or are invited to."""

import structlog
from django.conf import settings
from django.core.mail import send_mail

log = structlog.get_logger()


def send(to: str, subject: str, text: str) -> bool:
    """Whether a mail went out. Without mail, or when the mail server fails, whoever asked hands the link over."""
    if not settings.EMAIL_HOST:
        return False
    try:
        # A name in it may have a line break, which no header may.
        return bool(send_mail(" ".join(subject.split()), text, None, [to]))
    except OSError:  # smtplib's errors are among them
        log.warning("mail_not_taken", exc_info=True)
        return False
