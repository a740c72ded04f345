"""All licenses of one count as arrays: by facet, and in every order. Nothing here reads or writes the database.

Whatever is combined, counted and sorted, it is a few operations on arrays as long as there are licenses: 1,000,000 take
some milliseconds, on whichever database, and the number of a combination is exact. An array over license numbers has a
place for each number from 0 to `size` - 1; numbers that nobody has any more count nowhere.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from licensesync.licenses.facets import NO_EMAIL
from licensesync.licenses.models import LicenseType, Where

Mask = NDArray[np.bool_]  # over license numbers: who is in
Numbers = NDArray[np.uint32]  # license numbers
Ranks = NDArray[np.uint16]  # over license numbers

SORTS = ("name", "where", "type", "email", "accounts", "since")  # before each a "-" turns the order round
FEW = 20  # below one in so many, sorting them takes less time than going through everybody
PLACES: dict[str, tuple[str, ...]] = {"where": tuple(Where.values), "type": tuple(LicenseType.values)}
NEXT = "\n\n"  # between the beginnings of two licenses


class _Stored(msgspec.Struct):
    """As it lies in the database, by names that stay: under others, every index would have to be made again."""

    size: int
    by_name: bytes
    by_email: bytes
    accounts: bytes
    since: bytes
    dense: dict[str, bytes]
    sparse: dict[str, bytes]
    beginnings: bytes  # `Beginnings.letters`,
    ends: bytes  # `.ends`
    beginning: bytes  # and `.numbers`
    texts: bytes  # `Texts.lines`
    whose: bytes  # and `.numbers`


class Alike(NamedTuple):
    """Licenses with the same facets, accounts and generation; in their order, what the words of each begin with."""

    facets: str
    accounts: int  # how many
    generation: int  # since which
    since: str  # the earliest
    members: Numbers
    beginnings: str  # by `facets.beginnings`, NEXT between two members


@dataclass(frozen=True, slots=True)
class Texts:
    """Who has a word anywhere in their text."""

    lines: bytes  # UTF-8, each line ended
    ends: NDArray[np.int64]  # of the lines
    numbers: Numbers  # whose line it is

    def of(self, word: str) -> Numbers:
        wanted, places = word.encode(), []
        at = self.lines.find(wanted)
        while at >= 0:
            places.append(at)
            at = self.lines.find(wanted, self.lines.index(b"\n", at))
        return self.numbers[np.searchsorted(self.ends, places)]


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Who has a word that begins with one or two letters."""

    letters: NDArray[np.uint64]  # both in one number, sorted
    ends: NDArray[np.uint32]  # where in `numbers` those who have it end
    numbers: Numbers

    def of(self, word: str) -> Numbers:
        """Some may be in it twice."""
        first, *second = map(ord, word)
        lowest = (first << 32) + sum(second)
        highest = lowest + 1 if second else first + 1 << 32
        start, end = np.searchsorted(self.letters, np.array([lowest, highest], np.uint64)).tolist()
        return self.numbers[self._end(start - 1) : self._end(end - 1)]

    def _end(self, place: int) -> int:
        return int(self.ends[place]) if place >= 0 else 0


