"""GHEC consumed licenses, JSON: `GET /enterprises/{enterprise}/consumed-licenses`, one page or several in one file.

The keys are those of GitHub's REST description, and those of real answers where they differ
(`enterprise_server_primary_emails`). The description's own example has "" where a boolean or null belongs.
"""

from collections.abc import Iterator

from licensesync.errors import _
from licensesync.feeds import values
from licensesync.feeds.columns import USER_LISTS, Column, Spellings, columns_of_objects, count_ignored, plain
from licensesync.feeds.json_stream import JsonReader
from licensesync.feeds.records import CloudUser, ReadReport, ServerOnlyPerson

TOTALS = frozenset({"totalseatsconsumed", "totalseatspurchased"})

ROW = Spellings(
    {
        "login": ("githubcomlogin",),
        "name": ("githubcomname",),
        "profile": ("githubcomprofile",),
        "saml_name_id": ("githubcomsamlnameid", "githubcomsamlname"),
        "verified_emails": ("githubcomverifieddomainemails",),
        "member_roles": ("githubcommemberroles",),
        "enterprise_roles": ("githubcomenterpriseroles",),
        "enterprise_role": ("githubcomenterpriserole",),
        "pending_invites": ("githubcomorgswithpendinginvites",),
        "two_factor": ("githubcomtwofactorauth",),
        "cloud_user": ("githubcomuser",),
        "license_type": ("licensetype",),
        "visual_studio_user": ("visualstudiosubscriptionuser",),
        "visual_studio_status": ("visualstudiolicensestatus",),
        "visual_studio_email": ("visualstudiosubscriptionemail",),
        "server_user_ids": ("enterpriseserveruserids",),
        "server_emails": ("enterpriseserveremails",),
        "server_primary_emails": ("enterpriseserverprimaryemails",),
    },
    left_out=("enterpriseserveruser", "totaluseraccounts"),  # both follow from the rest
)


def people(reader: JsonReader, report: ReadReport) -> Iterator[list[CloudUser | ServerOnlyPerson]]:
    """The rows of all pages, in lists. Raises ExpectedError: WRONG_SHAPE, TOO_LONG_VALUE, those of JsonReader."""
    for _document in reader.documents():
        for key in reader.members():
            name = plain(key)
            if name in USER_LISTS:
                for rows in reader.objects():
                    yield people_of_columns(columns_of_objects(ROW, rows, report), report)
            else:
                if name not in TOTALS:
                    count_ignored(report, key)
                reader.skip()


def people_of_columns(columns: list[Column], report: ReadReport) -> list[CloudUser | ServerOnlyPerson]:
    """Rows from the columns of `ROW`.

    `github_com_user: false` with server user ids is a person who is only on servers. Without them it is a consumer of
    the cloud who has no login yet: an unlinked Visual Studio subscriber, or an invitation by e-mail.
    """
    (
        logins, names, profiles, saml_name_ids, verified_emails, member_roles, enterprise_roles, enterprise_role,
        pending_invites, two_factor, cloud_user, license_types, visual_studio_user, visual_studio_status,
        visual_studio_emails, server_user_ids, server_emails, server_primary_emails,
    ) = columns  # fmt: skip
    with values.numbered(report.rows):
        values.each(_check_person, list(zip(logins, cloud_user, visual_studio_emails, strict=True)))
        is_cloud_user = values.flags(cloud_user, "GitHub.com user")
        verified, invalid = values.address_lists(verified_emails)
        of_servers = zip(
            values.address_lists(server_emails)[0], values.address_lists(server_primary_emails)[0], strict=True
        )
        users = values.records(
            CloudUser,
            login=values.texts(logins, "login"),
            name=values.names(names),
            profile=values.texts(profiles, "profile"),
            saml_name_id=values.texts(saml_name_ids, "SAML name id"),
            verified_emails=verified,
            member_roles=values.text_lists(member_roles, "member roles"),
            enterprise_roles=_first_filled(
                values.text_lists(enterprise_roles, "enterprise roles"),
                values.text_lists(enterprise_role, "enterprise role"),
            ),
            pending_invites=values.text_lists(pending_invites, "pending invitations"),
            two_factor=values.flags(two_factor, "two-factor authentication"),
            license_type=values.texts(license_types, "license type"),
            visual_studio_user=list(map(bool, values.flags(visual_studio_user, "Visual Studio subscription user"))),
            visual_studio_status=values.texts(visual_studio_status, "Visual Studio license status"),
            visual_studio_email=values.texts(visual_studio_emails, "Visual Studio subscription e-mail"),
            server_user_ids=values.text_lists(server_user_ids, "server user ids"),
            server_emails=[tuple(dict.fromkeys(emails + primary)) for emails, primary in of_servers],
        )
    report.rows += len(users)
    report.invalid_emails += invalid
    return [
        ServerOnlyPerson(user.server_user_ids, user.server_emails, _subscription_email(user))
        if is_cloud is False and user.server_user_ids
        else user
        for user, is_cloud in zip(users, is_cloud_user, strict=True)
    ]


def _subscription_email(user: CloudUser) -> str:
    """Subscribers who are only on servers are matched by the address that they have there: GitHub has found them by it,
    whichever their subscription has."""
    if not user.visual_studio_user:
        return ""
    return next(iter(user.server_emails), user.visual_studio_email)


def _check_person(names: tuple[object, ...]) -> None:
    if all(name is None for name in names):
        raise values.Unreadable(_("it has neither a login nor anything else that identifies a person"))


def _first_filled(*columns: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [next(filter(None, row), ()) for row in zip(*columns, strict=True)]
