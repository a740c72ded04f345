"""Who may see what, and reading the people of an enterprise. Pages and API find an enterprise by `visible_to` alone,
and go on from there."""

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.utils import timezone

from licensesync.enterprises.models import (
    Enterprise,
    Invitation,
    Membership,
    Role,
    VerifiedDomain,
)
from licensesync.users.models import User
from licensesync.users.services import sha256


def visible_to(user: User) -> QuerySet[Enterprise]:
    """The enterprises of a person. The only access rule; an operator without membership sees none."""
    return Enterprise.objects.filter(memberships__user=user, deleted_at__isnull=True).order_by("name", "pk")


def enterprises_given_up() -> list[int]:
    """The ids of those that are being deleted."""
    return list(Enterprise.objects.filter(deleted_at__isnull=False).order_by("pk").values_list("pk", flat=True))


def hold_enterprise(enterprise_id: int) -> None:
    """Within a transaction: whoever else holds the enterprise waits for its end. What is held beside it (its
    deployments, their connections, jobs) is held after it, by everybody: else two would wait for each other.

    `no_key`, here and wherever a deployment is held, does not conflict with the checks of foreign keys: at the end of a
    transaction with a million rows PostgreSQL checks for some twenty seconds that what they refer to is there."""
    list(Enterprise.objects.select_for_update(no_key=True).filter(pk=enterprise_id))


def role_of(user: User, enterprise: Enterprise | int) -> Role | None:
    role = Membership.objects.filter(user=user, enterprise=enterprise).values_list("role", flat=True).first()
    return Role(role) if role else None


def may_create_enterprise(user: User) -> bool:
    """Whoever set LicenseSync up, and owners: they already answer for one. A billing manager only reads."""
    return user.is_superuser or Membership.objects.filter(user=user, role=Role.OWNER).exists()


def memberships_of(user: User) -> QuerySet[Membership]:
    """The enterprises of a person together with their role in each."""
    rows = Membership.objects.filter(user=user, enterprise__deleted_at__isnull=True)
    return rows.select_related("enterprise").order_by("enterprise__name", "pk")


def members(enterprise: Enterprise) -> QuerySet[Membership]:
    """Owners first, then by e-mail."""
    rows = Membership.objects.filter(enterprise=enterprise).select_related("user")
    return rows.order_by("-role", "user__email")  # "owner" sorts after "billing_manager"


def invitations(enterprise: Enterprise) -> QuerySet[Invitation]:
    """Who has not come yet. `has_run_out`: the link is too old."""
    has_run_out = ExpressionWrapper(Q(expires_at__lte=timezone.now()), BooleanField())
    return Invitation.objects.filter(enterprise=enterprise).annotate(has_run_out=has_run_out).order_by("email")


def open_invitation(token: str) -> Invitation | None:
    """The invitation behind a link; None when it was never ours, was used, revoked, or has run out.

    Nor when who made it is no owner: those of an owner who goes are deleted, but one that was just being written then
    comes after.
    """
    owners = Membership.objects.filter(enterprise=OuterRef("enterprise"), user=OuterRef("invited_by"), role=Role.OWNER)
    rows = Invitation.objects.filter(
        Exists(owners),
        token_hash=sha256(token),
        expires_at__gt=timezone.now(),
        enterprise__deleted_at__isnull=True,
    )
    return rows.select_related("enterprise").first()


def verified_domains(enterprise: Enterprise) -> list[str]:
    """The names of the verified domains, in alphabetical order."""
    return list(domains_of(enterprise).values_list("name", flat=True))


def domains_of(enterprise: Enterprise) -> QuerySet[VerifiedDomain]:
    return VerifiedDomain.objects.filter(enterprise=enterprise).order_by("name")


def may_make_password_link(owner: User, person: User) -> bool:
    """An owner may let somebody in again who is nowhere but where this owner is an owner.

    Else the link would be a way into an enterprise that is not theirs. The operator asks the command line.
    """
    owned = Membership.objects.filter(user=owner, role=Role.OWNER).values("enterprise")
    elsewhere = Membership.objects.filter(user=person).exclude(enterprise__in=owned)
    return not person.is_superuser and not elsewhere.exists()
