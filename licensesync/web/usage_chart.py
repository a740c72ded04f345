"""The chart of usage over time: consumed licenses as a line, purchased ones as steps, what is beyond them filled.

The drawing is 1000 by 160 units, stretched to the width of the page; words stand outside of it in percentages.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from licensesync.web.words import number

WIDTH, HEIGHT, TOP = 1000, 160, 8  # TOP: of the drawing within its frame
LINE = 16  # the least distance of two words, one under the other


@dataclass(frozen=True)
class ChartPoint:
    at: datetime
    consumed: int
    purchased: int | None


@dataclass(frozen=True)
class Tick:
    """A line of the grid, or a date under the chart. `sparse`: left out where the page is narrow."""

    at: str
    label: str
    sparse: bool = False


@dataclass(frozen=True)
class Chart:
    height: int
    grid: list[Tick]
    grid_path: str
    dates: list[Tick]
    line: str
    limit: str
    excess: str
    consumed: Tick  # at the end of the line
    purchased: Tick | None
    has_long_labels: bool  # numbers of seven digits and more
    summary: str


def usage_chart(points: Sequence[ChartPoint], start: datetime, end: datetime) -> Chart:
    """At least two points, in the order of time. The first one may be from before `start`: there its line is cut."""
    summary = _summary(points)
    if points[0].at < start:
        points = [_on_the_line(points[0], points[1], start), *points[1:]]
    values = [point.consumed for point in points]
    values += [point.purchased for point in points if point.purchased is not None]
    step = _step(max(values) - min(values))
    low = max(math.floor(min(values) / step - 0.1), 0) * step
    high = max(math.ceil(max(values) / step + 0.1) * step, low + step)
    seconds = max((end - start).total_seconds(), 1)

    def x(at: datetime) -> float:
        return WIDTH * (at - start).total_seconds() / seconds

    def y(value: float) -> float:
        return HEIGHT * (high - value) / (high - low)

    def limit_of(point: ChartPoint) -> float | None:
        return None if point.purchased is None else y(point.purchased)

    marks = range(low, high + 1, step)
    last = points[-1]
    consumed_y, purchased_y = _apart(y(last.consumed), limit_of(last))
    return Chart(
        height=HEIGHT + TOP + 20,
        grid=[Tick(f"{y(mark) + TOP + 4:.1f}", number(mark)) for mark in marks],
        grid_path=" ".join(f"M0 {y(mark):.1f}H{WIDTH}" for mark in marks),
        dates=[Tick(f"{x(at) / WIDTH:.2%}", label, sparse) for at, label, sparse in _dates(start, end)],
        line="M" + "L".join(f"{x(point.at):.1f} {y(point.consumed):.1f}" for point in points),
        limit=_steps([(x(point.at), limit_of(point)) for point in points]),
        excess="".join(_excess([(x(point.at), y(point.consumed), limit_of(point)) for point in points])),
        consumed=Tick(f"{consumed_y + TOP + 4:.1f}", number(last.consumed)),
        purchased=Tick(f"{purchased_y + TOP + 4:.1f}", number(last.purchased)) if last.purchased is not None else None,
        has_long_labels=high >= 1_000_000,
        summary=summary,
    )


def _on_the_line(before: ChartPoint, after: ChartPoint, at: datetime) -> ChartPoint:
    """Where the line between two points is at a moment; what is purchased holds until the next count."""
    share = (at - before.at) / (after.at - before.at)
    return ChartPoint(at, round(before.consumed + share * (after.consumed - before.consumed)), before.purchased)


def _step(spread: int) -> int:
    """The distance of two lines of the grid: 1, 2 or 5 with zeros, so that there are two to five of them."""
    rough = max(spread, 1) / 3
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    return int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))


def _apart(consumed: float, purchased: float | None) -> tuple[float, float]:
    """Where the two words at the end stand, moved so that both can be read."""
    if purchased is None:
        return consumed, 0
    missing = LINE - abs(consumed - purchased)
    if missing > 0:
        move = missing / 2 if consumed <= purchased else -missing / 2
        return consumed - move, purchased + move
    return consumed, purchased


def _steps(points: Sequence[tuple[float, float | None]]) -> str:
    path, drawing = "", False
    for x, y in points:
        if y is None:
            drawing = False
        else:
            path += f"H{x:.1f}V{y:.1f}" if drawing else f"M{x:.1f} {y:.1f}"
            drawing = True
    return path


def _excess(points: Sequence[tuple[float, float, float | None]]) -> Iterator[str]:
    """Between two points, the area of the line above the limit that holds from the first one on. Up is smaller."""
    for (x1, y1, limit), (x2, y2, _next) in pairwise(points):
        if limit is None or (y1 >= limit and y2 >= limit) or x1 == x2:
            continue
        crossing = x1 + (x2 - x1) * (limit - y1) / (y2 - y1) if y1 != y2 else x1
        top = [(x1, y1), (x2, y2)] if y1 <= limit and y2 <= limit else []
        if not top:
            top = [(x1, y1), (crossing, limit)] if y1 < limit else [(crossing, limit), (x2, y2)]
        corners = [(top[0][0], limit), *top, (top[-1][0], limit)]
        yield "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z"


def _dates(start: datetime, end: datetime) -> Iterator[tuple[datetime, str, bool]]:
    """Days or months of the reader under the chart, at most a dozen."""
    first, days = localtime(start), (end - start).days
    if days <= 62:
        every = max(1, math.ceil(days / 6))
        at = first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        for index in range(12):
            if at > end:
                return
            yield at, date_format(at, _("M j")), index % 2 == 1
            at += timedelta(days=every)
        return
    at = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    index = 0
    while True:
        at = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
        if at > end:
            return
        yield at, date_format(at, "Y" if at.month == 1 else "M"), index % 3 != 0
        index += 1


def _summary(points: Sequence[ChartPoint]) -> str:
    """What somebody hears who does not see the chart."""
    first, last = points[0], points[-1]
    said = _("Consumed licenses: %(first)s on %(from)s, %(last)s on %(to)s.") % {
        "first": number(first.consumed),
        "from": date_format(localtime(first.at), _("M j, Y")),
        "last": number(last.consumed),
        "to": date_format(localtime(last.at), _("M j, Y")),
    }
    if last.purchased is not None:
        said += " " + _("Purchased licenses: %(purchased)s.") % {"purchased": number(last.purchased)}
    return said
