"""The four kinds of plot of the report. A series is told apart by more than its colour: dashes, shapes, words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from town.balance.svg import (
    BOTTOM,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    along,
    drawing,
    number,
    tag,
    text,
    upright,
)

HEIGHT: Final = 320
LEFT: Final = 58
# Room for the label of the vertical axis, above it.
HEAD: Final = 26
# More points than that nobody can see.
POINTS: Final = 120
ROW: Final = 32
STAGGER: Final = 5
BAR: Final = 17
DASHES: Final = ("", "7 3", "2 3", "9 3 2 3", "14 4", "4 2")


@dataclass(frozen=True, slots=True)
class Line:
    """A curve over days 1, 2, … with the band that most of its players stay in."""

    name: str
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True)
class Dots:
    """A row of the dot plot: by series, where its dot stands; None for one that stands nowhere."""

    name: str
    at: Mapping[str, float | None]


def lines(title: str, of_what: str, curves: Sequence[Line]) -> str:
    """Return curves over the days, numbered from 1."""
    days = len(curves[0].middle)
    highest = max((value for curve in curves for value in curve.high), default=0.0)
    x = Axis("day", 1, max(2, days), LEFT, WIDTH - RIGHT)
    y = Axis(of_what, 0, highest or 1.0, HEIGHT - BOTTOM, HEAD)
    shown = _shown(days)
    parts = [along(x, HEAD, HEIGHT - BOTTOM), upright(y, LEFT, WIDTH - RIGHT)]
    for place, curve in enumerate(curves):
        band = [(x.at(d + 1), y.at(curve.high[d])) for d in shown]
        band += [(x.at(d + 1), y.at(curve.low[d])) for d in reversed(shown)]
        middle = [(x.at(d + 1), y.at(curve.middle[d])) for d in shown]
        parts.append(tag("polygon", points=_points(band), class_=f"band s{place}"))
        parts.append(
            tag(
                "polyline",
                points=_points(middle),
                class_=f"line s{place}",
                stroke_dasharray=DASHES[place % len(DASHES)],
            )
        )
    return drawing(title, HEIGHT, *parts)


def bars(
    title: str, of_what: str, groups: Mapping[str, Mapping[str, float]], *, mark: float, suffix: str
) -> str:
    """Return bars that lie, in groups under a heading, each with its name and value; a line stands at `mark`."""
    names = [name for group in groups.values() for name in group]
    left = LETTER * max(map(len, names))
    highest = max(mark, *(value for group in groups.values() for value in group.values()))
    # The value stands behind the bar.
    x = Axis(of_what, 0, highest, left, WIDTH - RIGHT - 50)
    bottom = TOP + sum(ROW + (BAR + 4) * len(group) for group in groups.values())
    mark_at = x.at(mark)
    line = tag("line", class_="mark", x1=mark_at, x2=mark_at, y1=TOP, y2=bottom)
    parts, y = [along(x, TOP, bottom), line], float(TOP)
    for heading, group in groups.items():
        parts.append(text(heading, 2, y + 20, class_="heading"))
        y += ROW
        for place, (name, value) in enumerate(group.items()):
            parts.append(text(name, left - 7, y + 13, text_anchor="end"))
            length = max(1.0, x.at(value) - x.start)
            parts.append(tag("rect", x=left, y=y, width=length, height=BAR, class_=f"bar s{place}"))
            parts.append(text(f"{number(round(value, 2))}{suffix}", left + length + 6, y + 13))
            y += BAR + 4
    return drawing(title, bottom + BOTTOM, *parts)


def dots(title: str, of_what: str, rows: Sequence[Dots], *, low: float, high: float) -> str:
    """Return a row per thing with a dot of each series, along a logarithmic scale."""
    left = LETTER * max(len(row.name) for row in rows)
    x = Axis(of_what, low, high, left, WIDTH - RIGHT, is_log=True)
    bottom = TOP + ROW * len(rows)
    parts = [along(x, TOP, bottom)]
    for line, row in enumerate(rows):
        y = TOP + ROW * (line + 0.5)
        parts.append(text(row.name, left - 9, y + 5, text_anchor="end"))
        parts += [
            # What is reached on the same day stands a little lower, not on top.
            shape(place, x.at(value), y + STAGGER * (place - (len(row.at) - 1) / 2))
            for place, value in enumerate(row.at.values())
            if value is not None
        ]
    return drawing(title, bottom + BOTTOM, *parts)


def columns(
    title: str, of_what: str, count_of: str, rows: Sequence[tuple[int, float, float]]
) -> str:
    """Return columns of what was counted, and a line of what was expected: (number, counted, expected)."""
    highest = max(max(counted, expected) for _, counted, expected in rows)
    x = Axis(of_what, rows[0][0] - 0.6, rows[-1][0] + 0.6, LEFT, WIDTH - RIGHT)
    y = Axis(count_of, 0, highest or 1.0, HEIGHT - BOTTOM, HEAD)
    half = (x.at(1) - x.at(0)) * 0.4
    parts = [along(x, HEAD, HEIGHT - BOTTOM), upright(y, LEFT, WIDTH - RIGHT)]
    parts += [
        tag(
            "rect",
            x=x.at(k) - half,
            y=y.at(counted),
            width=2 * half,
            height=y.start - y.at(counted),
            class_="bar s0",
        )
        for k, counted, _ in rows
    ]
    expected = [(x.at(k), y.at(value)) for k, _, value in rows]
    parts.append(tag("polyline", points=_points(expected), class_="line s1"))
    return drawing(title, HEIGHT, *parts)


def shape(place: int, x: float, y: float) -> str:
    """Return the mark of a series: a disc, a square, a diamond, a triangle."""
    kind, size = f"dot s{place}", 6.5
    if place % 4 == 0:
        return tag("circle", cx=x, cy=y, r=size, class_=kind)
    corners = (
        ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        ((0, -1.2), (1.2, 1), (-1.2, 1)),
    )[place % 4 - 1]
    return tag(
        "polygon",
        points=_points([(x + dx * size, y + dy * size) for dx, dy in corners]),
        class_=kind,
    )


def swatch(place: int, kind: str) -> str:
    """Return what stands beside a name in the legend: the line, bar or dot of its series."""
    drawn = {
        "line": tag(
            "line",
            x1=0,
            x2=34,
            y1=8,
            y2=8,
            class_=f"line s{place}",
            stroke_dasharray=DASHES[place % 6],
        ),
        "bar": tag("rect", x=8, y=1, width=18, height=14, class_=f"bar s{place}"),
        "dot": shape(place, 17, 8),
    }[kind]
    return tag("svg", drawn, viewBox="0 0 34 16", class_="swatch", aria_hidden="true")


def _shown(days: int) -> range | list[int]:
    step = -(-days // POINTS)
    return sorted({*range(0, days, step), days - 1})


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
