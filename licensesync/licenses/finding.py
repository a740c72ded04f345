"""Finds the licenses that a `Filter` asks for: a page of them in any order, how many there are, who is next to whom.

Facets, orders, numbers and beginnings of words come out of the index in memory; so do the words of a search on SQLite.
PostgreSQL finds them itself. There a word is either rare, then all licenses with it are fetched by a trigram index and
remembered; or it is so common that the next few thousand licenses in the order of the list have a page full of it, then
only those are looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from licensesync.enterprises.domains import spellings
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.enterprises.queries import verified_domains
from licensesync.licenses import searching
from licensesync.licenses.facets import VERIFIED_BY_CLOUD
from licensesync.licenses.filters import Filter, parse
from licensesync.licenses.index import Mask, Numbers
from licensesync.licenses.indexing import index_of
from licensesync.licenses.models import ConsumedLicense
from licensesync.licenses.searching import Search

PAGE_SIZES = (25, 50, 100)
AT_ONCE = 200  # licenses in which words are looked for first, then in up to four times as many, and so on
NEARBY = 4_000  # licenses that are looked at before the whole enterprise is searched,
HOPELESS = 1_000  # or only so many, if at this rate NEARBY would not fill a page


@dataclass(frozen=True, slots=True)
class Page:
    """Licenses in their order. `after` and `before` are cursors or "". `first` is the place of the first, from 1, or 0
    where nobody has counted those before."""

    rows: list[ConsumedLicense]
    after: str = ""
    before: str = ""
    first: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Of a license in a list. `previous` and `next` are license numbers."""

    position: int  # from 1
    previous: int | None
    next: int | None