@dataclass(slots=True)
class Index:
    """`dense` facets are a bit a license number, `sparse` ones the numbers themselves; whichever is shorter."""

    size: int
    by_name: Numbers  # everybody, in the order of their names, then numbers
    by_email: Numbers  # of their first address; at the end, by name, who has none
    accounts: Ranks  # how many accounts each license has
    since: Ranks  # 0 for the earliest `since`, 1 for the next
    dense: dict[str, NDArray[np.uint8]]
    sparse: dict[str, Numbers]
    beginnings: Beginnings
    texts: Texts  # of nobody, where the database finds words by itself
    _orders: dict[str, Numbers] = field(default_factory=dict)
    _positions: dict[str, Numbers] = field(default_factory=dict)
    _everybody: Mask | None = None
    _without: tuple[tuple[str, ...], Mask] | None = None

    @property
    def total(self) -> int:
        return len(self.by_name)

    def mask(self, facet: str) -> Mask:
        """Who has a facet."""
        bits = self.dense.get(facet)
        if bits is not None:
            return np.unpackbits(bits, count=self.size).view(np.bool_)
        return self.mask_of(self.sparse.get(facet, np.empty(0, np.uint32)))

    def beginning(self, word: str) -> Mask:
        """Who has a word that begins with this one of one or two letters."""
        return self.mask_of(self.beginnings.of(word))

    def mask_of(self, numbers: Numbers) -> Mask:
        found = np.zeros(self.size, np.bool_)
        found[numbers] = True
        return found

    def everybody(self) -> Mask:
        if self._everybody is None:
            self._everybody = self.mask_of(self.by_name)
        return self._everybody.copy()

    def without(self, facets: tuple[str, ...]) -> Mask:
        """Who has none of these facets, to read only: the last answer is remembered, each page asks the same."""
        remembered = self._without  # another thread may replace it
        if remembered is None or remembered[0] != facets:
            mask = self.everybody()
            for facet in facets:
                mask &= ~self.mask(facet)
            mask.setflags(write=False)
            remembered = self._without = facets, mask
        return remembered[1]

    def count(self, facet: str) -> int:
        """How many licenses have a facet."""
        if facet in self.sparse:
            return len(self.sparse[facet])
        return int(np.bitwise_count(self.dense[facet]).sum()) if facet in self.dense else 0

    def counts(self, facets: Iterable[str], among: Mask) -> list[int]:
        """How many licenses of those in `among` have each of the facets."""
        bits = np.packbits(among)  # an eighth as long, so is what is done for each facet

        def count(facet: str) -> int:
            if facet in self.sparse:
                return int(np.count_nonzero(among[self.sparse[facet]]))
            return int(np.bitwise_count(bits & self.dense[facet]).sum()) if facet in self.dense else 0

        return [count(facet) for facet in facets]

    def values(self, parameter: str) -> list[str]:
        """The values of a parameter that anybody has, in alphabetical order."""
        start = f"{parameter}:"
        facets = (facet for facet in (*self.dense, *self.sparse) if facet.startswith(start))
        return sorted((facet.removeprefix(start) for facet in facets), key=lambda value: (value.casefold(), value))

    def order(self, sort: str) -> Numbers:
        """Everybody in an order of SORTS. Where two are alike, by name, whichever way it goes."""
        if sort not in self._orders:
            self._orders[sort] = self._sorted(sort)
        return self._orders[sort]

    def in_order(self, members: Mask, sort: str, most: int | None = None) -> Numbers:
        """Those in `members` in an order of SORTS; with `most`, only the first few."""
        order, count = self.order(sort), int(np.count_nonzero(members))
        if count == len(order):
            return order[:most]
        if count * FEW < len(order):
            numbers = np.flatnonzero(members).astype(np.uint32)
            return numbers[np.argsort(self._position(sort)[numbers])][:most]
        if most is not None:
            return _first(members, order, most)
        # A million licenses: 6 ms, and 13 by the usual order[members[order]].
        return np.compress(members.take(order), order)

    def _position(self, sort: str) -> Numbers:
        """Over license numbers: how many come before them in an order."""
        if sort not in self._positions:
            positions, order = np.zeros(self.size, np.uint32), self.order(sort)
            positions[order] = np.arange(len(order), dtype=np.uint32)
            self._positions[sort] = positions
        return self._positions[sort]

    def _sorted(self, sort: str) -> Numbers:
        column, backwards = sort.removeprefix("-"), sort.startswith("-")
        if column in ("name", "email"):
            ascending = self.by_name if column == "name" else self.by_email
            return ascending[::-1] if backwards else ascending
        ranks = {"accounts": self.accounts, "since": self.since}.get(column)
        if ranks is None:
            ranks = np.zeros(self.size, np.uint16)
            for rank, value in enumerate(PLACES[column]):
                ranks[self.mask(f"{column}:{value}")] = rank
        keys = ranks[self.by_name]
        return self.by_name[np.argsort(np.iinfo(np.uint16).max - keys if backwards else keys, kind="stable")]

    def to_bytes(self) -> bytes:
        """As `_Stored`, each array as its bytes."""
        stored = {
            "size": self.size,
            "by_name": self.by_name,
            "by_email": self.by_email,
            "accounts": self.accounts,
            "since": self.since,
            "dense": self.dense,
            "sparse": self.sparse,
            "beginnings": self.beginnings.letters,
            "ends": self.beginnings.ends,
            "beginning": self.beginnings.numbers,
            "texts": self.texts.lines,
            "whose": self.texts.numbers,
        }
        return msgspec.msgpack.encode(stored, enc_hook=np.ndarray.tobytes)


