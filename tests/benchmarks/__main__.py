"""`uv run python -m tests.benchmarks`: how long a list takes, and how much memory, beside the least possible; with
`--finding`, how long people wait who look for licenses."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import finding, measuring, report
from tests.benchmarks.databases import Database

SIZES = (10_000, 100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--sizes",
        default="",
        help="numbers of accounts (default: 10000,100000,1000000; with --finding, for how many there is an aim: "
        "1000000 on PostgreSQL, 100000 on SQLite)",
    )
    parser.add_argument(
        "--database-url",
        default=os.environ.get("DATABASE_URL", ""),
        help="PostgreSQL that may be measured besides SQLite, in a database made for it (default: DATABASE_URL)",
    )
    parser.add_argument("--search-apart", action="store_true", help="on PostgreSQL also without its index for searches")
    parser.add_argument("--finding", action="store_true", help="measure finding licenses instead of taking lists in")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into this page as well")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # not before its databases are dropped
    databases = [Database(arguments.database_url)] if arguments.database_url else []
    databases.append(Database())
    sizes = [int(size) for size in arguments.sizes.split(",") if size]
    lists = _lists(databases, sizes, search_apart=arguments.search_apart)
    rows = list(_finding(databases, sizes) if arguments.finding else lists)
    heading = report.answers_table([]) if arguments.finding else report.table([])
    text = "\n".join([report.machine(databases), "", heading, *rows])
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        report.write(arguments.write, report.FINDING if arguments.finding else report.LISTS, text)


def _lists(databases: list[Database], sizes: list[int], *, search_apart: bool) -> Iterator[str]:
    for database in databases:
        for size in sizes or SIZES:
            yield from map(_shown, map(report.row, measuring.measure(database, size)))
            if search_apart and database.url:
                yield from map(_shown, map(report.row, measuring.measure(database, size, searchable=False)))


def _finding(databases: list[Database], sizes: list[int]) -> Iterator[str]:
    for database in databases:
        for size in sizes or [finding.AIMS[database.kind]]:
            yield from map(_shown, map(report.answers_row, finding.measure(database, size)))


def _shown(row: str) -> str:
    """A long run shows what it has."""
    sys.stderr.write(f"{row}\n")
    return row


if __name__ == "__main__":
    main()
