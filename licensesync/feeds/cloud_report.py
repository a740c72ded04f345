"""GHEC license report, CSV: the columns of `cloud_licenses`, lists as text with commas.

Older reports have the API's names as headings, newer ones words in title case ("GitHub com login"), and more columns
(cost center, start and end date, ...), which are counted as ignored.
"""

from collections.abc import Iterator

from licensesync.feeds.cloud_licenses import ROW, people_of_columns
from licensesync.feeds.columns import columns_of_table
from licensesync.feeds.records import CloudUser, ReadReport, ServerOnlyPerson
from licensesync.feeds.tables import Table


def people(table: Table, report: ReadReport) -> Iterator[list[CloudUser | ServerOnlyPerson]]:
    """The rows of the report, in lists. Raises ExpectedError: WRONG_SHAPE, TOO_LONG_VALUE, those of Table."""
    for rows in table.blocks():
        yield people_of_columns(columns_of_table(ROW, table.heading, rows, report), report)
