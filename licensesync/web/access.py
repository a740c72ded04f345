"""Who may open which page. Strangers, and billing managers where only owners act, get 404: as if it were not there."""

from typing import cast

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from licensesync.enterprises.models import Enterprise, Role
from licensesync.enterprises.queries import role_of, visible_to
from licensesync.users.models import User


def user_of(request: HttpRequest) -> User:
    """Who is signed in. SignedOutMiddleware sends everybody else away before a page is asked."""
    return cast(User, request.user)


def enterprise_for(request: HttpRequest, slug: str, *, owner: bool = False) -> Enterprise:
    """The enterprise of this page; 404 for a stranger, and with `owner` for everybody but its owners."""
    enterprise = get_object_or_404(visible_to(user_of(request)), slug=slug.lower())
    if owner and not is_owner(request, enterprise):
        raise Http404
    return enterprise


def is_owner(request: HttpRequest, enterprise: Enterprise) -> bool:
    """Whether to show what only owners may do. Asking is no permission: actions use `enterprise_for(owner=True)`."""
    return role_of(user_of(request), enterprise) == Role.OWNER
