"""Who consumes a license, of which type, and which rule of matching goes first."""

from collections.abc import Collection

from licensesync.matching.records import Rule

# The rules that join accounts. The first one that finds somebody decides.
PRECEDENCE = (Rule.SAML_OR_SCIM, Rule.VERIFIED_EMAIL, Rule.LINKED_BY_GITHUB, Rule.SAME_PRIMARY_EMAIL)

ENTERPRISE = "Enterprise"
VISUAL_STUDIO = "Visual Studio subscription"

SCIM_SETUP_USER = "scim-admin"

CONSUMING_ROLES = frozenset(
    ("member", "outside collaborator", "repository collaborator", "pending outside collaborator invitation")
)


def server_account_consumes(login: str, suspended: bool) -> bool:
    """Every account of a server counts, dormant ones too, but suspended ones and the built-in user of SCIM setup."""
    return not suspended and login.casefold() != SCIM_SETUP_USER


def is_unlinked_subscriber(login: str, visual_studio_user: bool) -> bool:
    """Whether a row of the cloud's list is a Visual Studio subscription that no cloud account uses.

    Any other row without a login is an invitation by e-mail: it counts, and has a license of its own.
    """
    return visual_studio_user and not login


def cloud_user_consumes(
    login: str,
    visual_studio_user: bool,
    member_roles: Collection[str],
    enterprise_roles: Collection[str],
    pending_invites: Collection[str],
) -> bool:
    """GitHub's list holds consumers only, except unlinked subscribers: those count if they are invited as well."""
    if not is_unlinked_subscriber(login, visual_studio_user):
        return True
    invited = bool(member_roles or pending_invites)
    return invited or any(role.casefold() in CONSUMING_ROLES for role in enterprise_roles)


def is_visual_studio(reported: str, has_subscriber: bool) -> bool:
    """Whether a license is of that type. `reported` is what the row of its cloud account says, "" without one."""
    return has_subscriber or reported.strip().casefold().startswith("visual studio")
