"""Makes the index of a count, stores it, and keeps what pages ask for in memory."""

import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import IntegrityError

from licensesync.enterprises.models import Enterprise
from licensesync.licenses import index
from licensesync.licenses.index import Alike, Index, Numbers
from licensesync.licenses.models import LicenseIndex
from licensesync.usage import bulk, guarded
from licensesync.usage.models import VALID

# Enterprises of which a process keeps the index: some 40 MB for a million licenses, 4 or 8 for each order asked for; on
# SQLite 80 more with their texts.
IN_MEMORY = 8

NOBODY = UUID(int=0)

_making = threading.Lock()
# Once, however many come for a new index: ten at a time would take a gigabyte. Who comes for another hardly ever waits.
_loading = [threading.Lock() for _ in range(64)]

_FROM = f"FROM licenses_consumedlicense l WHERE l.enterprise_id = %(enterprise)s AND {VALID.format('l')}"


def write_index(enterprise: Enterprise, generation: int) -> Index:
    """Make and store the index of a count that is about to be shown, beside the one that is shown until then."""
    made = _build(enterprise, generation)
    content = made.to_bytes()
    with guarded.writing():
        LicenseIndex.objects.filter(enterprise=enterprise, generation__lt=generation - 1).delete()
        # The ORM writes bytes as text into the statement, which takes PostgreSQL a second for 30 MB.
        key = uuid4().hex if bulk.is_sqlite() else uuid4()
        row = (enterprise.pk, generation, key, content)
        guarded.load("licenses_licenseindex", ("enterprise_id", "generation", "key", "content"), [row])
    return made


def index_of(enterprise: Enterprise) -> tuple[UUID, Index]:
    """The index of the count that everybody sees, and its key; an empty one before the first count."""
    if not enterprise.generation:
        return NOBODY, index.build((), _apart(None), _apart(None), index.NO_TEXTS)
    stored = "SELECT key FROM licenses_licenseindex WHERE enterprise_id = %s AND generation = %s"
    found = bulk.value(stored, [enterprise.pk, enterprise.generation])
    if found is None:  # of an upgrade that changed what is in an index
        _make_once(enterprise)
        return index_of(enterprise)
    key = UUID(str(found))
    try:
        with _loading[key.int % len(_loading)]:
            return key, _loaded(key)
    except LicenseIndex.DoesNotExist:  # gone since, as newer counts are shown or an instance is deleted
        return index_of(enterprise)


def _make_once(enterprise: Enterprise) -> None:
    """Make the index of the count that everybody sees, while the others who came for it wait."""
    with _making:
        is_there = LicenseIndex.objects.filter(enterprise=enterprise, generation=enterprise.generation)
        if not is_there.exists():
            try:
                write_index(enterprise, enterprise.generation)
            except IntegrityError:
                if not is_there.exists():  # no other process has made it meanwhile: the enterprise is gone
                    raise


@lru_cache(maxsize=IN_MEMORY)
def _loaded(key: UUID) -> Index:
    content: Any = LicenseIndex.objects.values_list("content", flat=True).get(key=key)
    return index.from_bytes(content)


def _build(enterprise: Enterprise, generation: int) -> Index:
    params = {"enterprise": enterprise.pk, "generation": generation}
    groups: Iterator[Any] = bulk.stream(
        f"""SELECT facets, account_count, since_generation, CAST(min(since) AS text),
                   {_together()}, {_beginnings()}
            {_FROM} GROUP BY facets, account_count, since_generation""",
        params,
    )
    bytewise = "" if bulk.is_sqlite() else ' COLLATE "C"'

    def ordered(column: str) -> Numbers:
        """Empty values are moved to the end afterwards: with a sort key of its own for that it takes twice as long, as
        PostgreSQL compares texts by their first letters only where they are the first key."""
        together, without = bulk.row(
            f"""SELECT {_together()}, count(*) FILTER (WHERE {column} = '') FROM (
                    SELECT number, {column} {_FROM} ORDER BY {column}{bytewise}, number) in_order""",
            params,
        )
        return np.roll(_apart(together), -without)

    with guarded.beside() as beside:
        orders = beside(lambda: (ordered("sort_name"), ordered("sort_email")))
        alike = [Alike._make((*same, _apart(together), letters)) for *same, together, letters in groups]
    # Read one by one: together, SQLite and Python take several times as much memory for them.
    texts: Iterator[Any] = bulk.stream(f"SELECT number, search {_FROM}", params) if bulk.is_sqlite() else iter(())
    return index.build(alike, *orders(), index.texts_of(texts))


def _together() -> str:
    """SQL for all license numbers of a group in one value, in the order in which they come: with a row for each number
    an index takes twice as long."""
    return "group_concat(number)" if bulk.is_sqlite() else "string_agg(int4send(CAST(number AS integer)), '')"


def _beginnings() -> str:
    """SQL for what the words of a group begin with, in the order of `_together`."""
    return f"{'group_concat' if bulk.is_sqlite() else 'string_agg'}(beginnings, '{index.NEXT}')"


def _apart(together: str | bytes | None) -> Numbers:
    """The license numbers of `_together`."""
    if isinstance(together, bytes):
        return np.frombuffer(together, ">i4").astype(np.uint32)
    return np.fromstring(together or "", np.uint32, sep=",")
