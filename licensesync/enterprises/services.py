"""The writer of enterprises and of their people (which count is shown: `deployments`; tokens: `tokens`)."""

import secrets
from datetime import datetime
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from licensesync.enterprises import audit_log
from licensesync.enterprises.models import (
    ApiToken,
    AuditAction,
    Deployment,
    Enterprise,
    Invitation,
    Membership,
    Role,
    in_seven_days,
)
from licensesync.enterprises.queries import hold_enterprise, may_make_password_link
from licensesync.errors import (
    ALREADY_INVITED,
    ALREADY_MEMBER,
    LAST_OPERATOR,
    LAST_OWNER,
    LAST_OWNER_OF,
    SLUG_TAKEN,
    ExpectedError,
)
from licensesync.users.models import User
from licensesync.users.services import create_user, password_link_path, sha256, void_password_links

# The enterprise ----------------------------------------------------------------------------------------------------


@transaction.atomic
def create_enterprise(
    *,
    owner: User,
    slug: str,
    name: str,
    license_model: str,
    enterprise_licenses: int = 0,
    visual_studio_licenses: int = 0,
) -> Enterprise:
    """A new enterprise with its first owner. ExpectedError(SLUG_TAKEN)."""
    try:
        with transaction.atomic():
            enterprise = Enterprise.objects.create(
                slug=slug,
                name=_one_line(name),
                license_model=license_model,
                enterprise_licenses=enterprise_licenses,
                visual_studio_licenses=visual_studio_licenses,
            )
    except IntegrityError:
        raise ExpectedError(SLUG_TAKEN, slug=slug) from None
    audit_log.record(enterprise, AuditAction.ENTERPRISE_CREATE)
    add_member(enterprise=enterprise, user=owner, role=Role.OWNER)
    return enterprise


class Settings(TypedDict, total=False):
    """What an owner sets: profile and seats, and what is kept of people. What is not said stays."""

    name: str
    license_model: str
    enterprise_licenses: int
    visual_studio_licenses: int
    keeps_names: bool
    keeps_secondary_emails: bool


@transaction.atomic
def update_enterprise(enterprise: Enterprise, **said: Unpack[Settings]) -> None:
    """Only what is said, and only these columns: a count may be finishing at the same moment."""
    if "name" in said:
        said["name"] = _one_line(said["name"])
    hold_enterprise(enterprise.pk)
    there = Enterprise.objects.filter(pk=enterprise.pk).values(*said.keys()).first()
    changes = audit_log.differences(there or {}, dict(said))
    if changes:
        audit_log.record(enterprise, AuditAction.ENTERPRISE_UPDATE, changes=changes)
    names, secondary_emails = said.pop("keeps_names", None), said.pop("keeps_secondary_emails", None)
    for column, value in said.items():
        setattr(enterprise, column, value)
    enterprise.save(update_fields=said.keys())
    keep(enterprise=enterprise, names=names, secondary_emails=secondary_emails)


@transaction.atomic
def keep(*, enterprise: Enterprise, names: bool | None = None, secondary_emails: bool | None = None) -> None:
    """What is kept of people from the next list of each source on; what is not said (None) stays, as somebody else may
    have set it just now. A list that comes again is taken in anew, so that what is not to be kept goes with it."""
    said = {"keeps_names": names, "keeps_secondary_emails": secondary_emails}
    said = {column: value for column, value in said.items() if value is not None}
    if not said:
        return
    hold_enterprise(enterprise.pk)
    if Enterprise.objects.filter(pk=enterprise.pk).exclude(**said).update(**said):
        Deployment.objects.filter(enterprise=enterprise).update(list_digest="")
    for column, value in said.items():
        setattr(enterprise, column, value)


def _one_line(name: str) -> str:
    """It stands in mails, where more lines would read as ours."""
    return " ".join(name.split())


@transaction.atomic
def give_up(enterprise: Enterprise) -> None:
    """Nobody sees the enterprise any more: members, invitations and tokens end, and its slug is free."""
    hold_enterprise(enterprise.pk)
    for model in (ApiToken, Invitation, Membership):
        model._default_manager.filter(enterprise=enterprise).delete()
    slug = f"deleted-{enterprise.pk}-{secrets.token_hex(8)}"
    Enterprise.objects.filter(pk=enterprise.pk).update(deleted_at=timezone.now(), slug=slug, name=slug)


# Its people --------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_member(*, enterprise: Enterprise, user: User, role: Role) -> Membership:
    """A member from now on; who is one already keeps the role. Links to a new password end: they were for less."""
    return _member(enterprise, user, role, AuditAction.MEMBER_ADD)


def _member(enterprise: Enterprise, user: User, role: Role, action: AuditAction, by: User | None = None) -> Membership:
    membership, is_new = Membership.objects.get_or_create(enterprise=enterprise, user=user, defaults={"role": role})
    if is_new:
        void_password_links(user)
        audit_log.record(enterprise, action, user.email, by=by, changes={"role": [None, role]})
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role) -> None:
    """ExpectedError(LAST_OWNER) when nobody would be left to decide."""
    if role != Role.OWNER and _hold_as_owner(membership):
        _end_ways_back_of(membership)
    if Membership.objects.filter(pk=membership.pk).exclude(role=role).update(role=role):
        _tell(membership, AuditAction.MEMBER_CHANGE_ROLE, role)


def make_password_link(*, enterprise: Enterprise, owner: User, person: User) -> str | None:
    """The path under which a member chooses a new password. None: it would let the owner into what is not theirs."""
    if not may_make_password_link(owner, person):
        return None
    audit_log.record(enterprise, AuditAction.MEMBER_PASSWORD_LINK, person.email)
    return password_link_path(user=person)


