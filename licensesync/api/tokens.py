"""Who asks: a token in the Authorization header, `Bearer lsy_…` or `token lsy_…`, as GitHub takes them."""

from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from licensesync.enterprises import tokens
from licensesync.enterprises.models import ApiToken
from licensesync.users.models import User


class TokenAuthentication(BaseAuthentication):
    """`request.auth` is the token, `request.user` its owner. A browser's session lets nobody in here."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        kind, _, secret = header.partition(" ")
        token = tokens.by_secret(secret.strip()) if kind.lower() in ("bearer", "token") else None
        if token is None:
            raise AuthenticationFailed("Bad credentials")
        tokens.note_use(token)
        return token.owner, token

    def authenticate_header(self, _request: Request) -> str:
        return 'Bearer realm="LicenseSync"'


def token_of(request: Request) -> ApiToken:
    """The token of a request that was let in."""
    return cast(ApiToken, request.auth)
