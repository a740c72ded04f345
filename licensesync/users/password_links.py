"""What a link to a new password is signed with."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from licensesync.users.models import User


class _PasswordLinks(PasswordResetTokenGenerator):
    """Django's, but it looks at `last_login` to the microsecond: what is made and ended within a second ends, too."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        last = user.last_login.isoformat() if user.last_login else ""
        return f"{super()._make_hash_value(user, timestamp)}{last}"


password_links = _PasswordLinks()
