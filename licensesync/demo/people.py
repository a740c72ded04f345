"""Who works at the example enterprise: names, and the handles and addresses that come with them."""

import random
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from licensesync.demo.names import NAMES

# Letters that are no letter with an accent, so that Unicode doesn't take them apart.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "ß": "ss", "æ": "ae", "þ": "th", "'": "", "’": ""}
)


class Person(NamedTuple):
    """`login` is the one in the cloud, `mailbox` stands before the @ of every address; both are unique."""

    name: str
    login: str
    mailbox: str


def people(seed: int, count: int, *, including: Iterable[str] = ()) -> list[Person]:
    """`count` people with different names, always the same for one seed; those named in `including` come first."""
    wanted = list(including)
    others = [
        f"{first} {last}"
        for firsts, lasts in NAMES.values()
        for first in firsts.split(", ")
        for last in lasts.split(", ")
        if f"{first} {last}" not in wanted
    ]
    if not len(wanted) <= count <= len(wanted) + len(others):
        raise ValueError(f"There are names for {len(wanted)} to {len(wanted) + len(others)} people, not for {count}.")
    names = wanted + random.Random(seed).sample(others, count - len(wanted))  # noqa: S311 (repeatable, not secret)

    logins: set[str] = set()
    mailboxes: set[str] = set()
    return [Person(name, unused(_login(name), logins), unused(_mailbox(name), mailboxes)) for name in names]


def unused(wish: str, taken: set[str]) -> str:
    """The wish, or with the first free number behind it, as administrators do it. It is taken then."""
    result, number = wish, 1
    while result in taken:
        number += 1
        result = f"{wish}{number}"
    taken.add(result)
    return result


def plain(text: str) -> str:
    """Small ASCII letters for a login or an address: "Bjørn Ødegård" is "bjorn odegard"."""
    letters = unicodedata.normalize("NFD", text.casefold()).translate(_PLAIN_LETTERS)
    return "".join(letter for letter in letters if letter.isascii())


def _login(name: str) -> str:
    *given, family = plain(name).split()
    return "".join(word[0] for word in given) + family.replace("-", "")


def _mailbox(name: str) -> str:
    first, *_, family = plain(name).split()
    return f"{first}.{family}"
