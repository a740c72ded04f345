"""That the harness works, not how fast anything is."""

import os
from pathlib import Path

import pytest

from tests.benchmarks import finding, report, workers
from tests.benchmarks.databases import Database
from tests.benchmarks.measuring import Figures, measure
from tests.benchmarks.people import expected_licenses
from tests.product import redis_of_its_own


def test_both_lists_are_measured_on_the_database_at_hand() -> None:
    database = Database(os.environ.get("DATABASE_URL", ""))

    first, changed, as_csv = measure(database, 1_000)

    for figures in (first, changed, as_csv):
        assert min(figures.seconds, figures.peak_mib, figures.floor_seconds, figures.floor_peak_mib) > 0
    assert first.licenses == expected_licenses(1_000)
    assert changed.licenses == expected_licenses(1_000, changed=True) != first.licenses
    assert as_csv.licenses == changed.licenses
    assert first.floor_rows > 1_000 > changed.floor_rows > 0


@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="DATABASE_URL not set")
def test_the_index_for_searches_can_be_left_out() -> None:
    database = Database(os.environ["DATABASE_URL"])

    first, changed = measure(database, 1_000, searchable=False)

    assert first.list_is == "first, no search"
    assert changed.licenses == expected_licenses(1_000, changed=True)


def test_every_kind_of_question_is_measured_on_the_database_at_hand() -> None:
    database = Database(os.environ.get("DATABASE_URL", ""))

    answers = list(finding.measure(database, 1_000, rounds=1))

    assert [each.kind for each in answers] == [
        *finding.QUESTIONS,
        finding.PAGES,
        finding.FIRST_PAGES,
        finding.LAST_PAGES,
        finding.NEW_SEARCHES,
    ]
    for each in answers:
        assert each.licenses == expected_licenses(1_000)
        assert 0 < each.floor_median <= each.floor_p95
        assert 0 < each.server_median <= each.server_p95
        assert 0 < each.median <= each.p95


def test_the_figures_replace_those_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    begin, end = report.marks(report.LISTS)
    page.write_text(f"How fast?\n\n{begin}\nold\n{end}\n\nThe end.\n")
    figures = Figures(
        database="SQLite",
        accounts=1_000_000,
        list_is="first",
        seconds=30.5,
        peak_mib=812.4,
        licenses=1_022_500,
        floor_seconds=20,
        floor_peak_mib=950,
        floor_rows=3_000_000,
    )

    report.write(page, report.LISTS, report.table([figures]))

    text = page.read_text()
    assert "old" not in text
    assert text.startswith("How fast?")
    assert text.endswith("The end.\n")
    assert "| SQLite | 1,000,000 | first | 30.50 | 20.00 | 1.5 | 812 | 950 | 1,022,500 |" in text


@pytest.mark.skipif(
    not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")), reason="DATABASE_URL and REDIS_URL not set"
)
def test_two_workers_and_two_schedulers_do_everything_once() -> None:
    """What is there twice, or lost, fails the measurement."""
    load = workers.Load(enterprises=3, instances=2, accounts=40)
    with redis_of_its_own() as redis:
        found = workers.measure(Database(os.environ["DATABASE_URL"]), redis, load, processes=2)
    assert found["licenses"] == 3 * 60
    assert workers.line(2, load, found).startswith("| 2 | 6 | 40 | ")
