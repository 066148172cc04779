"""The figures as a table, and as data that is kept in the repository."""

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.pgbench import Ceiling
from bench.play import Measured
from town.data_folder import find_program

FOLDER = Path(__file__).parent / "results"
LATEST = FOLDER / "latest.json"
PROCESSES = (
    *("gateway", "session", "inventory", "world", "auth", "worker"),
    *("monolith", "postgres", "driver"),
)
# Percentiles that are kept of latencies.
SHARES = (50, 90, 99, 99.9)


def summary(
    measured: Sequence[Measured], ceilings: Sequence[Ceiling], *, idle_mib: float
) -> dict[str, Any]:
    """The figures and what they were measured on."""
    return circumstances() | {
        "figures": [figure(one) for one in measured],
        "pgbench": [
            {
                "form": one.form,
                "per_s": _spread(one.rates),
                "latency_ms": _spread(one.latencies_ms),
            }
            for one in ceilings
        ],
        "idle_mib": round(idle_mib, 1),
    }


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


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(values), 1),
        "rounds": [round(value, 1) for value in values],
    }


def figure(one: Measured) -> dict[str, Any]:
    """What is kept of one call at one number of clients; latencies where the load knows them."""
    latencies = sorted(one.latencies_s)
    per_request = {name: round(1e6 * s / one.requests, 1) for name, s in one.cpu_s.items()}
    return {
        "target": one.target,
        "call": one.call,
        "clients": one.clients,
        # Of an open loop, how many arrived in a second; 0 for a closed one.
        "arrivals_per_s": one.per_s,
        "load": one.load,
        "requests": one.requests,
        "per_s": _spread(one.rates),
        **{
            f"p{str(share).replace('.', '_')}_ms": round(1e3 * percentile(latencies, share), 2)
            for share in SHARES
            if latencies
        },
        # All processes together, PostgreSQL included; the driver is the bench's own.
        "cpu_us": round(sum(us for name, us in per_request.items() if name != "driver"), 1),
        "cpu_us_by_process": per_request,
    }


def closed_loop(
    kept: Mapping[str, Any], target: str, call: str, clients: int, *, latencies: bool = False
) -> Mapping[str, Any]:
    """The figure of a call in a closed loop: wrk's where there is one, as it disturbs less.

    Latencies are the driver's alone.
    """
    of_call: list[Mapping[str, Any]] = [
        one
        for one in kept["figures"]
        if (one["target"], one["call"], one["clients"]) == (target, call, clients)
        and not one["arrivals_per_s"]
    ]
    return min(of_call, key=lambda one: (one.get("load") == "wrk") == latencies)


def load_of_goals(kept: Mapping[str, Any]) -> str:
    """What sent the requests of the windows that goals are about, in a sentence."""
    by_wrk = any(one.get("load") == "wrk" for one in kept["figures"])
    return (
        "Load: wrk for rates and CPU at 32 and 128 clients, the bundled driver for the rest."
        if by_wrk
        else "Load: the bundled driver; wrk was not found."
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` percent of the ordered ones do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def table(kept: dict[str, Any]) -> str:
    """The figures for a terminal: rates with their spread, latencies, CPU per request."""
    machine = kept["machine"]
    head = f"{'target':9}{'call':10}{'clients':>8}{'per s':>8}{'min..max':>13}"
    head += f"{'p50 ms':>8}{'p99 ms':>8}{'CPU µs':>8}  "
    lines = [
        f"{machine['cores']} cores, Python {machine['python']}; CPU µs per request, driver apart",
        load_of_goals(kept),
        "",
        head + "".join(f"{name:>10}" for name in PROCESSES),
    ]
    ordered = sorted(
        kept["figures"],
        key=lambda f: (f["call"], f["arrivals_per_s"], f["clients"], f["load"], f["target"]),
    )
    lines += [_line(one) for one in ordered]
    lines += [
        f"pgbench, {one['form']}: {one['per_s']['median']:.0f} per s" for one in kept["pgbench"]
    ]
    return "\n".join([*lines, f"the idle town: {kept['idle_mib']:.0f} MiB"])


def _line(one: dict[str, Any]) -> str:
    rounds = one["per_s"]["rounds"]
    spread = f"{min(rounds):.0f}..{max(rounds):.0f}"
    clients = "at rate" if one["arrivals_per_s"] else str(one["clients"])
    if one["load"] == "wrk":
        clients = f"wrk {clients}"
    p50, p99 = (f"{one[name]:.1f}" if name in one else "-" for name in ("p50_ms", "p99_ms"))
    cells = f"{one['target']:9}{one['call']:10}{clients:>8}"
    cells += f"{one['per_s']['median']:>8.0f}{spread:>13}"
    cells += f"{p50:>8}{p99:>8}{one['cpu_us']:>8.0f}  "
    by_process = one["cpu_us_by_process"]
    return cells + "".join(f"{by_process.get(name, 0):>10.0f}" for name in PROCESSES)


def keep(kept: dict[str, Any]) -> None:
    """Writes the figures to bench/results/latest.json."""
    FOLDER.mkdir(exist_ok=True)
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
