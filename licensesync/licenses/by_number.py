"""Pages of licenses in the order of their permanent numbers. Numbers have gaps, so a page is found by its neighbour's
number, or, where its place is all that is said, by the index in memory: the last page costs what the first does."""

import numpy as np
from django.db.models import QuerySet

from licensesync.enterprises.models import Enterprise
from licensesync.licenses.finding import rows_of
from licensesync.licenses.indexing import index_of
from licensesync.licenses.models import ConsumedLicense


def after(rows: QuerySet[ConsumedLicense], number: int, size: int) -> list[ConsumedLicense]:
    return list(rows.filter(number__gt=number).order_by("number")[:size])


def before(rows: QuerySet[ConsumedLicense], number: int, size: int) -> list[ConsumedLicense]:
    """The last of those with smaller numbers, in the order of numbers."""
    return list(rows.filter(number__lt=number).order_by("-number")[:size])[::-1]


def last(rows: QuerySet[ConsumedLicense], size: int) -> list[ConsumedLicense]:
    return list(rows.order_by("-number")[:size])[::-1]


def at(enterprise: Enterprise, offset: int, size: int) -> list[ConsumedLicense]:
    """Those after the first `offset` of the count that everybody sees."""
    _key, index = index_of(enterprise)
    return rows_of(enterprise, np.flatnonzero(index.everybody())[offset : offset + size].tolist())
