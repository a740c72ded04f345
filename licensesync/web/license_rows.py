"""The rows of the list of licenses: one person each, in the reader's words.

They are most of what a page costs, so a row is a dict, which a template reads in a third of the time that attributes
take, and what is alike in all rows is made once.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, TypedDict

from django.urls import reverse
from django.utils.translation import gettext as _

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.index import Mask
from licensesync.licenses.models import ConsumedLicense, LicenseType
from licensesync.web import words


class Badge(NamedTuple):
    label: str
    tone: str  # "attention" or ""


class LicenseRow(TypedDict):
    address: str
    name: str
    login: str  # "" where it is the name
    badges: list[Badge]
    in_cloud: bool
    servers: list[str]  # short host names
    type: str
    emails: list[str]
    accounts: int
    since: datetime
    since_or_before: bool


def license_rows(
    enterprise: Enterprise,
    licenses: Iterable[ConsumedLicense],
    deployments: Mapping[int, Deployment],
    *,
    without_verified_domain: Mask | None,
    query: str,
) -> list[LicenseRow]:
    """`without_verified_domain` over license numbers, None without such domains; `query` leads back to the list."""
    above = reverse("licenses", args=[enterprise.slug])  # "license_detail" is a number below it
    behind = f"?{query}" if query else ""
    types = {value: str(label) for value, label in LicenseType.choices}
    hosts = {pk: words.short_host(each, deployments.values()) for pk, each in deployments.items() if each.is_server}

    def row(license: ConsumedLicense) -> LicenseRow:
        places = dict.fromkeys(entry["deployment"] for entry in license.accounts if entry["deployment"] in deployments)
        return {
            "address": f"{above}/{license.number}{behind}",
            "name": license.name,
            "login": license.login if license.login != license.name else "",
            "badges": badges(license, without_verified_domain),
            "in_cloud": any(place not in hosts for place in places),
            "servers": [hosts[place] for place in places if place in hosts],
            "type": types[license.license_type],
            "emails": license.emails,
            "accounts": license.account_count,
            "since": license.since,
            "since_or_before": license.since_or_before,
        }

    return [row(license) for license in licenses]


def badges(license: ConsumedLicense, without_verified_domain: Mask | None) -> list[Badge]:
    """The properties of a person that somebody may want to look at. The mask is that of `license_rows`."""
    found = []
    if license.dormant:
        found.append(Badge(_("Dormant"), ""))
    if license.pending_invitation:
        found.append(Badge(_("Pending invitation"), ""))
    if license.two_factor_off:
        found.append(Badge(_("Two-factor off"), "attention"))
    if license.ambiguous:
        found.append(Badge(_("Ambiguous"), "attention"))
    if not license.emails:
        found.append(Badge(_("No e-mail"), "attention"))
    elif _has(without_verified_domain, license.number):
        found.append(Badge(_("No verified domain"), "attention"))
    return found


def _has(mask: Mask | None, number: int) -> bool:
    return mask is not None and number < len(mask) and bool(mask[number])
