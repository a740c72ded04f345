"""Who has the words of a search, in the text of their license or in the name of a host where they have an account.

Words of one or two letters are beginnings of words, which the index knows; the others the database looks for.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
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
        return not self.words or (self._key, self.words) in _remembered

    @property
    def begun(self) -> Mask | None:
        """Everybody with the words that are only beginnings, None where there are none such."""
        masks = [self.index.beginning(word) for word in self.beginnings]
        return np.logical_and.reduce(masks) if masks else None

    @cached_property
    def found(self) -> Mask | None:
        """Everybody with the words, None when these are more than MOST_FOUND."""
        found = self._remembered(self.words)
        if found is None:
            return None
        mask, (rest, there) = self.index.mask_of(found), self._at_hosts
        if there is None:
            return mask
        others = self._remembered(rest) if rest else None
        if rest and others is None:
            return None
        return mask | (there if others is None else there & self.index.mask_of(others))

    def mask(self) -> Mask:
        """Everybody with the words, however many."""
        mask = self.index.mask_of(self._look_for(self.words))
        rest, there = self._at_hosts
        if there is not None:
            mask |= there & self.index.mask_of(self._look_for(rest)) if rest else there
        return mask

    def among(self, few: Numbers) -> Iterator[int]:
        """Those of a few licenses that have the words."""
        yield from self._look_for(self.words, among=few).tolist()
        rest, there = self._at_hosts
        if there is not None:
            on_hosts = few[there[few]]
            yield from (self._look_for(rest, among=on_hosts) if rest else on_hosts).tolist()

    @cached_property
    def _at_hosts(self) -> tuple[tuple[str, ...], Mask | None]:
        """The words that are no part of a host name, and who has accounts on all the hosts that the others name."""
        hosts = Deployment.objects.filter(enterprise=self.enterprise).exclude(host="").values_list("pk", "host")
        on_hosts: dict[str, list[int]] = {}
        for pk, host in hosts if self.words else ():
            for word in self.words:
                if word in host.lower():
                    on_hosts.setdefault(word, []).append(pk)
        if not on_hosts:
            return self.words, None
        masks = [
            np.logical_or.reduce([self.index.mask(f"instance:{pk}") for pk in deployments])
            for deployments in on_hosts.values()
        ]
        return tuple(word for word in self.words if word not in on_hosts), np.logical_and.reduce(masks)

    def _remembered(self, words: tuple[str, ...]) -> Numbers | None:
        wanted = (self._key, words)
        if wanted not in _remembered:
            found = self._look_for(words, most=MOST_FOUND)
            _remembered[wanted] = found if len(found) <= MOST_FOUND else None
            while len(_remembered) > REMEMBERED:
                _remembered.popitem(last=False)
        return _remembered.get(wanted)

    def _look_for(self, words: Sequence[str], *, among: Numbers | None = None, most: int | None = None) -> Numbers:
        """The licenses whose text has all words: of the whole enterprise, or of a few; one more than `most`."""
        generation = self.enterprise.generation
        conditions = ["enterprise_id = %s", "valid_from <= %s", f"valid_to > {generation:d}"]
        params: list[Any] = [self.enterprise.pk, generation]
        escape = r" ESCAPE '\'" if bulk.is_sqlite() else ""
        for word in words:
            conditions.append(f"search LIKE %s{escape}")
            params.append(f"%{word.translate(_LITERAL)}%")
        if among is not None:
            # As one text: psycopg takes 1.5 ms to write a list of a thousand numbers.
            few = ",".join(map(str, among.tolist()))
            if bulk.is_sqlite():
                conditions.append("number IN (SELECT value FROM json_each(%s))")
                params.append(f"[{few}]")
            else:
                conditions.append("number = ANY(CAST(%s AS bigint[]))")
                params.append(f"{{{few}}}")
        limit = "" if most is None else f" LIMIT {most + 1:d}"
        rows = f"SELECT number FROM licenses_consumedlicense WHERE {' AND '.join(conditions)}"
        if among is None:
            # Rows that nothing has replaced are in the index for searches; those that a newer count has ended while we
            # still show them are found by their end (the "+" keeps SQLite from going through the enterprise for them).
            ended = rows.replace("enterprise_id", "+enterprise_id")
            rows = f"{rows} AND valid_to = {OPEN} UNION ALL {ended} AND valid_to < {OPEN}"
            params *= 2
        with connection.cursor() as cursor:
            cursor.execute(rows + limit, params)
            return np.sort(np.array([number for (number,) in cursor.fetchall()], np.uint32))
