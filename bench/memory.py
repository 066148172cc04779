"""What the town holds in memory: idle, and whether it grows under a load that goes on.

make bench-memory
"""

import asyncio
import json
import sys
import time
from typing import Any

from bench import report
from bench.driver import Driver
from bench.opened import Target, opened_town, require_clear
from bench.play import Play

KEPT = report.FOLDER / "memory.json"
CLIENTS = 32
PLAYERS = 512
MINUTE_S = 60.0
MINUTES = 10
SAMPLE_EVERY_S = 10.0


async def measured(minutes: int) -> dict[str, Any]:
    """MiB of all processes (PSS), idle and every 10 s under load."""
    with opened_town() as (town, home):
        idle = held(town)
        async with Driver() as driver:
            play = Play(town, driver, PLAYERS)
            await play.gather()
            samples = await _watched(town, play, minutes)
            await play.audit()
        require_clear(home)
    after_1, last = _total_at(samples, MINUTE_S), _total_at(samples, minutes * MINUTE_S)
    return report.circumstances() | {
        "idle_mib": idle,
        "grown": round(last / after_1, 3),
        "samples": samples,
    }


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
    print(f"idle {kept['idle_mib']}")
    print(
        f"under load at last {kept['samples'][-1]['mib']}, {kept['grown']} times that of minute 1"
    )
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
