"""Times of answers."""

from datetime import MAXYEAR, MINYEAR, datetime


def sayable(moment: datetime) -> datetime | None:
    """None for what can't be told in every time zone, like the years 1 and 9999, which some write for "never"."""
    return moment if MINYEAR < moment.year < MAXYEAR else None
