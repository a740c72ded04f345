"""What a token may reach. Another enterprise than its own is not there (404); what its scopes or its owner's role don't
allow is refused (403), as GitHub does."""

from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from licensesync.api.tokens import TokenAuthentication, token_of
from licensesync.enterprises.models import Enterprise, Scope
from licensesync.enterprises.queries import visible_to
from licensesync.enterprises.tokens import granted


def check_again(request: Request, slug: str, *scopes: Scope) -> None:
    """After a body that is a stream: its sender decides how long it takes, and may have lost the right meanwhile."""
    TokenAuthentication().authenticate(request)
    enterprise_for(request, slug, *scopes)


def enterprise_for(request: Request, slug: str, *scopes: Scope) -> Enterprise:
    """The enterprise of this address, if the token has one of the scopes there."""
    token = token_of(request)
    enterprise = visible_to(token.owner).filter(pk=token.enterprise_id, slug=slug.lower()).first()
    if enterprise is None:
        raise NotFound
    if not granted(token) & set(scopes):
        wanted = " or ".join(scopes)
        raise PermissionDenied(f"This needs the scope {wanted}, of a token whose owner has a role that allows it.")
    return enterprise
