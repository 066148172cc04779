"""Whether a call costs more in a town of a million players than in one of a thousand.

Two towns are open. One has 10³ players of ten finished sessions each, and stays so;
the other is filled up to 10⁶ players and 10⁷ sessions. At each size both play in
turn, through the whole stack, with players who are spread over all rows: a window
here, a window there, so that a slow minute of the machine meets both alike.

    make bench-growth            all sizes: a quarter of an hour and 10 GB of disk
    python -m bench.growth 4     up to 10⁴ players
"""

import asyncio
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench import goals, report
from bench.driver import Driver
from bench.goals import Goal, Kept, Values
from bench.opened import Target, opened_town, require_clear
from bench.play import Play
from town.home import Home

FOLDER = Path(__file__).parent / "sql" / "growth"
KEPT = report.FOLDER / "growth.json"
SERVICES = ("auth", "session", "inventory", "world")
SMALLEST, LARGEST = 3, 6
DAYS = 10
# Who is measured at each size.
SAMPLE = 256
CLIENTS = 32
ROUNDS = 5
CALLS = ("start", "complete", "history", "profile", "tasks", "inventory")
# A million rows take a while.
STATEMENT_WITHIN = "SET statement_timeout = 0"


class Growing:
    """The databases of a town, as they are filled."""

    def __init__(self, town: Target, home: Home, driver: Driver) -> None:
        self.town = town
        self._driver = driver
        self._server = home.postgres()
        self._players = 0
        # The last of ten days of play is two days ago, also when it becomes midnight meanwhile.
        self._today = datetime.combine(datetime.now(UTC), time(), UTC)

    async def grow(self, players: int) -> None:
        """Adds players until there are so many. Numbers begin at 0, ids are in no order."""
        if not self._players:
            # Somebody who has a password: all others have the same.
            await Play(self.town, self._driver, players=1).gather()
        bound = {"first": self._players, "last": players - 1, "hashed": self._hashed()}
        # They are independent, and a machine has more than one processor.
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: self._fill(service, bound), SERVICES))
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        self._players = players

    async def sampled(self, play: Play | None = None) -> Play:
        """Players from everywhere, logged in, at `play` or at one of their own.

        What was just written is read once before it is measured, as it would be on any day.
        """
        dice = random.Random(self._players)  # noqa: S311  # chooses whom to measure
        some = dice.sample(range(self._players), SAMPLE)
        play = play or Play(self.town, self._driver)
        await play.log_in([f"grown{n}@example.com" for n in some])
        await play.round(CLIENTS)
        play.forget()
        return play

    def _fill(self, service: str, bound: Mapping[str, Any]) -> None:
        texts = [(FOLDER / f"{name}.sql").read_text() for name in ("players", service)]
        statements = [one for text in texts for one in text.split(";\n")]
        with psycopg.connect(self._url(service), autocommit=True) as connection:
            connection.execute(STATEMENT_WITHIN)
            for one in statements:
                for day in self._days() if "%(began)s" in one else ({},):
                    connection.execute(one, {**bound, **day, "last_day": self._day(DAYS)})
            connection.execute("VACUUM ANALYZE")

    def _days(self) -> Iterator[dict[str, Any]]:
        """A day of everybody's play after the other, as the rows of a real town would come."""
        for day in range(1, DAYS + 1):
            began = self._day(day)
            yield {"day": day, "began": began, "instant": f"{int(began.timestamp() * 1000):012x}"}

    def _day(self, day: int) -> datetime:
        return self._today - timedelta(days=DAYS + 2 - day)

    def _hashed(self) -> str:
        with psycopg.connect(self._url("auth")) as connection:
            (row,) = connection.execute('SELECT hashed_password FROM "user" LIMIT 1')
        return str(row[0])

    def _url(self, service: str) -> str:
        return self._server.url(f"nesra_{service}")


async def measured(largest: int) -> None:
    """Measures size after size; each is printed, and kept in bench/results/growth.json, when done."""
    kept = report.circumstances() | {"clients": CLIENTS, "smallest": 10**SMALLEST, "sizes": []}
    with opened_town() as small, opened_town() as large:
        async with Driver() as driver:
            smallest, growing = Growing(*small, driver), Growing(*large, driver)
            await smallest.grow(10**SMALLEST)
            for power in range(SMALLEST + 1, largest + 1):
                await growing.grow(10**power)
                figures, beside = await _played(growing, smallest)
                size = {"players": 10**power, "figures": figures, "of_smallest": beside}
                kept["sizes"].append(size)
                print(lines(kept), flush=True)
                KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        for _, home in (small, large):
            require_clear(home)
    print(goals.table([goal.reached(kept) for goal in GOALS]))


async def _played(*towns: Growing) -> list[list[dict[str, Any]]]:
    """The figures of each town, in rounds that take turns."""
    plays = [await town.sampled() for town in towns]
    for _ in range(ROUNDS):
        for play in plays:
            await play.round(CLIENTS)
    return [[report.figure(one) for one in play.measured if one.call in CALLS] for play in plays]


def lines(kept: Mapping[str, Any]) -> str:
    """The last size for a terminal."""
    last = kept["sizes"][-1]
    said = [f"{last['players']} players, beside {kept['smallest']}:"]
    for now in last["figures"]:
        (cpu,), rate = postgres(now["call"])(kept), statistics.median(rates(now["call"])(kept))
        said.append(
            f"  {now['call']:10}{now['per_s']['median']:8.0f} per s ({rate:.2f} times),"
            f" PostgreSQL {now['cpu_us_by_process']['postgres']:6.0f} µs ({cpu:.2f} times)"
        )
    return "\n".join(said)


def rates(call: str) -> Callable[[Kept], Values]:
    """By round, how many times the rate of the smallest town the largest reached."""

    def values(kept: Kept) -> Values:
        pairs = zip(*(one["per_s"]["rounds"] for one in _figures(kept, call)), strict=True)
        return [large / small for large, small in pairs]

    return values


def postgres(call: str) -> Callable[[Kept], Values]:
    """How many times the CPU that PostgreSQL took in the smallest town it took in the largest."""

    def values(kept: Kept) -> Values:
        large, small = (one["cpu_us_by_process"]["postgres"] for one in _figures(kept, call))
        return [large / small]

    return values


def _figures(kept: Kept, call: str) -> list[Kept]:
    """The figure of a call in the largest town, and in the smallest beside it."""
    last = kept["sizes"][-1]
    every = (last["figures"], last["of_smallest"])
    return [next(one for one in figures if one["call"] == call) for figures in every]


GOALS = (
    Goal("complete per s, largest ÷ smallest town", 0.9, 0.95, rates("complete")),
    Goal("PostgreSQL CPU of a completion, likewise", 1.15, 1.05, postgres("complete"), more=False),
)


def main() -> None:
    """Measures, and says whether the goals are reached."""
    asyncio.run(measured(int(sys.argv[1]) if len(sys.argv) > 1 else LARGEST))


if __name__ == "__main__":
    main()
