"""The filters of the list of licenses as people see them: their words, and how many licenses each would leave."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensesync.enterprises.models import Deployment
from licensesync.licenses.filters import Filter
from licensesync.licenses.finding import Selection
from licensesync.licenses.models import LicenseType, Where

LABELS: dict[tuple[str, str], str | Promise] = {
    ("where", Where.CLOUD.value): Where.CLOUD.label,
    ("where", Where.BOTH.value): Where.BOTH.label,
    ("where", Where.SERVER.value): Where.SERVER.label,
    ("servers", "several"): gettext_lazy("In several servers"),
    ("type", LicenseType.ENTERPRISE.value): LicenseType.ENTERPRISE.label,
    ("type", LicenseType.VISUAL_STUDIO.value): LicenseType.VISUAL_STUDIO.label,
    ("two_factor", "off"): gettext_lazy("Two-factor off"),
    ("dormant", "yes"): gettext_lazy("Dormant everywhere"),
    ("domain", "none"): gettext_lazy("No verified domain"),
    ("email", "none"): gettext_lazy("No e-mail"),
    ("match", "ambiguous"): gettext_lazy("Ambiguous match"),
    ("invitation", "pending"): gettext_lazy("Pending invitation"),
}
WHERE = (*(("where", value) for value in Where.values), ("servers", "several"))
TYPE = tuple(("type", value) for value in LicenseType.values)
LOOK_AT = (
    ("two_factor", "off"), ("dormant", "yes"), ("domain", "none"), ("email", "none"), ("match", "ambiguous"),
    ("invitation", "pending"),
)  # fmt: skip
SORTS = {
    "name": "name",
    "where": "where",
    "type": "type",
    "email": "email",
    "accounts": "-accounts",  # the most, and the newest, are what is looked for first
    "since": "-since",
}


@dataclass(frozen=True)
class Chip:
    """Switches one value on and off; `count` is None where nobody counts so many."""

    id: str
    label: str | Promise
    query: str
    count: int | None
    is_on: bool

    @property
    def is_empty(self) -> bool:
        return self.count == 0 and not self.is_on


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    count: int | None
    is_on: bool


@dataclass(frozen=True)
class Choice:
    """A list to choose one value from."""

    name: str
    label: str
    everything: str  # where nothing is chosen
    options: list[Option]


@dataclass(frozen=True)
class Group:
    id: str
    title: str
    chips: list[Chip]


@dataclass(frozen=True)
class Column:
    """A heading that sorts. `direction` is ascending or descending where it does now, else ""."""

    name: str
    label: str
    css: str
    query: str
    direction: str


@dataclass(frozen=True)
class WayBack:
    """One condition less, and how many licenses are then found."""

    label: str
    query: str
    count: int
    is_exact: bool


@dataclass(frozen=True)
class FilterBar:
    choices: list[Choice]
    groups: list[Group]
    hidden: dict[str, str]  # parameters that a search keeps


class Words:
    """The words for the values of filters. `deployments` are those of the enterprise, by number."""

    def __init__(self, deployments: Mapping[int, Deployment]) -> None:
        self.deployments = deployments

    def of(self, parameter: str, value: str) -> str:
        if parameter in ("instance", "only"):
            deployment = self.deployments[int(value)]
            return _("Only on %(deployment)s") % {"deployment": deployment} if parameter == "only" else str(deployment)
        return str(LABELS.get((parameter, value), value))

    def conditions(self, filter: Filter) -> list[str]:
        """What a list is of: the search in quotes, then what was chosen."""
        search = [_("“%(search)s”") % {"search": filter.q}] if filter.q else []
        return search + [self.of(parameter, value) for parameter, value in filter.chosen.items()]

    def ways_back(self, selection: Selection) -> list[WayBack]:
        """The filter without one of its conditions, where that finds somebody."""
        filter = selection.filter
        fewer = [(_("Without the search"), Filter("", filter.chosen, filter.sort))] if filter.q else []
        for parameter, value in filter.chosen.items():
            label = _("Without “%(condition)s”") % {"condition": self.of(parameter, value)}
            fewer.append((label, filter.with_(parameter, "")))
        ways = [WayBack(label, less.query(), *Selection(selection.enterprise, less).count()) for label, less in fewer]
        return [way for way in ways if way.count] if len(fewer) > 1 else []


def filter_bar(selection: Selection, words: Words, *, rows: str, counted: bool) -> FilterBar:
    """`rows` is the page size where it is not the usual one; with `counted` false nobody is counted yet."""
    filter = selection.filter
    counts_of = selection.counts if counted else _not_counted

    def chips(pairs: tuple[tuple[str, str], ...]) -> list[Chip]:
        found = []
        by_parameter: dict[str, list[str]] = {}
        for parameter, value in pairs:
            by_parameter.setdefault(parameter, []).append(value)
        for parameter, values in by_parameter.items():
            counts = counts_of(parameter, values)
            for value in values:
                is_on = filter.chosen.get(parameter) == value
                query = filter.with_(parameter, "" if is_on else value).query(rows=rows)
                label = LABELS.get((parameter, value)) or words.of(parameter, value)
                found.append(Chip(f"{parameter}-{value}", label, query, counts[value], is_on))
        return found

    only = (("only", filter.chosen["only"]),) if "only" in filter.chosen else ()
    statuses = tuple(("subscription", value) for value in selection.index.values("subscription"))
    look_at = tuple(pair for pair in LOOK_AT if selection.domains or pair[0] != "domain" or "domain" in filter.chosen)
    return FilterBar(
        choices=_choices(selection, words, counts_of),
        groups=[
            Group("where", _("Where"), chips((*WHERE, *only))),
            Group("type", _("License"), chips((*TYPE, *statuses))),
            Group("look", _("Look at"), chips(look_at)),
        ],
        hidden={
            **{name: value for name, value in filter.chosen.items() if name not in CHOICES},
            "sort": "" if filter.sort == "name" else filter.sort,
            "rows": rows,
        },
    )


CHOICES = {
    "instance": (gettext_lazy("Instance"), gettext_lazy("All instances")),
    "organization": (gettext_lazy("Organization"), gettext_lazy("All organizations")),
    "role": (gettext_lazy("Enterprise role"), gettext_lazy("All roles")),
}


def _not_counted(_parameter: str, values: Iterable[str]) -> dict[str, int | None]:
    return dict.fromkeys(values)


def _choices(
    selection: Selection, words: Words, counts_of: Callable[[str, Iterable[str]], dict[str, int | None]]
) -> list[Choice]:
    found = []
    for name, (label, everything) in CHOICES.items():
        chosen = selection.filter.chosen.get(name, "")
        if name == "instance":
            values = [str(pk) for pk, deployment in words.deployments.items() if deployment.is_server]
        else:
            values = selection.index.values(name)
        if chosen and chosen not in values:  # of an old address
            values.append(chosen)
        counts = counts_of(name, values)
        options = [Option(value, words.of(name, value), counts[value], value == chosen) for value in values]
        if options:
            found.append(Choice(name, str(label), str(everything), options))
    return found


def columns(filter: Filter, *, rows: str) -> list[Column]:
    labels = {
        "name": (_("Person"), "c-person"),
        "where": (_("Where"), "c-where"),
        "type": (_("License type"), "c-type"),
        "email": (_("E-mails"), ""),
        "accounts": (_("Accounts"), "num c-accounts"),
        "since": (_("Since"), "c-since"),
    }
    found = []
    for name, first in SORTS.items():
        is_sorted = filter.sort.removeprefix("-") == name
        turned = name if filter.sort.startswith("-") else f"-{name}"
        query = Filter(filter.q, filter.chosen, turned if is_sorted else first).query(rows=rows)
        direction = ("descending" if filter.sort.startswith("-") else "ascending") if is_sorted else ""
        found.append(Column(name, *labels[name], query, direction))
    return found
