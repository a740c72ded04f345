"""A fresh database for one series of measurements, gone afterwards. It is handed over as environment variables."""

import os
import sqlite3
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
                "LICENSESYNC_DATA_DIR": f"{directory}/data",  # what a program says is written beside it
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

    def version(self) -> str:
        """Such as "PostgreSQL 15.20"."""
        if not self.url:
            return f"SQLite {sqlite3.sqlite_version}"
        with self._connected() as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"

    def _run(self, statement: str) -> None:
        with self._connected() as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.name)))

    def _connected(self) -> psycopg.Connection:
        # The database of the url need not exist: it may be one that the test runner makes under another name.
        return psycopg.connect(urlsplit(self.url)._replace(path="/postgres").geturl(), autocommit=True)
