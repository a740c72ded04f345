"""Pages of licenses in the order of their permanent numbers. Numbers have gaps, so a page is found by its neighbour's
number; only a page that is asked for by its place alone has to be counted to."""

from django.db.models import QuerySet

from licensesync.licenses.models import ConsumedLicense


def after(rows: QuerySet[ConsumedLicense], number: int, size: int) -> list[ConsumedLicense]:
    return list(rows.filter(number__gt=number).order_by("number")[:size])


def before(rows: QuerySet[ConsumedLicense], number: int, size: int) -> list[ConsumedLicense]:
    """The last of those with smaller numbers, in the order of numbers."""
    return list(rows.filter(number__lt=number).order_by("-number")[:size])[::-1]


def last(rows: QuerySet[ConsumedLicense], size: int) -> list[ConsumedLicense]:
    return list(rows.order_by("-number")[:size])[::-1]


def at(rows: QuerySet[ConsumedLicense], offset: int, size: int) -> list[ConsumedLicense]:
    """Those after the first `offset`, which the database has to walk past."""
    return list(rows.order_by("number")[offset : offset + size])
