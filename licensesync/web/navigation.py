"""The side navigation of an enterprise, and the page on which somebody arrives. Only pages that exist."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.licenses import queries as licenses

START = "license"  # the page of an enterprise that comes first


@dataclass(frozen=True)
class Entry:
    """One line. A place on another page (`#cloud`) is never the current one."""

    label: str | Promise
    icon: str
    url: str
    is_current: bool = False
    count: int | None = None
    counter: str = ""  # id of the count, where a page keeps it up to date


@dataclass(frozen=True)
class Group:
    title: str | Promise
    entries: list[Entry]


def navigation_of(enterprise: Enterprise, path: str) -> list[Group]:
    def entry(
        label: str | Promise, icon: str, name: str, *, at: str = "", count: int | None = None, counter: str = ""
    ) -> Entry:
        url = reverse(name, args=[enterprise.slug])
        return Entry(label, icon, url + at, is_current=not at and path == url, count=count, counter=counter)

    count = licenses.current_count(enterprise)
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER).count()
    return [
        Group(
            _("Licensing"),
            [
                entry(_("License"), "credit-card", "license"),
                entry(
                    _("Consumed licenses"),
                    "people",
                    "licenses",
                    count=count.consumed if count else None,
                    counter="count-licenses",
                ),
                entry(_("Usage over time"), "graph", "usage_history"),
                entry(_("GitHub’s own count"), "git-compare", "comparison"),
            ],
        ),
        Group(
            _("Deployments"),
            [
                entry(
                    _("Server instances"), "server", "license", at="#instances", count=servers, counter="count-servers"
                ),
                entry(_("Enterprise Cloud"), "cloud", "cloud"),
                entry(_("Sync history"), "history", "sync_history"),
            ],
        ),
        Group(
            _("Enterprise"),
            [
                entry(_("Profile and seats"), "gear", "enterprise_profile"),
                entry(_("Owners and billing"), "shield-lock", "people"),
                entry(_("Verified domains"), "verified", "domains"),
                entry(_("API tokens"), "key", "tokens"),
            ],
        ),
    ]


def start_of(enterprise: Enterprise) -> str:
    """Where somebody arrives who chose this enterprise."""
    return reverse(START, args=[enterprise.slug])
