"""Makes the index of a count, stores it, and keeps what pages ask for in memory."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np

from licensesync.enterprises.models import Enterprise
from licensesync.licenses import index
from licensesync.licenses.index import Index, Numbers
from licensesync.licenses.models import LicenseIndex
from licensesync.usage import bulk

# Enterprises of which a process keeps the index: 25 MB for a million licenses.
IN_MEMORY = 8

NOBODY = UUID(int=0)

_VALID = "enterprise_id = %(enterprise)s AND valid_from <= %(generation)s AND valid_to > %(generation)s"


def write_index(enterprise: Enterprise, generation: int) -> None:
    """Store the index of a count that is about to be shown, beside the one that is shown until then."""
    content = _build(enterprise, generation).to_bytes()
    with bulk.short_turn():
        LicenseIndex.objects.filter(enterprise=enterprise, generation__lt=generation - 1).delete()
        LicenseIndex.objects.create(enterprise=enterprise, generation=generation, content=content)


def index_of(enterprise: Enterprise) -> tuple[UUID, Index]:
    """The index of the count that everybody sees, and its key; an empty one before the first count."""
    if not enterprise.generation:
        return NOBODY, index.build((), _no_numbers, _no_numbers, {})
    stored = LicenseIndex.objects.filter(enterprise=enterprise)
    key = stored.filter(generation=enterprise.generation).values_list("key", flat=True).first()
    if key is None:  # a count of before there were indexes
        write_index(enterprise, enterprise.generation)
        return index_of(enterprise)
    return key, _loaded(key)


@lru_cache(maxsize=IN_MEMORY)
def _loaded(key: UUID) -> Index:
    content: Any = LicenseIndex.objects.values_list("content", flat=True).get(key=key)
    return index.from_bytes(content)


def _no_numbers() -> Numbers:
    return np.empty(0, np.uint32)


def _build(enterprise: Enterprise, generation: int) -> Index:
    params = {"enterprise": enterprise.pk, "generation": generation}
    table = f"FROM licenses_consumedlicense WHERE {_VALID}"
    counts: Iterator[Any] = bulk.stream(
        f"SELECT since_generation, min(since) {table} GROUP BY since_generation", params
    )
    ranks: dict[int, int] = {}
    for rank, (since_generation, _since) in enumerate(sorted(counts, key=lambda row: str(row[1]))):
        ranks[since_generation] = rank
    licenses: Iterator[Any] = bulk.stream(f"SELECT number, facets, account_count, since_generation {table}", params)
    bytewise = "" if bulk.is_sqlite() else ' COLLATE "C"'

    def ordered(column: str) -> Numbers:
        order = f"ORDER BY {column} = '', {column}{bytewise}, number"
        return np.fromiter((row[0] for row in bulk.stream(f"SELECT number {table} {order}", params)), np.uint32)

    return index.build(licenses, lambda: ordered("sort_name"), lambda: ordered("sort_email"), ranks)
