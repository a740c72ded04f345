"""What somebody asks of the list of licenses: the parameters of an address, read once for page, API and report.

    q                search: every word, in names, logins, e-mails, user ids of servers and host names
    where            cloud, both, server                    type         enterprise, visual-studio
    instance, only   a deployment's number: with an account there; with all accounts there
    organization, role, subscription     as GitHub spells them
    servers=several, two_factor=off, dormant=yes, invitation=pending, match=ambiguous, email=none
    domain=none      no e-mail of a verified domain
    sort             one of `index.SORTS`, with a "-" before it the other way round
Whatever means nothing is left out, so an old or mistyped address shows more, never an error.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.http import urlencode

from licensesync.licenses.index import SORTS
from licensesync.licenses.models import LicenseType, Where

FIXED: dict[str, tuple[str, ...]] = {
    "where": tuple(Where.values),
    "type": tuple(LicenseType.values),
    "servers": ("several",),
    "two_factor": ("off",),
    "dormant": ("yes",),
    "invitation": ("pending",),
    "match": ("ambiguous",),
    "email": ("none",),
    "domain": ("none",),
}
DEPLOYMENTS = ("instance", "only")
OPEN = ("organization", "role", "subscription")
PARAMETERS = (*FIXED, *DEPLOYMENTS, *OPEN)
LONGEST = 200  # letters of a search or a value


@dataclass(frozen=True)
class Filter:
    """`chosen` has a value for every parameter that narrows the list."""

    q: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    sort: str = SORTS[0]

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.chosen)

    def with_(self, parameter: str, value: str) -> "Filter":
        """The same with another value; "" takes the parameter away."""
        chosen = {**self.chosen, parameter: value}
        return replace(self, chosen={name: each for name, each in chosen.items() if each})

    def query(self, **more: Any) -> str:
        """As the query of an address."""
        wanted = {"q": self.q, **self.chosen, "sort": "" if self.sort == SORTS[0] else self.sort, **more}
        return urlencode({name: value for name, value in wanted.items() if value})


def parse(parameters: Mapping[str, Any], *, deployments: Collection[int]) -> Filter:
    """Read the parameters; `deployments` are the numbers of those of the enterprise."""
    chosen: dict[str, str] = {}
    for name in PARAMETERS:
        value = str(parameters.get(name, ""))[:LONGEST].replace("\0", "")
        if name in FIXED:
            known = value in FIXED[name]
        elif name in DEPLOYMENTS:
            known = value.isascii() and value.isdigit() and int(value) in deployments
        else:
            known = bool(value)
        if known:
            chosen[name] = value
    q = " ".join(str(parameters.get("q", "")).replace("\0", "").split())[:LONGEST]
    sort = str(parameters.get("sort", ""))
    return Filter(q, chosen, sort if sort.removeprefix("-") in SORTS else SORTS[0])
