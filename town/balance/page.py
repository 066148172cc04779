"""A page in one file: no script, no other host, light or dark as its reader has it, and a table beside each plot."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from town.balance.plots import swatch
from town.balance.svg import tag

# Six colours that also people with a colour vision deficiency tell apart, at 3:1 or more from the ground in both schemes.
STYLE: Final = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1d2430; --faint: #dfe3e8; --soft: #586170;
  --flag: #fdecea; --flagged: #a3231a; --s0: #0067a5; --s1: #c2490a; --s2: #00805a; --s3: #a8508b; --s4: #6b4fb3; --s5: #806000; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14181f; --ink: #e8ebf0; --faint: #333b47; --soft: #a7b0bd; --flag: #3b1b19; --flagged: #ff9d92;
    --s0: #5ab4f0; --s1: #ff9355; --s2: #3fcf9f; --s3: #e49ac9; --s4: #b9a3ff; --s5: #e0bd4a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 74rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.5rem; } p, li { max-width: 46rem; }
a { color: var(--s0); }
.facts, .said { color: var(--soft); }
.flagged { background: var(--flag); border-left: .3rem solid var(--flagged); padding: .5rem .8rem; list-style: none; }
.flagged strong { color: var(--flagged); }
.findings { padding: 0; } .findings li { margin: .5rem 0; list-style: none; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 31rem), 1fr)); gap: 1.5rem; align-items: start; }
figure { margin: 0; min-width: 0; max-width: 46rem; }
.drawn, .wide { overflow-x: auto; } .drawn > svg { display: block; width: 100%; min-width: 30rem; height: auto; }
svg text { font: 14px system-ui, sans-serif; fill: var(--soft); stroke: var(--ground); stroke-width: 4px; paint-order: stroke; } svg .heading { fill: var(--ink); font-weight: 600; }
svg .grid { stroke: var(--faint); } svg .mark { stroke: var(--ink); stroke-dasharray: 4 3; }
svg .line { fill: none; stroke-width: 2.5; } svg .band { opacity: .12; stroke: none; }
.s0 { --s: var(--s0); } .s1 { --s: var(--s1); } .s2 { --s: var(--s2); } .s3 { --s: var(--s3); } .s4 { --s: var(--s4); } .s5 { --s: var(--s5); }
svg .line { stroke: var(--s); } svg .bar, svg .dot, svg .band { fill: var(--s); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .5rem 0; }
.legend li { list-style: none; display: flex; align-items: center; gap: .4rem; } .swatch { width: 2.2rem; height: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } caption { text-align: left; color: var(--soft); }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--faint); text-align: right; vertical-align: top; }
th:first-child, td:first-child, .words td, .words th { text-align: left; } .wide th:first-child { font-weight: 600; }
td { white-space: nowrap; } .words td { white-space: normal; }
summary { cursor: pointer; padding: .4rem 0; }
@media print { details > * { display: block; } }
"""


def page(title: str, *content: str) -> str:
    """Return the whole document."""
    head = "".join(
        [
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            tag("title", escape(title)),
            f"<style>{STYLE}</style>",
        ]
    )
    body = "\n".join(content)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n'


def paragraph(words: str, **attributes: object) -> str:
    """Return words as they are."""
    return tag("p", escape(words), **attributes)


def heading(words: str, level: int) -> str:
    """Return a heading."""
    return tag(f"h{level}", escape(words))


def plot(title: str, said: str, drawn: str, *beside: str) -> str:
    """Return a plot under its title, with what is to be said about it; legend and table stand beside."""
    # Who has only a keyboard can scroll what is wider than the screen.
    place = tag("div", drawn, class_="drawn", tabindex=0, role="group", aria_label=title)
    caption = tag("figcaption", heading(title, 3), paragraph(said, class_="said"))
    return tag("figure", caption, place, *beside)


def legend(names: Iterable[str], kind: str) -> str:
    """Return which series is which; `kind` is line, bar or dot."""
    entries = [tag("li", swatch(place, kind), escape(name)) for place, name in enumerate(names)]
    return tag("ul", *entries, class_="legend")


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = ""
) -> str:
    """Return a table whose first column names its rows."""
    top = "".join(tag("th", escape(name), scope="col") for name in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(tag("td", escape(cell)) for cell in rest)
        lines.append(tag("tr", tag("th", escape(first), scope="row"), cells))
    drawn = tag(
        "table",
        tag("caption", escape(caption)),
        tag("thead", tag("tr", top)),
        tag("tbody", *lines),
        class_=kind,
    )
    return tag("div", drawn, class_="wide", tabindex=0, role="group", aria_label=caption)


def folded(summary: str, *content: str) -> str:
    """Return what is shown when it is asked for."""
    return tag("details", tag("summary", escape(summary)), *content)
