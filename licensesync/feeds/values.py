"""Values of a file, checked: what a file may hold in, what a record holds out.

The functions for columns look at all values at once where nothing is unusual, and else at each.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import partial
from itertools import chain
from types import NoneType
from typing import Any, NamedTuple, TypeVar

from licensesync.errors import TOO_LONG_VALUE, WRONG_SHAPE, ExpectedError, _
from licensesync.feeds.columns import Column

MAX_TEXT = 255  # characters of a login, a name or any other text of an account; GitHub's own are shorter
MAX_EMAIL = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
MAX_USER_ID = 2**63 - 1
MAX_COUNT = 2**31 - 1

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_EMAIL_LINES = re.compile(r"(?:[^@\s]++@[^@\s]++\n|\n)*+")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # UAX 9
_WORDS = {"true": True, "false": False, "": None}
_LONGEST_TIME = 64  # a million blanks, each looked at from each before it, would take hours
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")

Value = TypeVar("Value")
Record = TypeVar("Record", bound=NamedTuple)


class Unreadable(ValueError):
    """A value is not what its field needs. `detail` with its `params` completes the sentence of WRONG_SHAPE in plain
    words; it never repeats the value, which may be personal. `index` is that of the row in its column."""

    def __init__(self, detail: str, **params: str | int) -> None:
        super().__init__(detail)
        self.detail, self.params = detail, params
        self.index = 0


@contextlib.contextmanager
def numbered(rows_before: int) -> Iterator[None]:
    """Turn Unreadable into WRONG_SHAPE with the number of the account in the file, from 1."""
    try:
        yield
    except Unreadable as error:
        number = rows_before + error.index + 1
        raise ExpectedError(WRONG_SHAPE, number=number, detail=error.detail, **error.params) from None


def each(convert: Callable[[Any], Value], column: Column) -> list[Value]:
    """Convert value by value, and say in which row one is unreadable."""
    converted = []
    for index, value in enumerate(column):
        try:
            converted.append(convert(value))
        except Unreadable as error:
            error.index = index
            raise
    return converted


def records(kind: type[Record], **columns: Column) -> list[Record]:
    """A record of every row of the columns, which are named as the fields of the record are."""
    make = partial(tuple.__new__, kind)  # a named tuple's own constructor takes twice as long
    return list(map(make, zip(*(columns[name] for name in kind._fields), strict=True)))


def texts(column: Column, field: str) -> list[str]:
    """See `text`."""
    if _are(column, str) and "".join(column).isprintable() and max(map(len, column)) <= MAX_TEXT:
        return [value.strip() for value in column]
    return each(lambda value: text(value, field), column)


def text(value: object, field: str, *, limit: int = MAX_TEXT) -> str:
    """Trimmed and without control characters; null is "". Raises TOO_LONG_VALUE beyond `limit` characters."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(_("its “%(field)s” is not text"), field=field)
    value = value.strip()
    if len(value) > limit:
        raise ExpectedError(TOO_LONG_VALUE, limit=limit)
    if not value.isprintable():
        value = "".join(c for c in value if unicodedata.category(c) not in ("Cc", "Cs")).strip()
    return value


def text_lists(column: Column, field: str) -> list[tuple[str, ...]]:
    """See `text_list`."""
    items = _items(column)
    if items is not None and "".join(items).isprintable() and max(map(len, items), default=0) <= MAX_TEXT:
        return [tuple(dict.fromkeys(value)) if value else () for value in column]
    return each(lambda value: text_list(value, field) if value else (), column)


def _items(column: Column) -> list[str] | None:
    """What is in the lists of a column, or None if something else than trimmed texts is."""
    if not _are(column, list, NoneType):
        return None
    items = list(chain.from_iterable(filter(None, column)))
    return items if _are(items, str) and all(items) and list(map(str.strip, items)) == items else None


def text_list(value: object, field: str) -> tuple[str, ...]:
    """A list of texts, or one text with commas, without empty and repeated ones."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise Unreadable(_("its “%(field)s” is not a list"), field=field)
    return tuple(dict.fromkeys(filter(None, (text(item, field) for item in items))))


def names(column: Column) -> list[str]:
    """Of people, as `texts`, but without what turns the direction of what follows, and "" where nothing can be seen.
    Nobody is matched by a name; of logins and addresses nothing is left out."""
    said = texts(column, "name")
    return said if "".join(said).isprintable() else list(map(_name, said))


def _name(said: str) -> str:
    name = "".join(c for c in said if c not in _TURNING)
    return "" if all(unicodedata.category(c) == "Cf" or c.isspace() for c in name) else name


def logins(column: Column) -> list[str]:
    """Not empty, and without anything that can't be seen."""
    names = texts(column, "login")
    if not (all(names) and "".join(names).isprintable()):
        each(_check_login, names)
    return names


def _check_login(name: str) -> None:
    if not name:
        raise Unreadable(_("its login is missing"))
    if not name.isprintable():
        raise Unreadable(_("its login has invisible characters"))