class Selection:
    """What a filter leaves of the count that everybody sees."""

    def __init__(self, enterprise: Enterprise, filter: Filter) -> None:
        self.enterprise, self.filter = enterprise, filter
        key, self.index = index_of(enterprise)
        self._search = Search(enterprise, filter.q, key, self.index)
        self._known: dict[str, Mask | None] = {}  # by the parameter that was left out, by `_chosen`

    @property
    def is_known(self) -> bool:
        """Whether counting takes no search in the database."""
        return self._search.is_known

    @cached_property
    def domains(self) -> list[str]:
        """The verified domains of the enterprise."""
        return verified_domains(self.enterprise)

    @property
    def without_verified_domain(self) -> Mask:
        """Who has no e-mail of a verified domain: not by the cloud's list, as SAML NameID, or as the primary one of a
        server."""
        known = [spelling for domain in self.domains for spelling in spellings(domain)]
        has = (f"{kind}:{spelling}" for spelling in known for kind in ("mail", "identity"))
        return self.index.without((VERIFIED_BY_CLOUD, *has))

    @property
    def unverified(self) -> Mask | None:
        """The same to be told of licenses; None where the enterprise has no verified domain."""
        return self.without_verified_domain if self.domains else None

    def count(self) -> tuple[int, bool]:
        """How many there are, and whether that is exact: with very common words it is MOST_FOUND or more."""
        mask = self._chosen()
        return (searching.MOST_FOUND, False) if mask is None else (int(np.count_nonzero(mask)), True)

    def counts(self, parameter: str, values: Iterable[str]) -> dict[str, int | None]:
        """How many there would be with each value of a parameter, whatever it is now. None: nobody counts so many."""
        values = list(values)
        facets = [f"{parameter}:{value}" for value in values]
        is_everybody = not self.filter.q and not self.filter.chosen.keys() - {parameter}
        if is_everybody and parameter != "domain":  # the index has counted
            return dict(zip(values, map(self.index.count, facets), strict=True))
        among = self._chosen(without=parameter)
        if among is None:
            return dict.fromkeys(values)
        if parameter == "domain":
            return dict.fromkeys(values, int(np.count_nonzero(self.without_verified_domain & among)))
        return dict(zip(values, self.index.counts(facets, among), strict=True))

    def numbers(self) -> Numbers:
        """The license numbers of all of them, in the order of the list."""
        mask = self._facets()
        if self._search.words:
            mask &= self._search.mask()
        return self.index.in_order(mask, self.filter.sort)

    def page(self, size: int, *, after: str = "", before: str = "") -> Page:
        """One page, found by its neighbour: the last page costs what the first does."""
        if not self.is_known:
            page = self._page_nearby(size, after, before, most=NEARBY)
            if page is not None:
                return page
        mask = self._chosen()
        if mask is None:
            return self._page_nearby(size, after, before, most=None) or Page([])
        # Before the first page nobody needs to be found; one more says whether there is a next.
        most = None if after or before else size + 1
        members = self.index.in_order(mask, self.filter.sort, most)
        start = _start(members, size, after, before)
        numbers = members[start : start + size].tolist()
        if not numbers:
            return Page([])
        end = start + len(numbers)
        return Page(
            rows=rows_of(self.enterprise, numbers),
            after=_mark(numbers[-1], end) if end < len(members) else "",
            before=_mark(numbers[0], start) if start else "",
            first=start + 1,
        )

    def place(self, number: int) -> Place | None:
        """Where a license stands in the list, None when it is not in it or nobody counts so many."""
        mask = self._chosen()
        if mask is None or number >= self.index.size or not mask[number]:
            return None
        members = self.index.in_order(mask, self.filter.sort)
        at = _index_of(members, number) or 0
        previous = int(members[at - 1]) if at else None
        return Place(at + 1, previous, int(members[at + 1]) if at + 1 < len(members) else None)

    def _facets(self, *, without: str = "") -> Mask:
        """Who has the chosen facets, and the beginnings of a search; whatever its words say."""
        begun = self._search.begun
        mask = self.index.everybody() if begun is None else begun
        for parameter, value in self.filter.chosen.items():
            if parameter == "domain" != without:
                mask &= self.without_verified_domain
            elif parameter != without:
                mask &= self.index.mask(f"{parameter}:{value}")
        return mask

    def _chosen(self, *, without: str = "") -> Mask | None:
        """Who is in the selection, None when the search finds too many to count."""
        without = without if without in self.filter.chosen else ""
        if without not in self._known:
            facets = self._facets(without=without)
            if not self._search.words:
                self._known[without] = facets
            elif self._search.found is None:
                self._known[without] = None
            else:
                self._known[without] = facets & self._search.found
        return self._known[without]

    def _page_nearby(self, size: int, after: str, before: str, *, most: int | None) -> Page | None:
        """A page of those with the words, None when the next `most` licenses don't fill it."""
        members = self.index.in_order(self._facets(), self.filter.sort)
        start = _start(members, 0, after, before)
        ahead = members[:start][::-1] if before else members[start:]
        numbers: list[int] = []
        done, step = 0, AT_ONCE
        while len(numbers) <= size and done < len(ahead) and (most is None or done < most):
            part = ahead[done : done + step]
            having = set(self._search.among(part))
            numbers += [number for number in part.tolist() if number in having]
            done += len(part)
            if most is not None and done >= HOPELESS and len(numbers) * most < done * (size + 1):
                break
            # As far as needed if they come as often as so far, and half as far again; but at least half of what is
            # done, or the last one of a page would take many small steps.
            likely = 3 * done * (size + 1 - len(numbers)) // (2 * len(numbers)) if numbers else step * 4
            step = min(step * 4, max(likely, done // 2, AT_ONCE))
        if len(numbers) <= size and done < len(ahead):
            return None
        more, numbers = len(numbers) > size, numbers[:size]
        if before:
            numbers.reverse()
        if not numbers:
            return Page([])
        is_last, is_first = (False, not more) if before else (not more, start == 0)
        return Page(
            rows=rows_of(self.enterprise, numbers),
            after="" if is_last else _mark(numbers[-1], 0),
            before="" if is_first else _mark(numbers[0], 0),
            first=1 if is_first else 0,
        )


def numbers_asked_for(enterprise: Enterprise, parameters: Mapping[str, Any]) -> list[int] | None:
    """The licenses of the list that these parameters of an address ask for, in its order; None when they ask for
    nothing, which is everybody in the order of license numbers."""
    deployments = set(Deployment.objects.filter(enterprise=enterprise).values_list("pk", flat=True))
    wanted = parse(parameters, deployments=deployments)
    return Selection(enterprise, wanted).numbers().tolist() if wanted.query() else None


def rows_of(enterprise: Enterprise, numbers: Sequence[int]) -> list[ConsumedLicense]:
    """The licenses with these numbers, in their order, as everybody sees them."""
    if not numbers:
        return []
    at = enterprise.generation
    rows = ConsumedLicense.objects.raw(  # Django takes longer to write this than PostgreSQL to answer it
        f"""SELECT * FROM licenses_consumedlicense WHERE enterprise_id = %s AND valid_from <= %s AND valid_to > %s
            AND number IN ({",".join(map(str, numbers))})""",
        [enterprise.pk, at, at],
    )
    by_number = {license.number: license for license in rows}
    return [by_number[number] for number in numbers if number in by_number]


def _mark(number: int, offset: int) -> str:
    return f"{number}-{offset}"


def _cursor(text: str) -> tuple[int, int] | None:
    """The license beside which a page begins, and its place when the page before was shown."""
    number, mark, offset = text.partition("-")
    if not mark or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in (number, offset)):
        return None
    return int(number), int(offset)


def _index_of(members: Numbers, number: int) -> int | None:
    at = np.flatnonzero(members == number)
    return int(at[0]) if len(at) else None


def _start(members: Numbers, size: int, after: str, before: str) -> int:
    """Where among `members` a page begins; of a license that is no longer there, its place counts."""
    cursor = _cursor(before or after)
    if cursor is None:
        return 0
    number, offset = cursor
    at = _index_of(members, number)
    here = at if at is not None else offset - (0 if before else 1)
    start = here - size if before else here + 1
    return max(0, min(start, len(members) - 1))
