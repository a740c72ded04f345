"""The bar that shows where people are, in percentages of its width."""

from dataclasses import dataclass

from licensesync.licenses.models import Count


@dataclass(frozen=True)
class Segment:
    name: str  # of its colour
    x: str
    width: str
    end: str


@dataclass(frozen=True)
class UsageBar:
    """`mark` is where the purchased licenses end, "" where use is metered; `over` how much lies beyond it."""

    segments: list[Segment]
    mark: str = ""
    over: str = ""
    mark_is_late: bool = True  # its words stand left of it


def usage_bar(count: Count, purchased: int | None) -> UsageBar:
    whole = max(count.consumed, purchased or 0, 1)
    parts = {
        "cloud": count.cloud_only,
        "both": count.cloud_and_server,
        "server": count.server_only,
        "vs": count.visual_studio,
    }
    segments, x = [], 0
    for name, people in parts.items():
        if people:
            segments.append(Segment(name, _percent(x, whole), _percent(people, whole), _percent(x + people, whole)))
        x += people
    if purchased is None:
        return UsageBar(segments)
    over = _percent(count.consumed - purchased, whole) if count.consumed > purchased else ""
    return UsageBar(segments, _percent(purchased, whole), over, purchased * 2 >= whole)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%"
