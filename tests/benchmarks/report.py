"""The figures as a table, and the machine that they are from."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

from tests.benchmarks.databases import Database
from tests.benchmarks.measuring import Figures

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
COLUMNS = ("Database", "Accounts", "List", "Seconds", "Floor", "Ratio", "Peak MiB", "Floor's MiB", "Licenses")
LEFT = 3  # columns with words


def table(figures: Sequence[Figures]) -> str:
    heading = [_line(COLUMNS), _line(["---"] * LEFT + ["---:"] * (len(COLUMNS) - LEFT))]
    return "\n".join([*heading, *map(row, figures)])


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
        f"SQLite {sqlite3.sqlite_version}",
    ]
    for database in databases:
        if database.url:
            with psycopg.connect(database.url) as connection:
                parts.append(f"PostgreSQL {connection.info.parameter_status('server_version')}")
    return f"Measured {datetime.now(UTC):%Y-%m-%d} with {', '.join(parts)}; the database on the same machine."


def write(path: Path, text: str) -> None:
    """Put the text in the place of the figures of a page."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
