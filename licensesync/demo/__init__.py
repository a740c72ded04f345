"""A believable example enterprise as files in the formats that GitHub writes.

Files, so that the demo goes the way of every upload and shows nothing that the product couldn't do with real ones.
`groups` is the table of who there is, `accounts` deals out the accounts, `files` writes them down.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from licensesync.demo import files
from licensesync.demo.accounts import ExampleEnterprise
from licensesync.demo.groups import (
    APAC,
    EMEA,
    ENTERPRISE_LICENSES,
    GROUPS,
    MACHINE_USERS,
    VISUAL_STUDIO_LICENSES,
    Counted,
)

SLUG = "octo-industries"
NAME = "Octo Industries"
SEED = 2026


@dataclass(frozen=True)
class ExpectedCount:
    """What the License page must show; the four parts add up to `consumed`."""

    consumed: int
    cloud_only: int
    cloud_and_server: int
    server_only: int
    visual_studio: int


@dataclass(frozen=True)
class DemoFiles:
    """Where the files are, what they belong to, and what must come out."""

    cloud_licenses: Path  # consumed-licenses, a JSON array of its pages
    server_export: Path  # license usage export of a server, JSON; it names its server
    server_report: Path  # all_users.csv of another server, which doesn't name it:
    report_host: str
    later_report: Path  # all_users.csv of the server of the export, which tells who is dormant
    enterprise_licenses: int
    visual_studio_licenses: int
    expected: ExpectedCount


def write_demo_files(directory: Path, *, today: datetime) -> DemoFiles:
    """Write the four files into the directory, the same ones for the same day. Dates in them end at `today`."""
    enterprise = ExampleEnterprise(SEED, today)
    written = DemoFiles(
        cloud_licenses=directory / "consumed-licenses.json",
        server_export=directory / "ghes-emea-license-usage.json",
        server_report=directory / "all_users.csv",
        report_host=APAC,
        later_report=directory / "all_users-emea.csv",
        enterprise_licenses=ENTERPRISE_LICENSES,
        visual_studio_licenses=VISUAL_STUDIO_LICENSES,
        expected=_expected(),
    )
    files.write_cloud_licenses(
        written.cloud_licenses, enterprise.cloud, purchased=ENTERPRISE_LICENSES + VISUAL_STUDIO_LICENSES
    )
    files.write_server_export(written.server_export, enterprise.servers[EMEA], host=EMEA, exported_at=today)
    files.write_server_report(written.server_report, enterprise.servers[APAC])
    files.write_server_report(written.later_report, enterprise.servers[EMEA])
    return written


def _expected() -> ExpectedCount:
    licenses: Counter[Counted] = Counter()
    for group in GROUPS:
        licenses.update(group.counts * group.size)
    licenses[Counted.SERVER_ONLY] += len(MACHINE_USERS)
    return ExpectedCount(consumed=licenses.total(), **{part.value: licenses[part] for part in Counted})
