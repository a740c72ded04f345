"""Who has the words of a search, in the text of their license or in the name of a host where they have an account.

Words of one or two letters are beginnings of words, which the index knows. The others PostgreSQL looks for, by an index
of its own (a trigram needs three letters); on SQLite our index holds the texts as well.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.licenses.facets import plain
from licensesync.licenses.index import Index, Mask, Numbers
from licensesync.usage import bulk
from licensesync.usage.models import OPEN

MOST_FOUND = 50_000  # licenses with the words, beyond which nobody counts them
REMEMBERED = 200  # searches of a process
PREFIX = 3  # a word with fewer letters is the beginning of one
MOST_NAMING = 3  # words that name hosts; of more, either all do or none

_LITERAL = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})
_remembered: OrderedDict[tuple[UUID, tuple[str, ...]], Numbers | None] = OrderedDict()


class Search:
    """Of one text in one index: of its words, and of beginnings of words. What was found of the words is remembered
    under the `key` of the index."""

    def __init__(self, enterprise: Enterprise, text: str, key: UUID, index: Index) -> None:
        self.enterprise, self.index, self._key = enterprise, index, key
        # An account of a server is named host:user_id by GitHub.
        words = dict.fromkeys(plain(text).replace(":", " ").split())
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
        """Everybody with the words, None when these are more than MOST_FOUND."""
        masks = []
        for words, there in self._ways:
            found = self._remembered(words) if words else None
            if words and found is None:
                return None
            masks.append(there if found is None else there & self.index.mask_of(found))
        return _either(masks)

    def mask(self) -> Mask:
        """Everybody with the words, however many."""
        masks = [there & self.index.mask_of(self._look_for(words)) if words else there for words, there in self._ways]
        return _either(masks)

    def among(self, few: Numbers) -> Iterator[int]:
        """Those of a few licenses that have the words, by the database; some may come twice."""
        for words, there in self._ways:
            on_hosts = few[there[few]]
            yield from (self._in_database(words, among=on_hosts) if words else on_hosts).tolist()

    @cached_property
    def _ways(self) -> list[tuple[tuple[str, ...], Mask]]:
        """How somebody can have all words: some are in their text, and they are on hosts that have the others in their
        names."""
        on_hosts = {word: [pk for pk, host in self._hosts if word in host] for word in self.words}
        naming = [word for word, deployments in on_hosts.items() if deployments]
        fewest = 1 if len(naming) <= MOST_NAMING else len(naming)
        ways = [(self.words, self.index.everybody())]
        for count in range(fewest, len(naming) + 1):
            for names in combinations(naming, count):
                there = np.logical_and.reduce([self._on(on_hosts[name]) for name in names])
                if there.any():
                    ways.append((tuple(word for word in self.words if word not in names), there))
        return ways

    @cached_property
    def _hosts(self) -> list[tuple[int, str]]:
        hosts = Deployment.objects.filter(enterprise=self.enterprise).exclude(host="").values_list("pk", "host")
        return [(pk, host.lower()) for pk, host in hosts]

    def _on(self, deployments: Iterable[int]) -> Mask:
        """Everybody with an account there."""
        masks = [self.index.mask(f"instance:{pk}") for pk in deployments]
        return _either([np.zeros(self.index.size, np.bool_), *masks])

    def _remembered(self, words: tuple[str, ...]) -> Numbers | None:
        """Those with the words, None when they are more than MOST_FOUND."""
        wanted = (self._key, words)
        if wanted not in _remembered:
            found = self._look_for(words, most=MOST_FOUND)
            _remembered[wanted] = found if len(found) <= MOST_FOUND or bulk.is_sqlite() else None
            while len(_remembered) > REMEMBERED:
                _remembered.popitem(last=False)
        return _remembered.get(wanted)

    def _look_for(self, words: Sequence[str], *, most: int | None = None) -> Numbers:
        """The licenses whose text has all words; in a database one more than `most`."""
        if not bulk.is_sqlite():
            return self._in_database(words, most=most)
        masks = [self.index.mask_of(self.index.texts.of(word)) for word in words]
        return np.flatnonzero(np.logical_and.reduce(masks)).astype(np.uint32)

    def _in_database(self, words: Sequence[str], *, among: Numbers | None = None, most: int | None = None) -> Numbers:
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


def _either(masks: list[Mask]) -> Mask:
    either: Mask = np.logical_or.reduce(masks)
    return either
