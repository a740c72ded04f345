"""Rows as columns of known fields, whatever the spelling of their keys; unknown keys are counted.

Columns, because checking a thousand values at once costs about as much as checking three one by one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from licensesync.feeds.records import ReadReport

USER_LISTS = frozenset({"users", "useraccounts", "licensedusers"})  # plain keys of the list in a JSON feed

MAX_IGNORED_KEYS = 50  # distinct ones that are counted
MAX_KEY = 100  # characters; no documented key is longer

Column = Sequence[Any]


class Spellings:
    """The fields of one kind of row with the plain spellings of each, best first, and known keys that are left out."""

    def __init__(self, fields: Mapping[str, Iterable[str]], *, left_out: Iterable[str] = ()) -> None:
        self._fields = [tuple(spellings) for spellings in fields.values()]
        self._known = frozenset(chain(chain.from_iterable(self._fields), left_out))

    def knows(self, plain_keys: Iterable[str]) -> bool:
        """Whether any of these keys is known."""
        return not self._known.isdisjoint(plain_keys)

    def find(self, keys: Iterable[str]) -> list[list[str]]:
        """For every field the keys that hold it, best spelling first."""
        by_spelling: dict[str, list[str]] = {}
        for key in keys:
            by_spelling.setdefault(plain(key), []).append(key)
        return [[key for spelling in field for key in by_spelling.get(spelling, ())] for field in self._fields]

    def unknown(self, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if plain(key) not in self._known]


def columns_of_objects(spellings: Spellings, rows: list[dict[str, Any]], report: ReadReport) -> list[Column]:
    """A column for every field. Where a row has a field more than once, its best spelling that is not null counts."""
    keys = Counter(chain.from_iterable(rows))
    for key in spellings.unknown(keys):
        count_ignored(report, key, keys[key])
    return [_column_of_objects(rows, found, keys) for found in spellings.find(keys)]


def _column_of_objects(rows: list[dict[str, Any]], found: list[str], keys: Counter[str]) -> Column:
    if not found:
        return [None] * len(rows)
    if keys[found[0]] == len(rows):  # every row has it
        column = list(map(itemgetter(found[0]), rows))
    else:
        column = [row.get(found[0]) for row in rows]
    for key in found[1:10]:  # more than ten spellings at once are no accident
        column = [row.get(key) if value is None else value for value, row in zip(column, rows, strict=True)]
    return column


def columns_of_table(
    spellings: Spellings, heading: list[str], rows: list[list[str]], report: ReadReport
) -> list[Column]:
    """A column for every field; one that the heading does not have is all None."""
    for name in spellings.unknown(heading):
        count_ignored(report, name, len(rows))
    by_name = dict(zip(heading, zip(*rows, strict=True), strict=True))
    nothing = (None,) * len(rows)
    return [by_name[names[0]] if names else nothing for names in spellings.find(by_name)]


def plain(key: str) -> str:
    """Letters and digits only, small: `remote_user_id`, `remoteUserId` and `Remote user ID` are one key."""
    return "".join(filter(str.isalnum, key[:MAX_KEY].casefold()))


def count_ignored(report: ReadReport, key: str, times: int = 1) -> None:
    """Count an unknown key by its name; at most `MAX_IGNORED_KEYS` names are kept."""
    name = "".join(filter(str.isprintable, key[:MAX_KEY]))
    if name in report.ignored_keys or len(report.ignored_keys) < MAX_IGNORED_KEYS:
        report.ignored_keys[name] = report.ignored_keys.get(name, 0) + times
