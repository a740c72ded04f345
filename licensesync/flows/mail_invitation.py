"""Who is invited gets the link by mail, where there is mail; whoever invites hands it over in any case."""

from django.template.loader import render_to_string
from django.utils.translation import gettext

from licensesync.enterprises.models import Invitation
from licensesync.users import mail


def mail_invitation(invitation: Invitation, link: str) -> bool:
    """Whether a mail went out."""
    text = render_to_string("mails/invitation.txt", {"invitation": invitation, "link": link})
    subject = gettext("Invitation to %(name)s on LicenseSync") % {"name": invitation.enterprise.name}
    return mail.send(invitation.email, subject, text)