def user_ids(column: Column) -> list[int]:
    """Whole numbers from 1 to 2**63 - 1, as numbers or as digits."""
    if _are(column, int) and min(column) > 0 and max(column) <= MAX_USER_ID:
        return list(column)
    if _are(column, str) and "".join(column).isascii() and all(map(str.isdecimal, column)):
        numbers = list(map(int, column)) if max(map(len, column)) < 20 else [0]
        if min(numbers) > 0 and max(numbers) <= MAX_USER_ID:
            return numbers
    return each(_user_id, column)


def named_account(named: str) -> tuple[str, int | None]:
    """The host in small letters, and the user id there, of a server account as GitHub names it: `host:user_id`. None
    where it is no id that an account can have."""
    host, _colon, digits = named.rpartition(":")
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 20
    user_id = int(digits) if is_number else 0
    return host.lower(), user_id if 0 < user_id <= MAX_USER_ID else None


def _user_id(value: object) -> int:
    if value is None or value == "":
        raise Unreadable(_("its user id is missing"))
    number = _whole_number(value)
    if number is None or not 0 < number <= MAX_USER_ID:
        raise Unreadable(_("its user id is not a whole number from 1 to %(most)s"), most=MAX_USER_ID)
    return number


def flags(column: Column, field: str) -> list[bool | None]:
    """True, false, or those words in any case; null and "" are None."""
    if _are(column, bool, NoneType):
        return list(column)
    if _are(column, str) and _WORDS.keys() >= set(column):
        return [_WORDS[word] for word in column]
    return each(lambda value: _flag(value, field), column)


def _flag(value: object, field: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in _WORDS:
        raise Unreadable(_("its “%(field)s” is neither true nor false"), field=field)
    return _WORDS[word]


def times(column: Column, field: str) -> list[datetime | None]:
    """See `time`."""
    if _are(column, NoneType):
        return list(column)
    if _are(column, str):
        with contextlib.suppress(ValueError):
            moments = [datetime.fromisoformat(value.removesuffix(" UTC")) for value in column]
            zones = {moment.tzinfo for moment in moments}
            if zones == {None}:
                moments = [moment.replace(tzinfo=UTC) for moment in moments]
            if zones in ({None}, {UTC}):
                return list(map(_sayable, moments))
    return each(lambda value: time(value, field), column)


def time(value: object, field: str) -> datetime | None:
    """An aware UTC time from ISO 8601, `2013-05-08 05:06:27 UTC`, `2016/02/06 12:41:52 -0600` or Unix seconds.

    Without an offset it is UTC. Text that is none of these ("never", "") is None: no number depends on a time. So is
    what can't be told in every time zone, like the year 1 that some programs write for "never".
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unreadable(_("its “%(field)s” is not a date or time"), field=field)
    try:
        moment = _parse(value.strip()) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)
        return _sayable(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _sayable(moment: datetime) -> datetime | None:
    return moment if MINYEAR < moment.year < MAXYEAR else None


def _parse(value: str) -> datetime:
    if len(value) > _LONGEST_TIME:
        raise ValueError
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        value = value.replace("/", "-").removesuffix(" UTC")
        return datetime.fromisoformat(_SPACE_BEFORE_OFFSET.sub("", value))


def count(value: object) -> int | None:
    """A whole number from 0 to 2,147,483,647; anything else is None."""
    number = _whole_number(value)
    return number if number is not None and 0 <= number <= MAX_COUNT else None


def _whole_number(value: object) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def addresses(column: Column) -> list[str]:
    """E-mail addresses as reported, trimmed, valid or not; null is ""."""
    if _are(column, str):
        return [value.strip() for value in column]
    return [""] * len(column) if _are(column, NoneType) else each(address, column)


def address(value: object) -> str:
    """See `addresses`."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    raise Unreadable(_("its “%(field)s” is not text"), field="e-mail")


def address_lists(column: Column) -> tuple[list[tuple[str, ...]], int]:
    """The valid addresses of lists, or of texts with commas, and how many rows have only invalid ones."""
    items = _items(column)
    if items is not None and not valid_addresses(items)[1]:
        return [tuple(dict.fromkeys(value)) if value else () for value in column], 0
    reported = each(_reported_addresses, column)
    valid = [tuple(filter(is_address, addresses)) for addresses in reported]
    return valid, sum(map(bool, reported)) - sum(map(bool, valid))


def _reported_addresses(value: object) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if items is None:
        return ()
    if not isinstance(items, list):
        raise Unreadable(_("its “%(field)s” is not a list"), field="e-mails")
    return tuple(dict.fromkeys(filter(None, map(address, items))))


def valid_addresses(column: Sequence[str]) -> tuple[Sequence[str], int]:
    """The addresses, with "" for those that are none, and how many those are."""
    lines = "\n".join([*column, ""])
    if (
        _EMAIL_LINES.fullmatch(lines)
        and "".join(column).isprintable()
        and max(map(len, column), default=0) <= MAX_EMAIL
    ):
        return column, 0
    valid = [value if is_address(value) else "" for value in column]
    return valid, sum(map(bool, column)) - sum(map(bool, valid))


def is_address(value: str) -> bool:
    """One @ with something on both sides, nothing blank or invisible, at most 254 characters."""
    return len(value) <= MAX_EMAIL and _EMAIL.fullmatch(value) is not None and value.isprintable()


def _are(column: Column, *kinds: type) -> bool:
    return set(map(type, column)).issubset(kinds)
