"""The side navigation of an enterprise, and the page on which somebody arrives. Only pages that exist."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.licenses import queries as licenses

START = "license"  # the page of an enterprise that comes first


@dataclass
class Entry:
    """One line. `current` is "page" on its page, "true" on those below it, as `aria-current` has it."""

    label: str | Promise
    icon: str
    url: str
    places: tuple[str, ...]  # paths of its page, and of those that are reached through it
    count: int | None = None
    counter: str = ""  # id of the count, where a page keeps it up to date
    current: str = ""

    def reaches(self, path: str) -> int:
        """How much of a path is a place of this entry."""
        return max((len(place) for place in self.places if f"{path}/".startswith(f"{place}/")), default=0)


@dataclass(frozen=True)
class Group:
    title: str | Promise
    entries: list[Entry]


def navigation_of(enterprise: Enterprise, path: str, *, is_owner: bool) -> list[Group]:
    groups = _groups(enterprise, is_owner=is_owner)
    entries = [entry for group in groups for entry in group.entries]
    nearest = max(entries, key=lambda entry: entry.reaches(path))
    if nearest.reaches(path):
        nearest.current = "page" if path == nearest.places[0] else "true"
    return groups


def _groups(enterprise: Enterprise, *, is_owner: bool) -> list[Group]:
    def url_of(name: str, *ids: int) -> str:
        return reverse(name, args=[enterprise.slug, *ids])

    def entry(
        label: str | Promise, icon: str, name: str, *more: str, count: int | None = None, counter: str = ""
    ) -> Entry:
        return Entry(label, icon, url_of(name), (url_of(name), *more), count, counter)

    count = licenses.current_count(enterprise)
    deployments = Deployment.objects.filter(enterprise=enterprise).values_list("pk", "kind")
    clouds = [url_of("instance", pk) for pk, kind in deployments if kind == DeploymentKind.CLOUD]
    servers = Entry(
        _("Server instances"),
        "server",
        url_of("license") + "#instances",
        (url_of("connect_new_server").rpartition("/")[0],),
        len(deployments) - len(clouds),
        "count-servers",
    )
    people = count.consumed if count else None
    return [
        Group(
            _("Licensing"),
            [
                entry(_("License"), "credit-card", "license"),
                entry(_("Consumed licenses"), "people", "licenses", count=people, counter="count-licenses"),
                entry(_("Usage over time"), "graph", "usage_history"),
                entry(_("GitHub’s own count"), "git-compare", "comparison"),
            ],
        ),
        Group(
            _("Deployments"),
            [
                servers,
                entry(_("Enterprise Cloud"), "cloud", "cloud", *clouds),
                entry(_("Sync history"), "history", "sync_history"),
            ],
        ),
        Group(
            _("Enterprise"),
            [
                entry(_("Profile and seats"), "gear", "enterprise_profile", url_of("delete_enterprise")),
                entry(_("Owners and billing"), "shield-lock", "people"),
                entry(_("Verified domains"), "verified", "domains"),
                entry(_("API tokens"), "key", "tokens"),
                *([entry(_("Audit log"), "log", "audit_log")] if is_owner else []),
            ],
        ),
    ]


def start_of(enterprise: Enterprise) -> str:
    """Where somebody arrives who chose this enterprise."""
    return reverse(START, args=[enterprise.slug])
