"""`uv run python -m tests.benchmarks`: how long a list takes, and how much memory, beside the least possible."""

import argparse
import os
import signal
import sys
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.databases import Database
from tests.benchmarks.measuring import Figures, measure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="numbers of accounts (default: %(default)s)")
    parser.add_argument(
        "--database-url",
        default=os.environ.get("DATABASE_URL", ""),
        help="PostgreSQL that may be measured besides SQLite, in a database made for it (default: DATABASE_URL)",
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into this page as well")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # not before its databases are dropped
    databases = [Database(arguments.database_url)] if arguments.database_url else []
    databases.append(Database())
    figures: list[Figures] = []
    for database in databases:
        for size in arguments.sizes.split(","):
            for each in measure(database, int(size)):
                figures.append(each)
                sys.stderr.write(f"{report.row(each)}\n")  # a long run shows what it has

    text = f"{report.machine(databases)}\n\n{report.table(figures)}"
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        report.write(arguments.write, text)


if __name__ == "__main__":
    main()
