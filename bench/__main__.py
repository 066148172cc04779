"""Measures the town beside a monolith that does the same work, in one interleaved run.

Both stand on one PostgreSQL with full durability, under the same load; in
between pgbench shows what PostgreSQL alone can do with a completion's statements.
"""

import asyncio
import sys
from typing import Any

from bench import goals, page, report, wrk
from bench.driver import Driver
from bench.opened import opened_monolith, opened_town, require_clear
from bench.pgbench import PgBench
from bench.play import Play

ROUNDS = 5
CLIENTS = (1, 32, 128)
MIXED_CLIENTS = 32
# Where wrk is found, rates and CPU at these are its, and latencies the driver's.
WRK_CLIENTS = (32, 128)
# Of what the monolith reaches at most: a load that both can bear.
OPEN_LOOP_SHARE = 0.5


async def measured() -> dict[str, Any]:
    """Everything that was measured, as it is kept."""
    with opened_town() as (town, home), opened_monolith(home, town.processes["postgres"]) as other:
        idle_mib = sum(town.memory_mib().values())
        pgbench = PgBench(home)
        async with Driver() as driver:
            plays = [Play(town, driver), Play(other, driver)]
            for play in plays:
                await play.gather()
            await _play(plays, pgbench)
            for play in plays:
                await play.audit()
        require_clear(home)
        figures = [one for play in plays for one in play.measured]
        return report.summary(figures, pgbench.ceilings, idle_mib=idle_mib)


async def _play(plays: list[Play], pgbench: PgBench) -> None:
    """Rounds of a window each: interleaved, so that a slow minute of the machine meets all alike."""
    per_s = 0.0
    found = wrk.found()
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
        for clients in CLIENTS:
            for play in plays:
                await play.round(clients)
                if found and clients in WRK_CLIENTS:
                    await play.by_wrk(clients, found)
        for play in plays:
            await play.mixed(MIXED_CLIENTS)
        per_s = per_s or round(OPEN_LOOP_SHARE * plays[-1].rate("complete", 32), -1)
        for play in plays:
            await play.at_rate(per_s)
        pgbench.round()


def main() -> None:
    """Measures, prints tables, and keeps the figures in bench/results."""
    kept = asyncio.run(measured())
    kept["goals"] = goals.reached(kept)
    print(report.table(kept))
    print(goals.table(kept["goals"]))
    report.keep(kept)
    page.keep(kept)


if __name__ == "__main__":
    main()
