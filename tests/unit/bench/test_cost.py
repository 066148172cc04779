"""The cost of a player is a sum over a day, and a machine carries what its processors can pay."""

from typing import Any

import pytest

from bench import cost
from bench.play import MIXED, Measured
from bench.report import figure

CALLS_A_DAY = cost.SESSIONS * sum(MIXED.values())


def a_run(us: float) -> dict[str, Any]:
    """A run in which every call takes every process so long."""
    spent = dict.fromkeys(cost.PROCESSES, us / 1e6)
    calls = [("mixed", 32), ("login", 4), *((call, 1) for call in MIXED)]
    return {
        "machine": {"cores": 2},
        "idle_mib": 400.0,
        "figures": [
            figure(Measured("town", call, clients, 0.0, [1.0], [0.1], 1, spent))
            for call, clients in calls
        ],
    }


def kept(us: float) -> dict[str, Any]:
    wal = dict.fromkeys([*MIXED, "refresh"], 1000)
    return {
        "wal_bytes": {
            "changes": wal,
            "whole_pages": {call: 9 * size for call, size in wal.items()},
        },
        "bytes_per_row": {"session": {"hero": 100, "task_template": 10, "session": 300}},
        "refresh_cpu_us": dict.fromkeys(cost.PROCESSES, us),
    }


def shown(us: float) -> dict[str, str]:
    lines = cost.tables(a_run(us), kept(us)).splitlines()[2:]
    return dict(line.strip("| ").split(" | ") for line in lines)


def test_a_day_is_its_sessions_and_the_renewals_of_the_login() -> None:
    calls = CALLS_A_DAY + cost.REFRESHES + cost.LOGINS

    assert cost.cpu_ms(a_run(1000.0), kept(1000.0))["world"] == pytest.approx(calls)
    assert shown(1000.0)["write-ahead log of a day, kB"] == "27 to 243"


def test_rows_are_counted_once_for_an_account_and_daily_for_play() -> None:
    rows = shown(1000.0)

    assert rows["disk of an account, bytes"] == "130"
    assert rows["disk that a day adds, bytes"] == str(300 * cost.SESSIONS)


def test_half_the_price_carries_twice_the_players() -> None:
    dear, cheap = (int(shown(us)["players whom 2 cores carry"]) for us in (1000.0, 500.0))

    assert cheap == pytest.approx(2 * dear, abs=2000)
