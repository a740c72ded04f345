"""Secrets that we have to use again, and so can't store as a hash: sealed with a key that is outside the database.

ENCRYPTION_KEYS: the first key seals, each one opens. A new key is added in front; `reseal` moves what is stored to it.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from licensesync.errors import SECRET_UNREADABLE, ExpectedError


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def seal(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret. ExpectedError(SECRET_UNREADABLE): its key is not among ours any more."""
    try:
        return _box().decrypt(sealed).decode()
    except InvalidToken:
        raise ExpectedError(SECRET_UNREADABLE) from None


def opens(sealed: str) -> bool:
    """Whether one of our keys opens it."""
    try:
        unseal(sealed)
    except ExpectedError:
        return False
    return True


def reseal(sealed: str) -> str:
    """The same secret, sealed with the first key."""
    try:
        return _box().rotate(sealed).decode()
    except InvalidToken:
        raise ExpectedError(SECRET_UNREADABLE) from None
