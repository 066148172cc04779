"""What the town holds in memory: idle, and whether it grows under a load that goes on.

PostgreSQL's cache of pages has a fixed size, and is full in a town that has stood for
long. It is filled before the load: else its filling would pass for growth.

make bench-memory
"""

import asyncio
import json
import sys
import time
from typing import Any

import psycopg

from bench import goals, report
from bench.driver import Driver
from bench.goals import Goal
from bench.opened import Target, opened_town, require_clear
from bench.play import Play
from town.home import Home

KEPT = report.FOLDER / "memory.json"
CLIENTS = 32
PLAYERS = 512
MINUTE_S = 60.0
MINUTES = 10
SAMPLE_EVERY_S = 10.0
GOALS = (
    Goal("MiB of the idle town", 600, 400, lambda kept: [kept["idle_mib"]["all"]], more=False),
    Goal("MiB at the end ÷ at minute 1", 1.05, 1.01, lambda kept: [kept["grown"]], more=False),
)


async def measured(minutes: int) -> dict[str, Any]:
    """MiB of all processes (PSS), idle and every 10 s under load."""
    with opened_town() as (town, home):
        idle = held(town)
        fill_cache(home)
        full = held(town)
        async with Driver() as driver:
            play = Play(town, driver, PLAYERS)
            await play.gather()
            samples = await _watched(town, play, minutes)
            await play.audit()
        require_clear(home)
    after_1, last = _total_at(samples, MINUTE_S), _total_at(samples, minutes * MINUTE_S)
    return report.circumstances() | {
        "minutes": minutes,
        "idle_mib": idle,
        "idle_mib_with_full_cache": full,
        "grown": round(last / after_1, 3),
        "samples": samples,
    }


def fill_cache(home: Home) -> None:
    """Has PostgreSQL use all of its cache; the checkpoint touches each page, and goes on living."""
    with psycopg.connect(home.postgres().url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE filler (row text)")
        # A kB in a row, more rows than the cache has room for.
        connection.execute(
            "INSERT INTO filler SELECT repeat('x', 1000)"
            " FROM generate_series(1, pg_size_bytes(current_setting('shared_buffers')) / 800)"
        )
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE filler")


async def _watched(town: Target, play: Play, minutes: int) -> list[dict[str, Any]]:
    """Plays for so many minutes; what was held meanwhile."""
    samples: list[dict[str, Any]] = []
    began = time.monotonic()
    while (passed_s := time.monotonic() - began) <= minutes * MINUTE_S + SAMPLE_EVERY_S:
        await play.mixed(CLIENTS)
        play.forget()
        if passed_s >= SAMPLE_EVERY_S * len(samples):
            samples.append({"after_s": round(passed_s), "mib": held(town)})
    return samples


def held(town: Target) -> dict[str, float]:
    """MiB by process, and in all."""
    by_process = {name: round(mib, 1) for name, mib in town.memory_mib().items()}
    return by_process | {"all": round(sum(by_process.values()), 1)}


def _total_at(samples: list[dict[str, Any]], after_s: float) -> float:
    """What was held in all at the sample that is nearest to a time."""
    nearest = min(samples, key=lambda one: abs(one["after_s"] - after_s))
    return float(nearest["mib"]["all"])


def main() -> None:
    """Measures, and keeps the figures in bench/results/memory.json."""
    kept = asyncio.run(measured(int(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
    kept["goals"] = [goal.reached(kept) for goal in GOALS]
    print(f"idle {kept['idle_mib']}\nwith a full cache {kept['idle_mib_with_full_cache']}")
    print(f"under load at last {kept['samples'][-1]['mib']}")
    print(goals.table(kept["goals"]))
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
