"""How long the list of consumed licenses takes to answer: eight people at once, who never stop to think, ask the
running product for every kind of filter, search, order and page, and eight scripts the API for its first pages and its
last ones. Beside it stands the cheapest query of the same table, one license by its number, asked by eight at once too.

One clock is that of the server's own log, another runs in the client: the way to the server and its queue are in that
one, and what the client does itself, on the same machine.
"""

import json
import random
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.benchmarks import measuring, people
from tests.benchmarks.databases import Database
from tests.product import Product, running

USERS = 8
AIMS = {"PostgreSQL": 1_000_000, "SQLite": 100_000}  # accounts with which 95 of 100 answers take 100 ms at most
PATIENCE = 60  # seconds for one answer
EMAIL, PASSWORD = "owner@benchmark.example", "correct horse battery staple"
LIST = "/enterprises/benchmark/settings/license/consumed"
ENDPOINT, PER_PAGE = "/api/v3/enterprises/benchmark/consumed-licenses", 100
PEOPLE = people.some_people(2)
QUESTIONS: dict[str, Sequence[str]] = {
    "first page": [""],
    "filters": [
        "where=cloud", "where=both", "where=server", "email=none", "two_factor=off", "where=both&match=ambiguous",
        "organization=octo-platform&role=Member",
    ],
    "orders": ["sort=-name", "sort=email", "sort=-since", "sort=accounts", "where=server&sort=-email"],
    "searches": [
        "q=an", "q=octo.example", "q=nobody-is-called-so", "where=server&q=77",
        *(f"q={person.login}777" for person in PEOPLE), *(f"q={person.login}" for person in PEOPLE),
        *(f"q={person.mailbox}.1&sort=-name" for person in PEOPLE),
    ],
}  # fmt: skip
PAGES = "pages, one after the other"
NEW_SEARCHES = "searches, each for the first time"
# Beginnings of names that a hundred to some ten thousand have, and numbers that few have.
NEW_WORDS = [
    *(first + second for first in "bcdfglmnprst" for second in "aeio"),
    *(f"{number}" for number in range(10, 34)),
    *(f"{person.login}{number}" for person in PEOPLE for number in range(101, 125)),
    *(f"{person.login[:4]}+{number}" for person in PEOPLE for number in range(400, 424)),
]
FIRST_PAGES, LAST_PAGES = "API, the first pages", "API, the last pages"
NEXT = re.compile(r'rel="next" href="[^"]*\?([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Seconds of one kind of question, by the server and by the client, and of the cheapest query: the median and the
    95th percentile of each."""

    database: str
    licenses: int
    kind: str
    asked: int
    server_median: float
    server_p95: float
    median: float
    p95: float
    floor_median: float
    floor_p95: float


def measure(database: Database, accounts: int, *, rounds: int = 5) -> Iterator[Answers]:
    """Everything once before the clock runs, as on the second day; each user then asks `rounds` times."""
    with tempfile.TemporaryDirectory(prefix="licensesync-benchmark-") as directory, database.fresh() as environment:
        cloud_list, export = Path(directory) / "cloud.json", Path(directory) / "export.json"
        people.write_cloud_list(cloud_list, accounts)
        people.write_server_export(export, accounts)
        measuring.run("prepare", cloud_list, environment)
        licenses = int(measuring.run("take_in", export, environment)["rows"])
        yield from ask(database.kind, licenses, environment, rounds=rounds)


def ask(database: str, licenses: int, environment: dict[str, str], *, rounds: int) -> Iterator[Answers]:
    """All kinds of questions, to an enterprise with so many licenses."""
    floor = _times(_cheapest(environment, licenses), rounds * 20)
    environment["LICENSESYNC_LOG_FORMAT"] = "json"
    with running(Path(environment["LICENSESYNC_DATA_DIR"]), "--only", "web", environment=environment) as product:
        script = {"Authorization": f"Bearer {_owner(product)}"}
        browser = {"Cookie": _signed_in(product), "HX-Request": "true"}
        last = -(-licenses // PER_PAGE)
        asked: list[tuple[str, str, dict[str, str], Sequence[str]]] = [
            *((kind, LIST, browser, queries) for kind, queries in QUESTIONS.items()),
            (PAGES, LIST, browser, [""]),
            (FIRST_PAGES, ENDPOINT, script, [_page(number) for number in range(1, 6)]),
            (LAST_PAGES, ENDPOINT, script, [_page(number) for number in range(max(last - 4, 1), last + 1)]),
        ]
        for kind, path, headers, queries in asked:
            user = _asking(product.url, path, headers, queries, follow=kind == PAGES)
            _times(user, len(queries))
            yield _answers(database, licenses, kind, product, user, len(queries) * rounds, floor)
        user = _asking_new(product.url, browser)
        yield _answers(database, licenses, NEW_SEARCHES, product, user, len(NEW_WORDS) // USERS, floor)


def _answers(
    database: str,
    licenses: int,
    kind: str,
    product: Product,
    user: Callable[[int, int], list[float]],
    asks: int,
    floor: Sequence[float],
) -> Answers:
    before = len(_logged(product))
    times = _times(user, asks)
    logged = _logged(product)[before:]
    if len(logged) != len(times):
        raise AssertionError(f"{len(times)} answers, and {len(logged)} in the log")
    return Answers(
        database=database,
        licenses=licenses,
        kind=kind,
        asked=len(times),
        server_median=_share(logged, 0.5),
        server_p95=_share(logged, 0.95),
        median=_share(times, 0.5),
        p95=_share(times, 0.95),
        floor_median=_share(floor, 0.5),
        floor_p95=_share(floor, 0.95),
    )


def _page(number: int) -> str:
    return f"page={number}&per_page={PER_PAGE}"


def _logged(product: Product) -> list[float]:
    """The seconds of every request so far, as the product has logged them."""
    lines = (json.loads(line) for line in product.said().splitlines() if line.startswith("{"))
    return [line["ms"] / 1000 for line in lines if line["event"] == "request"]


def _share(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def _times(user: Callable[[int, int], list[float]], asks: int) -> list[float]:
    """What all the users measured, each of whom asks so often."""
    with ThreadPoolExecutor(USERS) as pool:
        return [time for times in pool.map(user, range(USERS), [asks] * USERS) for time in times]


def _asking(
    server: str, path: str, headers: dict[str, str], queries: Sequence[str], *, follow: bool
) -> Callable[[int, int], list[float]]:
    """Somebody who asks these questions in an order of their own; `follow`: each next one is for the next page."""

    def user(number: int, asks: int) -> list[float]:
        order = random.Random(number)  # the same in every run
        times, query = [], f"sort={'-' * (number % 2)}name"
        with _connected(server, headers) as get:
            for _ask in range(asks):
                query = query if follow else order.choice(queries)
                started = perf_counter()
                answer = get(f"{path}?{query}")
                times.append(perf_counter() - started)
                found = NEXT.search(answer.decode()) if follow else None
                query = found[1].replace("&amp;", "&") if found else query
        return times

    return user


def _asking_new(server: str, headers: dict[str, str]) -> Callable[[int, int], list[float]]:
    """Somebody who searches for what nobody has searched for before."""

    def user(number: int, asks: int) -> list[float]:
        times = []
        with _connected(server, headers) as get:
            for word in NEW_WORDS[number::USERS][:asks]:
                started = perf_counter()
                get(f"{LIST}?q={word}")
                times.append(perf_counter() - started)
        return times

    return user


@contextmanager
def _connected(server: str, headers: dict[str, str]) -> Iterator[Callable[[str], bytes]]:
    """GET by one connection that stays open. No more than that is done here: the machine is the server's as well."""
    with closing(HTTPConnection(urlsplit(server).netloc, timeout=PATIENCE)) as connection:

        def get(path: str) -> bytes:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != HTTPStatus.OK:
                raise AssertionError(f"{answer.status} instead of {path}")
            return body

        yield get


def _cheapest(environment: dict[str, str], licenses: int) -> Callable[[int, int], list[float]]:
    """Somebody who asks for one license by its number, on an open connection."""
    url = environment["DATABASE_URL"]
    path = Path(environment["LICENSESYNC_DATA_DIR"]) / "licensesync.sqlite3"
    query = "SELECT * FROM licenses_consumedlicense WHERE enterprise_id = 1 AND number = " + ("%s" if url else "?")

    def user(number: int, asks: int) -> list[float]:
        order, times = random.Random(number), []
        with closing(psycopg.connect(url) if url else sqlite3.connect(path)) as connection:
            database: Any = connection
            for _ask in range(asks):
                started = perf_counter()
                database.execute(query, [order.randint(1, licenses)]).fetchall()
                times.append(perf_counter() - started)
        return times

    return user


def _owner(product: Product) -> str:
    """Make an owner who can sign in; gives a token of theirs."""
    options = ("--enterprise", "benchmark", "--owner", EMAIL, "--password-stdin", "--token")
    made = product.manage("bootstrap", *options, stdin=f"{PASSWORD}\n")
    if made.returncode:
        raise AssertionError(made.stderr)
    return str(json.loads(made.stdout)["token"])


def _signed_in(product: Product) -> str:
    """The cookies of the owner."""
    with httpx.Client(base_url=product.url, headers={"Referer": product.url}) as client:
        client.get("/sign-in")
        token = client.cookies["licensesync-csrf"]
        answer = client.post("/sign-in", data={"username": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token})
        if answer.status_code != 302:
            raise AssertionError(f"{answer.status_code} instead of being signed in")
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())
