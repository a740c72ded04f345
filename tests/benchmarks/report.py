"""The figures as a table, and the machine that they are from."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.databases import Database
from tests.benchmarks.finding import Answers
from tests.benchmarks.measuring import Figures

LISTS, FINDING, WORKERS = "figures", "figures of finding", "figures of workers"  # the places of a page where they stand
COLUMNS = ("Database", "Accounts", "List", "Seconds", "Floor", "Ratio", "Peak MiB", "Floor's MiB", "Licenses")
ANSWER_COLUMNS = (
    "Database",
    "Licenses",
    "Asked for",
    "Times",
    "In the server ms",
    "95% ms",
    "In the client ms",
    "95% ms",
    "Cheapest query ms",
    "95% ms",
    "Ratio",
)
LEFT = 3  # columns with words


def table(figures: Sequence[Figures]) -> str:
    return "\n".join([*_heading(COLUMNS), *map(row, figures)])


def answers_table(answers: Sequence[Answers]) -> str:
    return "\n".join([*_heading(ANSWER_COLUMNS), *map(answers_row, answers)])


def answers_row(answers: Answers) -> str:
    inside, outside = (answers.server_median, answers.server_p95), (answers.median, answers.p95)
    milliseconds = (*inside, *outside, answers.floor_median, answers.floor_p95)
    return _line(
        (
            answers.database,
            f"{answers.licenses:,}",
            answers.kind,
            f"{answers.asked:,}",
            *(f"{seconds * 1000:.1f}" for seconds in milliseconds),
            f"{answers.p95 / answers.floor_p95:.0f}",
        )
    )


def row(figures: Figures) -> str:
    return _line(
        (
            figures.database,
            f"{figures.accounts:,}",
            figures.list_is,
            f"{figures.seconds:.2f}",
            f"{figures.floor_seconds:.2f}",
            f"{figures.ratio:.1f}",
            f"{figures.peak_mib:,.0f}",
            f"{figures.floor_peak_mib:,.0f}",
            f"{figures.licenses:,}",
        )
    )


def machine(databases: Sequence[Database]) -> str:
    """What the figures depend on, in one sentence."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown make")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [
        f"{os.cpu_count()} cores ({model})",
        f"{memory:.0f} GiB of memory",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("django", "msgspec", "psycopg")),
        *(database.version() for database in databases),
    ]
    return f"Measured {datetime.now(UTC):%Y-%m-%d} with {', '.join(parts)}; the database on the same machine."


def write(path: Path, place: str, text: str) -> None:
    """Put the text in a place of a page, such as `LISTS`."""
    begin, end = marks(place)
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def marks(place: str) -> tuple[str, str]:
    """The lines around a place of a page."""
    return f"<!-- {place} -->", f"<!-- end of {place} -->"


def _heading(columns: Sequence[str]) -> list[str]:
    return [_line(columns), _line(["---"] * LEFT + ["---:"] * (len(columns) - LEFT))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
