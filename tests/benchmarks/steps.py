"""One step of a measurement in a process of its own, so that its peak memory is its own: `python -m ... STEP FILE`.

The last line that it prints is the outcome as JSON.
"""

import json
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import django
from django.core.management import call_command

django.setup()

from licensesync.enterprises.models import Enterprise  # noqa: E402 (needs Django)
from licensesync.flows.import_files import import_files  # noqa: E402
from licensesync.licenses.models import ConsumedLicense  # noqa: E402
from licensesync.licenses.queries import csv_of, current_count  # noqa: E402
from licensesync.syncing.models import JobState  # noqa: E402
from licensesync.usage import bulk  # noqa: E402
from licensesync.usage.models import OPEN  # noqa: E402
from tests.benchmarks import floor  # noqa: E402


@dataclass(frozen=True, kw_only=True)
class Outcome:
    seconds: float
    peak_mib: float  # of the whole process, Python and Django included
    rows: int  # licenses that there are after a list, rows that the floor loaded


def prepare(cloud_list: Path) -> Outcome:
    """A new database, and an enterprise that already holds the cloud's list."""
    call_command("migrate", verbosity=0)
    Enterprise.objects.create(slug="benchmark", name="Benchmark")
    return take_in(cloud_list)


def leave_search_out(cloud_list: Path) -> Outcome:
    """As `prepare`, then PostgreSQL has no index for searches any more, neither here nor for the floor."""
    prepared = prepare(cloud_list)
    bulk.execute("DROP INDEX license_search")
    return prepared


def take_in(path: Path) -> Outcome:
    """What the product does with a file: from its bytes to consolidated licenses."""
    floor.settle()
    started = perf_counter()
    [imported] = import_files(enterprise=_enterprise(), paths=[path])
    seconds = perf_counter() - started
    if imported.job is None or imported.job.state != JobState.SUCCESS:
        raise AssertionError(f"{path.name} was not taken in: {(imported.job or imported.file).problem_code}")
    return _outcome(seconds, ConsumedLicense.objects.filter(valid_to=OPEN).count())


def least(path: Path) -> Outcome:
    """The floor for the file that was taken in last."""
    decoding = floor.decode(path)
    loading, rows = floor.load(_enterprise().generation)
    return _outcome(decoding + loading, rows)


def take_away(path: Path) -> Outcome:
    """The CSV report of everybody, written to a file."""
    started = perf_counter()
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_of(_enterprise()))
    return _outcome(perf_counter() - started, current_count(_enterprise()).consumed)  # type: ignore[union-attr]


def least_taken_away(path: Path) -> Outcome:
    """The floor of that: the same rows read from the database, and the longest value of each written."""
    started, rows = perf_counter(), 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in bulk.stream(
            """SELECT number, name, "where", license_type, accounts, cloud, account_count, ambiguous, dormant,
                      two_factor_off, CAST(since AS text), since_or_before FROM licenses_consumedlicense
               WHERE valid_to = %s ORDER BY number""",
            [OPEN],
        ):
            file.write(row[4])
            rows += 1
    return _outcome(perf_counter() - started, rows)


def _enterprise() -> Enterprise:
    return Enterprise.objects.get()


def _outcome(seconds: float, rows: int) -> Outcome:
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Outcome(seconds=seconds, peak_mib=peak_kib / 1024, rows=rows)


if __name__ == "__main__":
    steps = (prepare, leave_search_out, take_in, least, take_away, least_taken_away)
    step = {each.__name__: each for each in steps}[sys.argv[1]]
    sys.stdout.write(json.dumps(asdict(step(Path(sys.argv[2])))) + "\n")
