"""The report as a page: plots and tables in one HTML file without a script."""

import io
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import FOLDER, closed_loop, load_of_goals

# Letters as text, not as outlines: two thirds of the bytes, and a browser can search them.
plt.rcParams["svg.fonttype"] = "none"

PAGE = FOLDER / "latest.html"
COLOURS = {"town": "#2b6777", "monolith": "#c8553d"}
PARTS = {
    "gateway": "#2b6777",
    "session": "#52ab98",
    "inventory": "#e9b44c",
    "world": "#9b5de5",
    "auth": "#f28482",
    "worker": "#8d99ae",
    "monolith": "#c8553d",
    "postgres": "#577590",
}
CALLS = ("start", "complete", "profile", "tasks", "inventory")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.missed { background: #fde8e4; } .aim { background: #e3f4ee; }
svg { width: 100%; height: auto; }
"""


def keep(kept: dict[str, Any]) -> None:
    """Writes the page to bench/results/latest.html."""
    machine = kept["machine"]
    head = (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, Python "
        f"{machine['python']}, {machine['postgresql']}, commit {kept['commit']}, "
        f"{kept['measured_at']}"
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Nesra Town: bench</title>",
        f"<style>{STYLE}</style><h1>How fast the town is</h1><p>{escape(head, quote=False)}</p>",
        f"<p>{load_of_goals(kept)}</p><h2>Goals</h2>",
        _goals(kept["goals"]),
        "<h2>Requests per second</h2>",
        _svg(_rates(kept)),
        "<h2>CPU of one request, by process</h2>",
        _svg(_cpu(kept)),
        "<h2>Latency at a fixed rate of arrivals</h2>",
        _svg(_latencies(kept)),
    ]
    PAGE.write_text("\n".join(parts) + "\n")


def _goals(goals: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr class={one['outcome']}><td>{escape(one['goal'], quote=False)}<td>{one['bound']:g}<td>{one['aim']:g}"
        f"<td>{one['value']:g}<td>{one['lowest']:g}..{one['highest']:g}<td>{one['outcome']}"
        for one in goals
    ]
    head = "<tr><th>goal<th>bound<th>aim<th>value<th>of the rounds<th>outcome"
    return "<table>" + head + "".join(rows) + "</table>"


def _rates(kept: dict[str, Any]) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for place, clients in zip(axes, (1, 32, 128), strict=True):
        for number, (target, colour) in enumerate(COLOURS.items()):
            each = [closed_loop(kept, target, call, clients)["per_s"] for call in CALLS]
            middle = [one["median"] for one in each]
            spread = [
                [one["median"] - min(one["rounds"]) for one in each],
                [max(one["rounds"]) - one["median"] for one in each],
            ]
            at = [index + 0.4 * number for index in range(len(CALLS))]
            place.bar(at, middle, 0.38, yerr=spread, color=colour, label=target, capsize=2)
        _named(place, f"{clients} client{'s' if clients > 1 else ''}")
        place.set_yscale("log")
    axes[0].set_ylabel("per second, median and range")
    axes[0].legend(frameon=False)
    return figure


def _named(place: Axes, title: str) -> None:
    place.set_title(title)
    place.set_xticks([index + 0.2 for index in range(len(CALLS))], CALLS, rotation=30)
    place.spines[["top", "right"]].set_visible(False)


def _cpu(kept: dict[str, Any]) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for place, clients in zip(axes, (1, 32, 128), strict=True):
        for number, target in enumerate(COLOURS):
            bottoms = [0.0] * len(CALLS)
            at = [index + 0.4 * number for index in range(len(CALLS))]
            for part, colour in PARTS.items():
                spent = [
                    closed_loop(kept, target, call, clients)["cpu_us_by_process"].get(part, 0.0)
                    for call in CALLS
                ]
                place.bar(at, spent, 0.38, bottom=bottoms, color=colour, label=part)
                bottoms = [below + one for below, one in zip(bottoms, spent, strict=True)]
        _named(place, f"{clients} client{'s' if clients > 1 else ''}: town left, monolith right")
    axes[0].set_ylabel("CPU µs per request")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles[: len(PARTS)],
        labels[: len(PARTS)],
        loc="outside lower center",
        ncols=7,
        frameon=False,
    )
    return figure


def _latencies(kept: dict[str, Any]) -> Figure:
    shares = ("50", "90", "99", "99.9")
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True, layout="constrained")
    for place, call in zip(axes, ("complete", "profile"), strict=True):
        for one in kept["figures"]:
            if one["call"] == call and one["arrivals_per_s"]:
                values = [one[f"p{share.replace('.', '_')}_ms"] for share in shares]
                place.plot(shares, values, "o-", color=COLOURS[one["target"]], label=one["target"])
                place.set_title(f"{call}, {one['arrivals_per_s']:.0f} arrivals per s")
        place.set_xlabel("percentile")
        place.set_yscale("log")
        place.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("ms since the request was due")
    axes[0].legend(frameon=False)
    return figure


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]
