"""Whether a call costs more in a town of a million players than in one of a thousand.

Fills the four databases with players of ten finished sessions each, from 10³
players and 10⁴ sessions up to 10⁶ and 10⁷, and measures at each size, through
the whole stack, what calls cost players who are spread over all rows.

    make bench-growth            all sizes: some ten minutes and 8 GB of disk
    python -m bench.growth 4     up to 10⁴ players
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench import report
from bench.driver import Driver
from bench.opened import Target, opened_town, require_clear
from bench.play import Play
from town.home import Home

FOLDER = Path(__file__).parent / "sql" / "growth"
KEPT = report.FOLDER / "growth.json"
SMALLEST, LARGEST = 3, 6
# Who is measured at each size.
SAMPLE = 256
CLIENTS = 32
ROUNDS = 5
CALLS = ("start", "complete", "history", "profile", "tasks", "inventory")
# A million rows take a while.
STATEMENT_WITHIN = "SET statement_timeout = 0"


class Growing:
    """The databases of a town, as they are filled."""

    def __init__(self, home: Home) -> None:
        self._server = home.postgres()
        self._players = 0

    def grow(self, players: int) -> None:
        """Adds players until there are so many. Numbers begin at 0, ids are in no order."""
        hashed = self._one("auth", 'SELECT hashed_password FROM "user" LIMIT 1')
        for service in ("auth", "session", "inventory", "world"):
            sql = (FOLDER / f"{service}.sql").read_text()
            with psycopg.connect(self._url(service), autocommit=True) as connection:
                connection.execute(STATEMENT_WITHIN)
                connection.execute((FOLDER / "numbers.sql").read_text())
                for part in filter(str.strip, sql.split(";\n")):
                    bound = {"first": self._players, "last": players - 1, "hashed": hashed}
                    connection.execute(part, bound)
                connection.execute("VACUUM ANALYZE")
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        self._players = players

    def sample(self) -> list[str]:
        """The e-mails of players from everywhere."""
        dice = random.Random(self._players)  # noqa: S311  # chooses whom to measure
        return [f"grown{n}@example.com" for n in dice.sample(range(self._players), SAMPLE)]

    def _url(self, service: str) -> str:
        return self._server.url(f"nesra_{service}")

    def _one(self, service: str, sql: str) -> Any:
        with psycopg.connect(self._url(service)) as connection:
            row = connection.execute(sql).fetchone()
        return row[0] if row else None


async def measured(largest: int) -> dict[str, Any]:
    """By size, what each call reached and cost."""
    sizes = []
    with opened_town() as (town, home):
        async with Driver() as driver:
            await Play(town, driver, players=1).gather()
            growing = Growing(home)
            for power in range(SMALLEST, largest + 1):
                growing.grow(10**power)
                sizes.append(
                    {"players": 10**power, "figures": await _played(town, driver, growing)}
                )
                print(_lines(sizes), flush=True)
        require_clear(home)
    return report.circumstances() | {"clients": CLIENTS, "sizes": sizes}


async def _played(town: Target, driver: Driver, growing: Growing) -> list[dict[str, Any]]:
    play = Play(town, driver)
    await play.log_in(growing.sample())
    # What was just written is read once before it is measured, as it would be on any day.
    await play.round(CLIENTS)
    play.forget()
    for _ in range(ROUNDS):
        await play.round(CLIENTS)
    return [report.figure(one) for one in play.measured if one.call in CALLS]


def _lines(sizes: Sequence[dict[str, Any]]) -> str:
    first, last = sizes[0], sizes[-1]
    lines = [f"{last['players']} players, beside {first['players']}:"]
    for before, now in zip(first["figures"], last["figures"], strict=True):
        rate = now["per_s"]["median"] / before["per_s"]["median"]
        cpu = now["cpu_us_by_process"]["postgres"] / before["cpu_us_by_process"]["postgres"]
        lines.append(
            f"  {now['call']:10}{now['per_s']['median']:8.0f} per s ({rate:.2f} times),"
            f" PostgreSQL {now['cpu_us_by_process']['postgres']:6.0f} µs ({cpu:.2f} times)"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures, and keeps the figures in bench/results/growth.json."""
    kept = asyncio.run(measured(int(sys.argv[1]) if len(sys.argv) > 1 else LARGEST))
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
