"""Drawing, in the words of SVG: elements, and a frame with two axes.

Of our own, because operators have no matplotlib: it would double the image, and its colours do not follow the reader's
scheme. Here colours are left to the page (`class`), so that a plot is as readable in the dark.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

WIDTH: Final = 540
# What a tick, a letter and a line need, in the units of the drawing.
LETTER: Final = 7.6
BOTTOM: Final = 46
TOP: Final = 10
RIGHT: Final = 18


def tag(name: str, *content: str, **attributes: object) -> str:
    """Return an element. `class_` is the attribute `class`, `stroke_width` is `stroke-width`; values are escaped."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{given}>{''.join(content)}</{name}>"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    """Return words; `text_anchor` says which end of them stands at x."""
    return tag("text", escape(words), x=x, y=y, **attributes)


def drawing(title: str, height: float, *content: str) -> str:
    """Return a picture that says what it is, as wide as its place."""
    named = tag("title", escape(title))
    return tag("svg", named, *content, viewBox=f"0 0 {WIDTH} {_written(height)}", role="img")


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale, from `low` to `high` in its own unit, drawn from `start` to `end`."""

    label: str
    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where a value stands; on a logarithmic scale nothing stands below its low end."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, value = log10(low), log10(high), log10(value)
        share = (value - low) / (high - low) if high > low else 0.0
        return self.start + share * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Return round values along it."""
        if self.is_log:
            decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            marks = [10.0**decade * digit for decade in decades for digit in (1, 2, 5)]
            yield from (mark for mark in marks if self.low <= mark <= self.high)
            return
        step = _step(self.high - self.low)
        yield from (n * step for n in range(ceil(self.low / step), floor(self.high / step) + 1))


def along(axis: Axis, top: float, bottom: float) -> str:
    """Return a horizontal axis below `bottom`, with a faint line up to `top` at each tick."""
    marks = [
        tag("line", class_="grid", x1=axis.at(t), x2=axis.at(t), y1=top, y2=bottom)
        + text(number(t), axis.at(t), bottom + 17, text_anchor="middle")
        for t in axis.ticks()
    ]
    middle = (axis.start + axis.end) / 2
    label = text(axis.label, middle, bottom + 37, text_anchor="middle", class_="label")
    return "".join(marks) + label


def upright(axis: Axis, left: float, right: float) -> str:
    """Return a vertical axis left of `left`, with a faint line to `right` at each tick; its label stands above."""
    marks = [
        tag("line", class_="grid", x1=left, x2=right, y1=axis.at(t), y2=axis.at(t))
        + text(number(t), left - 7, axis.at(t) + 5, text_anchor="end")
        for t in axis.ticks()
    ]
    return "".join(marks) + text(axis.label, 2, 15, class_="label")


def number(value: float) -> str:
    """Return a number as people write it."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 - thousands get a comma


def _step(span: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that makes up to six of the span."""
    rough = span / 6 or 1.0
    power = 10.0 ** floor(log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough)


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
