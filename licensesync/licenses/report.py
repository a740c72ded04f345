"""Consumed licenses as GitHub's REST list gives them back, one by one or as a whole answer.

Shape: "List enterprise consumed licenses" of GitHub's REST description. Recorded answers have
`enterprise_server_primary_emails` where the description has `enterprise_server_emails`, so both are given.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypedDict, TypeVar

import msgspec
from django.db.models import QuerySet

from licensesync.licenses.entries import CLOUD_KIND, NO_FACTS, AccountEntry, CloudFacts
from licensesync.licenses.models import ConsumedLicense, LicenseType
from licensesync.matching import rules

LICENSE_TYPES = {LicenseType.ENTERPRISE: rules.ENTERPRISE, LicenseType.VISUAL_STUDIO: rules.VISUAL_STUDIO}


class LicenseRow(TypedDict):
    """One user of GitHub's list, in the order of its description."""

    github_com_login: str
    github_com_name: str | None
    enterprise_server_user_ids: list[str]
    github_com_user: bool
    enterprise_server_user: bool
    visual_studio_subscription_user: bool
    license_type: str
    github_com_profile: str | None
    github_com_member_roles: list[str]
    github_com_enterprise_roles: list[str]
    github_com_verified_domain_emails: list[str]
    github_com_saml_name_id: str | None
    github_com_orgs_with_pending_invites: list[str]
    github_com_two_factor_auth: bool | None
    enterprise_server_emails: list[str]
    enterprise_server_primary_emails: list[str]
    visual_studio_license_status: str | None
    visual_studio_subscription_email: str | None
    total_user_accounts: int


ROWS_AT_ONCE = 5_000
CHOSEN_AT_ONCE = 2_000  # each is named in the query

Row = TypeVar("Row")
_encode = msgspec.json.Encoder().encode


def license_row(license: ConsumedLicense, hosts: dict[int, str]) -> LicenseRow:
    """A license as GitHub lists it. `hosts` are the host names by deployment.

    A person who is only on servers has "" for the strings of the cloud and false for `github_com_user`.
    """
    accounts = msgspec.convert(license.accounts, list[AccountEntry])
    facts = NO_FACTS if license.cloud is None else msgspec.convert(license.cloud, CloudFacts)
    cloud = next((account for account in accounts if account.kind == CLOUD_KIND), None)
    servers = [account for account in accounts if account.kind != CLOUD_KIND]
    emails = list(dict.fromkeys(account.email for account in servers if account.email))
    return {
        "github_com_login": cloud.login if cloud else "",
        "github_com_name": cloud.name or None if cloud else "",
        "enterprise_server_user_ids": [f"{hosts[account.deployment]}:{account.user_id}" for account in servers],
        "github_com_user": bool(cloud and cloud.login),
        "enterprise_server_user": bool(servers),
        "visual_studio_subscription_user": facts.visual_studio_user
        or license.license_type == LicenseType.VISUAL_STUDIO,
        "license_type": LICENSE_TYPES[LicenseType(license.license_type)],
        "github_com_profile": facts.profile or None if cloud else "",
        "github_com_member_roles": facts.member_roles,
        "github_com_enterprise_roles": facts.enterprise_roles,
        "github_com_verified_domain_emails": facts.verified_emails,
        "github_com_saml_name_id": cloud.email or None if cloud else "",
        "github_com_orgs_with_pending_invites": facts.pending_invites,
        "github_com_two_factor_auth": facts.two_factor,
        "enterprise_server_emails": emails,
        "enterprise_server_primary_emails": emails,
        "visual_studio_license_status": facts.visual_studio_status or None if cloud else "",
        "visual_studio_subscription_email": facts.visual_studio_email or None if cloud else "",
        "total_user_accounts": license.account_count,
    }


def json_report(consumed: int, purchased: int, rows: Iterable[LicenseRow]) -> Iterator[str]:
    """One object as GitHub's REST answers, with all users in it, in pieces: a million need not fit in memory. It says
    who made it, or it would be taken for a list of GitHub when somebody adds it (`feeds.recognise`)."""
    yield '{"made_by": "LicenseSync", '
    yield f'"total_seats_consumed": {consumed}, "total_seats_purchased": {purchased}, "users": ['
    rows, separator = iter(rows), "\n"
    while block := list(islice(rows, ROWS_AT_ONCE)):
        yield separator + ",\n".join([_encode(row).decode() for row in block])
        separator = ",\n"
    yield "\n]}"


def in_blocks(
    rows: QuerySet[ConsumedLicense, Row],
    number_of: Callable[[Row], int],
    numbers: Sequence[int] | None = None,
    *,
    read: Callable[[QuerySet[ConsumedLicense, Row]], list[Row]] = list,
) -> Iterator[list[Row]]:
    """Licenses in the order of their numbers, or those with `numbers` in that order, a block at a time; `read` fetches
    one.

    Each block is found by numbers alone, so nothing stays open between two: a slow reader holds no transaction, and
    rows of one generation stay what they are whatever is counted meanwhile.
    """
    if numbers is not None:
        for start in range(0, len(numbers), CHOSEN_AT_ONCE):
            part = numbers[start : start + CHOSEN_AT_ONCE]
            by_number = {number_of(row): row for row in read(rows.filter(number__in=part))}
            yield [by_number[number] for number in part if number in by_number]
        return
    in_order, last = rows.order_by("number"), 0
    while block := read(in_order.filter(number__gt=last)[:ROWS_AT_ONCE]):
        yield block
        last = number_of(block[-1])
