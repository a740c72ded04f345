"""The scenario: an enterprise that holds the cloud's list gets its server's list, and the one of the week after; then
somebody downloads the CSV report."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import people
from tests.benchmarks.databases import Database

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One list taken in, or the CSV report, beside its floor."""

    database: str
    accounts: int
    list_is: str
    seconds: float
    peak_mib: float
    licenses: int
    floor_seconds: float
    floor_peak_mib: float
    floor_rows: int

    @property
    def ratio(self) -> float:
        return self.seconds / self.floor_seconds


def measure(database: Database, accounts: int, *, searchable: bool = True) -> Iterator[Figures]:
    """First load, then 1% changed. The license counts are checked: what is wrong may be fast, but is of no use.

    Not `searchable`: PostgreSQL without its index for searches.
    """
    with tempfile.TemporaryDirectory(prefix="licensesync-benchmark-") as directory, database.fresh() as environment:
        cloud_list, export = Path(directory) / "cloud.json", Path(directory) / "export.json"
        people.write_cloud_list(cloud_list, accounts)
        run("prepare" if searchable else "leave_search_out", cloud_list, environment)
        for list_is, changed in (("first", False), ("1% changed", True)):
            people.write_server_export(export, accounts, changed=changed)
            product = run("take_in", export, environment)
            if product["rows"] != (expected := people.expected_licenses(accounts, changed=changed)):
                raise AssertionError(f"{product['rows']} licenses instead of {expected}")
            least = run("least", export, environment)
            words = list_is if searchable else f"{list_is}, no search"
            yield _figures(database, accounts, words, product, least)
        if not searchable:
            return
        product, least = run("take_away", export, environment), run("least_taken_away", export, environment)
        if product["rows"] != least["rows"]:
            raise AssertionError(f"{product['rows']} lines instead of {least['rows']}")
        yield _figures(database, accounts, "as CSV", product, least)


def _figures(
    database: Database, accounts: int, list_is: str, product: dict[str, float], least: dict[str, float]
) -> Figures:
    return Figures(
        database=database.kind,
        accounts=accounts,
        list_is=list_is,
        seconds=product["seconds"],
        peak_mib=product["peak_mib"],
        licenses=int(product["rows"]),
        floor_seconds=least["seconds"],
        floor_peak_mib=least["peak_mib"],
        floor_rows=int(least["rows"]),
    )


def run(step: str, path: Path, environment: dict[str, str]) -> dict[str, float]:
    """One of `steps`, in a process of its own; gives its outcome."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.steps", step, str(path)],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    outcome: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return outcome
