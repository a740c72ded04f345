"""The people of a comparison with what they stand for: their license, and what GitHub has of them. As rows, as CSV."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.licenses.comparison import Comparison, Entry
from licensesync.licenses.csv_report import csv_line, safe
from licensesync.licenses.finding import rows_of
from licensesync.licenses.models import ConsumedLicense
from licensesync.usage.queries import Unit, units_named

COLUMNS = ("Cause", "Counted by", "Difference", "License number", "Person", "At GitHub", "E-mails")
TWICE = "twice"  # the cause of those who are in no difference: both count them twice
AT_ONCE = 1_000


@dataclass(frozen=True)
class Difference:
    """`license` is None where only GitHub counts. `named` is what GitHub has of them, `logins` what we know."""

    entry: Entry
    license: ConsumedLicense | None
    named: str
    logins: str


def differences(enterprise: Enterprise, entries: Sequence[Entry]) -> Iterator[Difference]:
    """The entries with what they stand for, all read at once."""
    licenses = {each.number: each for each in rows_of(enterprise, [entry.number for entry in entries if entry.number])}
    servers = Deployment.objects.filter(enterprise=enterprise, kind=DeploymentKind.SERVER)
    units = units_named(
        {host.lower(): pk for pk, host in servers.values_list("pk", "host")},
        enterprise.generation,
        cloud_users=[entry.unit for entry in entries if entry.is_cloud],
        people=[entry.unit for entry in entries if entry.unit and not entry.is_cloud],
    )
    for entry in entries:
        unit = units.get((entry.is_cloud, entry.unit), Unit(""))
        yield Difference(entry, licenses.get(entry.number), unit.named, ", ".join(dict.fromkeys(unit.logins)))


def csv_of_differences(enterprise: Enterprise, found: Comparison | None, cause: str = "") -> Iterator[str]:
    """Everybody of the difference, and who is counted twice by both; with a cause, the people whom it explains. The
    heading alone where nothing is compared."""
    yield csv_line(COLUMNS)
    if found is None:
        return
    entries = iter([each for each in found.entries if cause in ("", each.cause)])
    while part := list(islice(entries, AT_ONCE)):
        for each in differences(enterprise, part):
            by, difference = ("GitHub", "1") if each.entry.kind.by_github else ("LicenseSync", "-1")
            yield csv_line((each.entry.cause.value, by, difference, *_cells(each.license, each.logins, each.named)))
    twice = found.twice if not cause else []
    for start in range(0, len(twice), AT_ONCE):
        for license in rows_of(enterprise, twice[start : start + AT_ONCE]):
            yield csv_line((TWICE, "both", "0", *_cells(license, "", "")))


def _cells(license: ConsumedLicense | None, logins: str, named: str) -> tuple[str, ...]:
    if license is None:
        return "", safe(logins), safe(named), ""
    return str(license.number), safe(license.name), safe(named), safe(", ".join(license.emails))
