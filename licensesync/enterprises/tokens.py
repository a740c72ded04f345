"""API tokens: the only writer of them, who one is for, and what it may do."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from licensesync.enterprises import audit_log
from licensesync.enterprises.models import ApiToken, AuditAction, Deployment, Enterprise, Role, Scope
from licensesync.enterprises.queries import role_of
from licensesync.users.models import User
from licensesync.users.services import sha256

PREFIX = "lsy_"
USE_NOTED_EVERY = timedelta(minutes=5)  # how exact `last_used_at` is; a write with every request would be for nothing
BY_ROLE = {Role.OWNER: frozenset(Scope), Role.BILLING_MANAGER: frozenset({Scope.READ})}


@transaction.atomic
def create_api_token(
    *,
    enterprise: Enterprise,
    owner: User,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    deployment: Deployment | None = None,
) -> tuple[ApiToken, str]:
    """A token and its secret, which nobody can read again. With `deployment` it only delivers usage of that one."""
    secret = f"{PREFIX}{secrets.token_hex(20)}"
    token = ApiToken.objects.create(
        enterprise=enterprise,
        owner=owner,
        name=name,
        scopes=list(scopes),
        expires_at=expires_at,
        deployment=deployment,
        token_hash=sha256(secret),
    )
    audit_log.record(
        enterprise,
        AuditAction.TOKEN_CREATE,
        name,
        changes={
            "scopes": [None, token.scopes],
            "expires_at": [None, expires_at.isoformat(timespec="seconds") if expires_at else None],
            "deployment": [None, str(deployment) if deployment else None],
        },
    )
    return token, secret


@transaction.atomic
def revoke(token: ApiToken) -> None:
    """It stops working at once."""
    revoked, _rows = ApiToken.objects.filter(pk=token.pk).delete()
    if revoked:
        audit_log.record(token.enterprise_id, AuditAction.TOKEN_REVOKE, token.name)


def tokens_shown_to(user: User, enterprise: Enterprise) -> QuerySet[ApiToken]:
    """What a person may see and revoke, newest first: their own tokens, and as an owner everybody's. `has_run_out`: it
    is too old to be of use."""
    tokens = ApiToken.objects.filter(enterprise=enterprise)
    if role_of(user, enterprise) != Role.OWNER:
        tokens = tokens.filter(owner=user)
    has_run_out = ExpressionWrapper(Q(expires_at__lte=timezone.now()), BooleanField())
    return tokens.annotate(has_run_out=has_run_out).select_related("owner", "deployment").order_by("-pk")


def has_tokens(user: User) -> bool:
    """Whether any token of somebody still works."""
    lasts = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return ApiToken.objects.filter(lasts, owner=user).exists()


def push_tokens(deployment: Deployment) -> QuerySet[ApiToken]:
    """The tokens that deliver the usage of one deployment only."""
    return ApiToken.objects.filter(deployment=deployment).select_related("owner").order_by("pk")


def by_secret(secret: str) -> ApiToken | None:
    """The token of this secret; None when it was never ours, was revoked, has run out, or its owner may not sign in."""
    if not secret.startswith(PREFIX):
        return None
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    tokens = ApiToken.objects.filter(
        lasting, token_hash=sha256(secret), owner__is_active=True, enterprise__deleted_at__isnull=True
    )
    return tokens.select_related("owner", "deployment").first()


def granted(token: ApiToken) -> frozenset[Scope]:
    """What a token may do now: its scopes, as far as its owner's role goes. Administration includes the others."""
    role = role_of(token.owner, token.enterprise_id)
    if role is None:
        return frozenset()
    scopes = frozenset(scope for scope in Scope if scope in token.scopes or Scope.ADMIN in token.scopes)
    if token.deployment_id is not None:
        scopes &= {Scope.WRITE_USAGE}
    return scopes & BY_ROLE[role]


def note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