def _first(members: Mask, order: Numbers, most: int) -> Numbers:
    """The first few of `members` in an order: looks at ever longer parts of it until it has them."""
    found = [np.empty(0, np.uint32)]
    missing, done, step = most, 0, 1_000
    while missing > 0 and done < len(order):
        part = order[done : done + step]
        found.append(part[members[part]][:missing])
        missing -= len(found[-1])
        done, step = done + len(part), step * 4
    return np.concatenate(found)


def from_bytes(content: bytes | memoryview) -> Index:
    stored = msgspec.msgpack.decode(content, type=_Stored)
    return Index(
        size=stored.size,
        by_name=np.frombuffer(stored.by_name, np.uint32),
        by_email=np.frombuffer(stored.by_email, np.uint32),
        accounts=np.frombuffer(stored.accounts, np.uint16),
        since=np.frombuffer(stored.since, np.uint16),
        dense={facet: np.frombuffer(bits, np.uint8) for facet, bits in stored.dense.items()},
        sparse={facet: np.frombuffer(numbers, np.uint32) for facet, numbers in stored.sparse.items()},
        beginnings=Beginnings(
            letters=np.frombuffer(stored.beginnings, np.uint64),
            ends=np.frombuffer(stored.ends, np.uint32),
            numbers=np.frombuffer(stored.beginning, np.uint32),
        ),
        texts=_texts(stored.texts, np.frombuffer(stored.whose, np.uint32)),
    )


def build(groups: Iterable[Alike], by_name: Numbers, by_email: Numbers, texts: Texts) -> Index:
    """The index of all licenses, of everybody in two orders, and of their texts; NO_TEXTS where the database finds
    words by itself. Who has no e-mail may stand anywhere in the second order."""
    size = int(by_name.max(initial=0)) + 1
    accounts, since = np.zeros(size, np.uint16), np.zeros(size, np.uint16)
    most = np.iinfo(np.uint16).max
    by_facet: dict[str, list[Numbers]] = {}
    by_generation: dict[int, list[Numbers]] = {}
    earliest: dict[int, str] = {}
    letters: list[tuple[NDArray[np.uint64], Numbers]] = []
    for group in groups:
        generation, members = group.generation, group.members
        accounts[members] = min(group.accounts, most)
        by_generation.setdefault(generation, []).append(members)
        earliest[generation] = min(group.since, earliest.get(generation, group.since))
        letters.append(_letters(members, group.beginnings))
        for facet in group.facets.split("\n"):
            by_facet.setdefault(facet, []).append(members)
    for rank, generation in enumerate(sorted(earliest, key=earliest.__getitem__)):
        since[np.concatenate(by_generation[generation])] = min(rank, most)
    index = Index(size, by_name, by_email, accounts, since, {}, {}, _beginnings(letters), texts)
    for facet, parts in by_facet.items():
        members = np.sort(np.concatenate(parts))
        if len(members) * members.itemsize * 8 < size:
            index.sparse[facet] = members
        else:
            index.dense[facet] = np.packbits(index.mask_of(members))
    without = index.mask(NO_EMAIL)
    index.by_email = np.concatenate([by_email[~without[by_email]], by_name[without[by_name]]])
    return index


def texts_of(licenses: Iterable[tuple[int, str]]) -> Texts:
    """Of license numbers, each with what `facets.searchable` has made of it: one line."""
    lines, whose = bytearray(), array("I")
    for number, text in licenses:
        lines += text.encode() + b"\n"
        whose.append(number)
    return _texts(bytes(lines), np.array(whose, np.uint32))


def _texts(lines: bytes, whose: Numbers) -> Texts:
    return Texts(lines, np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")), whose)


def _letters(members: Numbers, beginnings: str) -> tuple[NDArray[np.uint64], Numbers]:
    """Each two letters as one number, and whose they are."""
    both = np.frombuffer((beginnings + NEXT).encode("utf-32-be"), ">u8").astype(np.uint64)
    is_next = both == both[-1]
    many = np.diff(np.flatnonzero(is_next), prepend=-1) - 1  # of each member
    return both[~is_next], np.repeat(members, many)


def _beginnings(parts: list[tuple[NDArray[np.uint64], Numbers]]) -> Beginnings:
    if not parts:
        return Beginnings(np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint32))
    letters = np.concatenate([each for each, _ in parts])
    order = np.argsort(letters, kind="stable")
    letters = letters[order]
    is_last = np.append(letters[1:] != letters[:-1], True)[: len(letters)]
    ends = np.flatnonzero(is_last).astype(np.uint32) + np.uint32(1)
    return Beginnings(letters[is_last], ends, np.concatenate([members for _, members in parts])[order])


NO_TEXTS = texts_of(())
