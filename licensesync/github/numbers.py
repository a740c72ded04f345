"""Numbers as another machine writes them, which may be anything."""

MOST_DIGITS = 18  # of a number that somebody means; Python refuses to read some thousands


def whole(said: object) -> int | None:
    """A whole number, None for anything else."""
    text = str(said)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
