"""The figures as a table, and as data that is kept in the repository."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import psutil

from town.data_folder import find_program

LATEST = Path(__file__).parent / "results" / "latest.json"
PROCESSES = ("gateway", "session", "inventory", "world", "auth", "postgres", "driver")


class Figures(Protocol):
    """What a run gives for one call at one number of clients."""

    call: str
    clients: int
    rates: list[float]
    latencies_s: list[float]
    requests: int
    cpu_s: dict[str, float]


def summary(measured: Sequence[Figures]) -> dict[str, Any]:
    """The figures and what they were measured on."""
    return circumstances() | {"figures": [_figure(one) for one in measured]}


def circumstances() -> dict[str, Any]:
    """When, of which commit and on which machine something is measured now."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "system": platform.system(),
            "python": platform.python_version(),
            "grpcio": version("grpcio"),
            "postgresql": _postgres_version(),
        },
    }


def _figure(one: Figures) -> dict[str, Any]:
    latencies = sorted(one.latencies_s)
    per_request = {name: round(1e6 * s / one.requests, 1) for name, s in one.cpu_s.items()}
    return {
        "call": one.call,
        "clients": one.clients,
        "requests": one.requests,
        "per_s": {
            "median": round(statistics.median(one.rates), 1),
            "rounds": [round(rate, 1) for rate in one.rates],
        },
        "p50_ms": round(1e3 * latencies[len(latencies) // 2], 2),
        "p99_ms": round(1e3 * latencies[len(latencies) * 99 // 100], 2),
        # Of the town, PostgreSQL included; the driver is the bench's own.
        "cpu_us": round(sum(us for name, us in per_request.items() if name != "driver"), 1),
        "cpu_us_by_process": per_request,
    }


def table(kept: dict[str, Any]) -> str:
    """The figures for a terminal: rates with their spread, latencies, CPU per request."""
    machine = kept["machine"]
    head = f"{'call':9}{'clients':>8}{'per s':>9}{'min..max':>15}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>8}"
    lines = [
        f"{machine['cores']} cores, Python {machine['python']}; CPU µs per request, driver apart",
        "",
        head + "  " + "".join(f"{name:>11}" for name in PROCESSES),
    ]
    ordered = sorted(kept["figures"], key=lambda f: (f["call"], f["clients"]))
    return "\n".join(lines + [_line(figure) for figure in ordered])


def _line(figure: dict[str, Any]) -> str:
    rounds = figure["per_s"]["rounds"]
    spread = f"{min(rounds):.0f}..{max(rounds):.0f}"
    cells = f"{figure['call']:9}{figure['clients']:>8}{figure['per_s']['median']:>9.0f}{spread:>15}"
    cells += f"{figure['p50_ms']:>9.1f}{figure['p99_ms']:>9.1f}{figure['cpu_us']:>8.0f}  "
    by_process = figure["cpu_us_by_process"]
    return cells + "".join(f"{by_process.get(name, 0):>11.0f}" for name in PROCESSES)


def keep(kept: dict[str, Any]) -> None:
    """Writes the figures to bench/results/latest.json."""
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(kept, indent=1) + "\n")


def _postgres_version() -> str:
    """What the embedded PostgreSQL calls itself."""
    command = [str(find_program("postgres")), "--version"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return found.stdout.strip()


def _commit() -> str:
    """The commit that was measured, or "" outside a checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip()