@transaction.atomic
def remove_member(*, membership: Membership) -> None:
    """Their tokens for this enterprise go with them. ExpectedError(LAST_OWNER)."""
    if _hold_as_owner(membership):
        _end_ways_back_of(membership)
    ApiToken.objects.filter(enterprise=membership.enterprise_id, owner=membership.user_id).delete()
    removed, _rows = Membership.objects.filter(pk=membership.pk).delete()
    if removed:
        _tell(membership, AuditAction.MEMBER_REMOVE, None)


def _tell(membership: Membership, action: AuditAction, role: Role | None) -> None:
    changes = {"role": [membership.role, role]}
    audit_log.record(membership.enterprise_id, action, membership.user.email, changes=changes)


@transaction.atomic
def delete_account(user: User) -> None:
    """The person leaves every enterprise, and the account is gone. ExpectedError: LAST_OWNER_OF, LAST_OPERATOR."""
    memberships = Membership.objects.filter(user=user).select_related("enterprise", "user").order_by("enterprise")
    while membership := memberships.first():  # also one that began just now
        try:
            remove_member(membership=membership)
        except ExpectedError as error:
            raise ExpectedError(LAST_OWNER_OF, email=user.email, enterprise=membership.enterprise.name) from error
    # After the members, as whoever removes one locks them.
    operators = User.objects.filter(is_superuser=True).select_for_update().order_by("pk")
    if [each.pk for each in operators] == [user.pk]:
        raise ExpectedError(LAST_OPERATOR, email=user.email)
    audit_log.forget_person(user.email)
    user.delete()


def _hold_as_owner(membership: Membership) -> bool:
    """Whether this is an owner, now. Of several who remove an owner at once, each waits here for the one before, and
    sees who is left. ExpectedError(LAST_OWNER).

    PostgreSQL locks the owners' rows, always in the same order; SQLite has one writer from the first word on.
    """
    members = Membership.objects.filter(Q(role=Role.OWNER) | Q(pk=membership.pk), enterprise=membership.enterprise_id)
    owners = [each.pk for each in members.select_for_update().order_by("pk") if each.role == Role.OWNER]
    if owners == [membership.pk]:
        raise ExpectedError(LAST_OWNER, email=membership.user.email)
    return membership.pk in owners


def _end_ways_back_of(owner: Membership) -> None:
    """An owner who goes may have kept a link: to the new password of a member, or of an invitation to an address of
    their own. With either they would be back, as somebody else.
    """
    members = Membership.objects.filter(enterprise=owner.enterprise_id).values("user")
    # Locked in one order everywhere, so that nobody waits for each other.
    void_password_links(*User.objects.filter(pk__in=members).select_for_update().order_by("pk"))
    Invitation.objects.filter(enterprise=owner.enterprise_id, invited_by=owner.user_id).delete()


# Invitations -------------------------------------------------------------------------------------------------------


def invite(*, enterprise: Enterprise, email: str, role: Role, invited_by: User) -> tuple[Invitation, str]:
    """An invitation and the secret of its link, which is stored nowhere. ExpectedError: there is nothing to invite."""
    email = email.strip().lower()
    if Membership.objects.filter(enterprise=enterprise, user__email=email).exists():
        raise ExpectedError(ALREADY_MEMBER, email=email)
    token = secrets.token_hex(24)
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                enterprise=enterprise, email=email, role=role, invited_by=invited_by, token_hash=sha256(token)
            )
            audit_log.record(enterprise, AuditAction.MEMBER_INVITE, email, changes={"role": [None, role]})
    except IntegrityError:
        raise ExpectedError(ALREADY_INVITED, email=email) from None
    return invitation, token


@transaction.atomic
def renew_invitation(*, invitation: Invitation, invited_by: User) -> str | None:
    """A new link for seven days, known to who makes it; the one before stops working. None: the invitation was accepted
    or revoked a moment ago."""
    token = secrets.token_hex(24)
    invitation.token_hash = sha256(token)
    invitation.expires_at = in_seven_days()
    invitation.invited_by = invited_by
    is_there = Invitation.objects.filter(pk=invitation.pk).update(
        token_hash=invitation.token_hash, expires_at=invitation.expires_at, invited_by=invited_by
    )
    if not is_there:
        return None
    audit_log.record(invitation.enterprise_id, AuditAction.MEMBER_RENEW_INVITATION, invitation.email)
    return token


def forget_invitations(*, run_out_before: datetime) -> None:
    """Delete those that ran out before: nobody came, and nobody has made a new link."""
    Invitation.objects.filter(expires_at__lt=run_out_before).delete()


@transaction.atomic
def revoke_invitation(*, invitation: Invitation) -> None:
    revoked, _rows = Invitation.objects.filter(pk=invitation.pk).delete()
    if revoked:
        audit_log.record(invitation.enterprise_id, AuditAction.MEMBER_REVOKE_INVITATION, invitation.email)


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User) -> Membership | None:
    """Make the person a member. None: the link was used or revoked a moment ago, or is for somebody else."""
    if user.email != invitation.email:
        return None
    used, _rows = Invitation.objects.filter(pk=invitation.pk, token_hash=invitation.token_hash).delete()
    if not used:
        return None
    return _member(invitation.enterprise, user, Role(invitation.role), AuditAction.MEMBER_JOIN, by=user)


def accept_as_new_person(*, invitation: Invitation, password: str | None) -> User | None:
    """Make a user and member of whoever opened the link; without a password, of whom somebody else signs in. None: the
    link or the e-mail was used a moment ago."""
    try:
        with transaction.atomic():
            user = create_user(email=invitation.email, password=password)
            if accept_invitation(invitation=invitation, user=user) is None:
                transaction.set_rollback(True)
                return None
    except IntegrityError:
        return None
    return user
