"""What a player costs a town in a day: CPU, write-ahead log, disk; and how many a machine carries.

python -m bench.cost measure    what is logged and stored, in a town of 10⁴ players: a minute
python -m bench.cost            the tables of docs/cost.md, from that and from the last `make bench`
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from bench import report
from bench.driver import Answers, Driver
from bench.growth import CLIENTS, ROUNDS, SERVICES, Growing
from bench.opened import Spent, Target, opened_town
from bench.play import MIXED, Load, Play
from town.home import Home

KEPT = report.FOLDER / "cost.json"
PLAYERS = 10_000
# A player's day: sessions as `mixed` plays them; a token of 15 minutes is renewed while one plays.
SESSIONS, REFRESHES, LOGINS = 4, 7, 1 / 30
# Of a day's play, the share of its busiest hour; and of what the processors can do, what that may be.
BUSIEST_HOUR, BUSY = 0.15, 0.5
PROCESSES = ("gateway", "session", "inventory", "world", "auth", "postgres")
# Rows that a player has, and those that a day adds; one session in ten drops something.
ROWS = {"user": 1, "hero": 1, "task_template": 3, "wardrobe": 1, "world_state": 1}
ROWS_A_DAY = {
    "session": SESSIONS,
    "credited_session": SESSIONS,
    "credited_date": 1,
    "inventory": SESSIONS / 10,
    "refresh_token": REFRESHES + LOGINS,
    "refresh_family": LOGINS,
}
COUNT = sql.SQL("SELECT count(*) FROM {}")
TABLES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


class Metered(Play):
    """Play of which the bytes of write-ahead log are kept too.

    With `whole_pages` each window comes right after a checkpoint: PostgreSQL then logs
    each page as a whole when it first changes.
    """

    def __init__(self, town: Target, home: Home, driver: Driver) -> None:
        super().__init__(town, driver)
        self._server = home.postgres()
        self.whole_pages = False

    def wal_bytes(self) -> dict[str, int]:
        """Of one call of each kind."""
        return {one.call: round(one.cpu_s["wal_bytes"] / one.requests) for one in self.measured}

    async def _timed(self, *args: Any, **more: Any) -> Answers:
        if self.whole_pages:
            with psycopg.connect(self._server.url(), autocommit=True) as connection:
                connection.execute("CHECKPOINT")
        return await super()._timed(*args, **more)

    def _spent(self, load: Load) -> Spent:
        with psycopg.connect(self._server.url()) as connection:
            (row,) = connection.execute("SELECT pg_current_wal_lsn() - '0/0'")
        return super()._spent(load) | {"wal_bytes": float(row[0])}


async def measured() -> dict[str, Any]:
    """Bytes of a row by table and of the log by call, and the CPU of a refresh."""
    wal_bytes = {}
    with opened_town() as (town, home):
        async with Driver() as driver:
            growing, play = Growing(town, home, driver), Metered(town, home, driver)
            await growing.grow(PLAYERS)
            await growing.sampled(play)
            for kind in ("changes", "whole_pages"):
                play.whole_pages = kind == "whole_pages"
                for _ in range(ROUNDS):
                    await play.round(CLIENTS)
                    await play.refreshed(CLIENTS)
                wal_bytes[kind] = play.wal_bytes()
                refresh = next(one for one in play.measured if one.call == "refresh")
                play.forget()
        stored = {service: _bytes_per_row(home, service) for service in SERVICES}
    cpu_us = report.figure(refresh)["cpu_us_by_process"]
    return report.circumstances() | {
        "wal_bytes": wal_bytes,
        "bytes_per_row": stored,
        "refresh_cpu_us": {name: cpu_us[name] for name in PROCESSES},
    }


def _bytes_per_row(home: Home, service: str) -> dict[str, int]:
    """By table, its indexes included, of those with rows that players make."""
    found = {}
    with psycopg.connect(home.postgres().url(f"nesra_{service}"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        for table, size in connection.execute(TABLES).fetchall():
            (row,) = connection.execute(COUNT.format(sql.Identifier(table)))
            if table in ROWS | ROWS_A_DAY and row[0]:
                found[table] = round(size / row[0])
    return found


def tables(bench: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    """A player's day and a machine's players, as Markdown."""
    day = cpu_ms(bench, kept)
    wal = {kind: _wal_kb(one) for kind, one in kept["wal_bytes"].items()}
    once, daily = (_stored(kept, rows) for rows in (ROWS, ROWS_A_DAY))
    cores = bench["machine"]["cores"]
    players = cores * 3600 * BUSY / (BUSIEST_HOUR * sum(day.values()) / 1e3)
    peak_s = players * BUSIEST_HOUR / 3600
    alone = [(report.closed_loop(bench, "town", call, 1)["cpu_us"], n) for call, n in MIXED.items()]
    log = f"{wal['changes']:.0f} to {wal['whole_pages']:.0f}"
    log_s = " to ".join(f"{peak_s * kb / 1e3:.1f}" for kb in wal.values())
    rows = [
        *_parts("CPU of a day, ms", day, ".1f"),
        (
            "CPU of a session when nobody else plays, ms",
            f"{sum(us * n for us, n in alone) / 1e3:.1f}",
        ),
        ("write-ahead log of a day, kB", log),
        *_parts("disk that a day adds, bytes", daily, ".0f"),
        *_parts("disk of an account, bytes", once, ".0f"),
        (f"players whom {cores} cores carry", f"{round(players, -3):.0f}"),
        ("their sessions in a second of the busiest hour", f"{peak_s * SESSIONS:.0f}"),
        ("their write-ahead log then, MB per s", log_s),
        ("disk that their day adds, GB", f"{players * sum(daily.values()) / 1e9:.1f}"),
        ("disk of their accounts, GB", f"{players * sum(once.values()) / 1e9:.1f}"),
        ("memory of the idle town, MiB", f"{bench['idle_mib']:.0f}"),
    ]
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def _parts(name: str, parts: Mapping[str, float], form: str) -> list[tuple[str, str]]:
    of_it = [(f"… {part}", format(value, form)) for part, value in parts.items() if value]
    return [(name, format(sum(parts.values()), form)), *of_it]


def cpu_ms(bench: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, float]:
    """By process, of a player's day."""
    mixed, login = (
        report.closed_loop(bench, "town", call, clients)["cpu_us_by_process"]
        for call, clients in (("mixed", 32), ("login", 4))
    )
    calls, refresh = SESSIONS * sum(MIXED.values()), kept["refresh_cpu_us"]
    return {
        name: (calls * mixed[name] + REFRESHES * refresh[name] + LOGINS * login[name]) / 1e3
        for name in PROCESSES
    }


def _wal_kb(by_call: Mapping[str, int]) -> float:
    # Once each: what is logged while players only read is left over from their completions.
    session = sum(by_call[call] for call in MIXED)
    return (SESSIONS * session + REFRESHES * by_call["refresh"]) / 1e3


def _stored(kept: Mapping[str, Any], rows: Mapping[str, float]) -> dict[str, float]:
    """By database, the bytes of so many rows of its tables."""
    return {
        service: sum(rows.get(table, 0) * size for table, size in by_table.items())
        for service, by_table in kept["bytes_per_row"].items()
    }


def main() -> None:
    """Measures and keeps, or prints what is kept."""
    if sys.argv[1:] == ["measure"]:
        KEPT.write_text(json.dumps(asyncio.run(measured()), indent=1) + "\n")
    bench, kept = (json.loads(path.read_text()) for path in (report.LATEST, KEPT))
    print(tables(bench, kept))


if __name__ == "__main__":
    main()
