"""Who has the words of a search, in the text of their license or in the name of a host where they have an account.

Words of one or two letters are beginnings of words, which the index knows. The others PostgreSQL looks for, by an index
of its own (a trigram needs three letters); on SQLite our index holds the texts as well.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.facets import plain
from licensesync.licenses.index import Index, Mask, Numbers
from licensesync.usage import bulk
from licensesync.usage.models import OPEN

MOST_FOUND = 50_000  # licenses with words that PostgreSQL has found, beyond which nobody counts them
REMEMBERED = 200  # searches of a process, each of 200 KB at most
PREFIX = 3  # a word with fewer letters is the beginning of one
MOST_NAMING = 5  # words that are looked for in names of hosts as well, on PostgreSQL

_LITERAL = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
_BETWEEN = str.maketrans(",;", "  ")
_AROUND = '"<>()[]{}“”„«»'
_remembered: OrderedDict[tuple[UUID, tuple[str, ...]], NDArray[Any] | None] = OrderedDict()


class Search:
    """One text, looked for in one index: its words, and its beginnings of words. Whom the words find is remembered
    under the `key` of the index."""

    def __init__(self, enterprise: Enterprise, text: str, key: UUID, index: Index) -> None:
        self.enterprise, self.index, self._key = enterprise, index, key
        words = dict.fromkeys(self._words_of(plain(text)))
        self.words = tuple(word for word in words if len(word) >= PREFIX)
        self.beginnings = tuple(word for word in words if len(word) < PREFIX)

    @property
    def is_known(self) -> bool:
        """Whether it takes no search in the database."""
        return not self.words or bulk.is_sqlite() or (self._key, self.words) in _remembered

    @property
    def begun(self) -> Mask | None:
        """Everybody with the words that are only beginnings, None where there are none such."""
        masks = [
            self.index.beginning(word) | self._on([pk for pk, host in self._hosts if host.startswith(word)])
            for word in self.beginnings
        ]
        return np.logical_and.reduce(masks) if masks else None

    @cached_property
    def found(self) -> Mask | None:
        """Everybody with the words; None when PostgreSQL finds more than MOST_FOUND."""
        if bulk.is_sqlite():
            return self._in_memory
        masks = []
        for words, there in self._ways:
            found = self._found_in_database(words) if words else None
            if words and found is None:
                return None
            masks.append(there if found is None else there & self.index.mask_of(found))
        return _either(masks)

    def mask(self) -> Mask:
        """Everybody with the words, however many."""
        if bulk.is_sqlite():
            return self._in_memory
        return _either(
            [there & self.index.mask_of(self._in_database(words)) if words else there for words, there in self._ways]
        )

    def among(self, few: Numbers) -> Iterator[int]:
        """Those of a few licenses that have the words. On PostgreSQL alone: SQLite has found everybody as quickly."""
        for words, there in self._ways:
            on_hosts = few[there[few]]
            yield from (self._in_database(words, among=on_hosts) if words else on_hosts).tolist()

    def _words_of(self, text: str) -> Iterator[str]:
        """An account of a server is named host:user_id by GitHub, which is two words where there is such a host."""
        for word in map(_as_stored, text.translate(_BETWEEN).split()):
            host, _, user_id = word.rpartition(":")
            if host and user_id.isdigit() and any(host in name for _, name in self._hosts):
                yield from (host, user_id)
            else:
                yield word

    @cached_property
    def _hosts(self) -> list[tuple[int, str]]:
        hosts = Deployment.objects.filter(enterprise=self.enterprise).exclude(host="").values_list("pk", "host")
        return [(pk, host.lower()) for pk, host in hosts]

    def _on(self, deployments: Iterable[int]) -> Mask:
        """Everybody with an account there."""
        masks = [self.index.mask(f"instance:{pk}") for pk in deployments]
        return _either([np.zeros(self.index.size, np.bool_), *masks])

    def _named(self, word: str) -> list[int]:
        """The deployments with a word in the name of their host."""
        return [pk for pk, host in self._hosts if word in host]

    @cached_property
    def _in_memory(self) -> Mask:
        """Everybody with the words, each in their text or in the name of one of their hosts."""
        everybody: Mask = np.logical_and.reduce([self._with(word) | self._on(self._named(word)) for word in self.words])
        return everybody

    def _with(self, word: str) -> Mask:
        """Everybody with a word in their text."""
        bits = _remember((self._key, (word,)), lambda: np.packbits(self.index.mask_of(self.index.texts.of(word))))
        return np.unpackbits(bits, count=self.index.size).view(np.bool_)  # type: ignore[arg-type]

    @cached_property
    def _ways(self) -> list[tuple[tuple[str, ...], Mask]]:
        """Which words the text has to have, and of whom: the names of their hosts have the others. Of "emea octo" only
        "octo" for people on ghes-emea, only "emea" for those on octo-apac, and both for everybody else."""
        named = {word: deployments for word in self.words if (deployments := self._named(word))}
        if not named:
            return [(self.words, self.index.everybody())]
        naming = list(named)[:MOST_NAMING]
        had = np.zeros(self.index.size, np.uint8)  # a bit for each of those words
        for place, word in enumerate(naming):
            had |= self._on(named[word]).astype(np.uint8) << np.uint8(place)
        ways = []
        for bits in np.flatnonzero(np.bincount(had)).tolist():
            by_hosts = {word for place, word in enumerate(naming) if bits >> place & 1}
            ways.append((tuple(word for word in self.words if word not in by_hosts), had == bits))
        return ways

    def _found_in_database(self, words: tuple[str, ...]) -> Numbers | None:
        """Those with the words, None when they are more than MOST_FOUND."""

        def look() -> Numbers | None:
            found = self._in_database(words, most=MOST_FOUND)
            return found if len(found) <= MOST_FOUND else None

        return _remember((self._key, words), look)

    def _in_database(self, words: Sequence[str], *, among: Numbers | None = None, most: int | None = None) -> Numbers:
        """The licenses whose text has all words: of the whole enterprise, or of a few; one more than `most`."""
        generation = self.enterprise.generation
        conditions = ["enterprise_id = %s", "valid_from <= %s", f"valid_to > {generation:d}"]
        params: list[Any] = [self.enterprise.pk, generation]
        for word in words:
            conditions.append("search LIKE %s")
            params.append(f"%{word.translate(_LITERAL)}%")
        if among is not None:
            # As one text: psycopg takes 1.5 ms to write a list of a thousand numbers.
            conditions.append("number = ANY(CAST(%s AS bigint[]))")
            params.append(f"{{{','.join(map(str, among.tolist()))}}}")
        limit = "" if most is None else f" LIMIT {most + 1:d}"
        rows = f"SELECT number FROM licenses_consumedlicense WHERE {' AND '.join(conditions)}"
        if among is None:
            # Rows that nothing has replaced are in the index for searches; those that a newer count has ended while we
            # still show them are found by their end.
            rows = f"{rows} AND valid_to = {OPEN} UNION ALL {rows} AND valid_to < {OPEN}"
            params *= 2
        with connection.cursor() as cursor:
            cursor.execute(rows + limit, params)
            return np.sort(np.array([number for (number,) in cursor.fetchall()], np.uint32))


def _as_stored(word: str) -> str:
    """What people paste: <ana@octo.example>, mailto:ana@octo.example, @ana, https://github.com/ana, a host and a colon.
    A word of nothing but signs stays one."""
    bare = word.strip(_AROUND).removeprefix("mailto:").rstrip(":")
    if "://" in bare:
        bare = bare.rstrip("/").rpartition("/")[2]
    elif "." not in bare:  # @octo.example is the end of an address
        bare = bare.removeprefix("@")
    return bare or word


def _remember(wanted: tuple[UUID, tuple[str, ...]], look: Callable[[], NDArray[Any] | None]) -> NDArray[Any] | None:
    with contextlib.suppress(KeyError):
        _remembered.move_to_end(wanted)  # the one that was asked for least lately goes first
        return _remembered[wanted]
    found = _remembered[wanted] = look()
    while len(_remembered) > REMEMBERED:
        _remembered.popitem(last=False)
    return found


def _either(masks: list[Mask]) -> Mask:
    either: Mask = np.logical_or.reduce(masks)
    return either
