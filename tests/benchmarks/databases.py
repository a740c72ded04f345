"""A fresh database for one series of measurements, gone afterwards. It is handed over as environment variables."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


@dataclass(frozen=True)
class Database:
    """PostgreSQL where `url` says (with the right to create a database), else SQLite."""

    url: str = ""

    @property
    def name(self) -> str:
        """Of this process alone: two runs at once are slow, but don't take each other's database away."""
        return f"licensesync_benchmark_{os.getpid()}"

    @property
    def kind(self) -> str:
        return "PostgreSQL" if self.url else "SQLite"

    @contextmanager
    def fresh(self) -> Iterator[dict[str, str]]:
        """The environment in which the product finds the new, empty database."""
        with tempfile.TemporaryDirectory(prefix="licensesync-benchmark-") as directory:
            environment = os.environ | {
                "DJANGO_SETTINGS_MODULE": "licensesync.config.settings",
                "LICENSESYNC_DATA_DIR": directory,
                "DATABASE_URL": "",
            }
            if not self.url:
                yield environment
                return
            self._run("CREATE DATABASE {}")
            try:
                yield environment | {"DATABASE_URL": urlsplit(self.url)._replace(path=f"/{self.name}").geturl()}
            finally:
                self._run("DROP DATABASE {} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        # The database of the url need not exist: it may be one that the test runner makes under another name.
        everywhere = urlsplit(self.url)._replace(path="/postgres").geturl()
        with psycopg.connect(everywhere, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.name)))
