"""The town opens, heals, closes and goes on where it stopped: `nesra up`, with all its processes.

A start costs seconds of processor time, so each of these runs holds more than one fact.
"""

import time
from pathlib import Path

import httpx
import psutil

from tests.e2e.opened import Town, opened, processes_on, started

PLAYER = {"email": "player@example.com", "password": "three quiet hours"}
KEPT = [
    "services.auth",
    "services.session",
    "services.inventory",
    "services.world",
    "services.kit.worker",
    "gateway",
]


def register(town: Town) -> int:
    return httpx.post(f"{town.url}/api/auth/register", json=PLAYER, timeout=10).status_code


def log_in(town: Town) -> int:
    return httpx.post(f"{town.url}/api/auth/login", json=PLAYER, timeout=10).status_code


def kill(town: Town, name: str) -> psutil.Process:
    victim = town.process_of(name)
    assert victim is not None
    victim.kill()
    return victim


def test_what_is_killed_comes_back_in_two_seconds_the_next_run_goes_on_and_ctrl_c_closes_in_order(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "home") as town:
        assert all(town.process_of(name) for name in [*KEPT, "bin/postgres"])
        assert register(town) == 201

        victim, killed_at = kill(town, "services.inventory"), time.monotonic()
        town.await_line("inventory | was killed (SIGKILL)")
        while town.process_of("services.inventory") in {None, victim}:
            assert time.monotonic() - killed_at < 2.0

        kill(town, "bin/postgres")
        town.await_line("PostgreSQL ended")
        town.await_that(lambda: log_in(town) == 200)

        # And at last the run itself.
        town.process.kill()
        town.await_end()

    with opened(tmp_path / "home") as town:
        assert log_in(town) == 200
        _closes_in_order(town, tmp_path)


def _closes_in_order(town: Town, folder: Path) -> None:
    """Ctrl-C ends every process, also one that was started again, callers first; nothing is left."""
    kill(town, "services.world")
    town.await_line("world     | was killed")
    town.await_line(" serving ")

    town.press_ctrl_c()
    # The impatient press it twice.
    town.press_ctrl_c()

    assert town.await_end() == 0
    assert processes_on(folder) == []
    ends = [line.split(" ", 1)[0] for line in town.said if " stopped " in line]
    assert ends[:2] == ["gateway", "session"]
    assert sorted(ends[2:]) == ["auth", "inventory", "worker", "world"]


def test_ctrl_c_while_it_opens_closes_it(tmp_path: Path) -> None:
    with started(tmp_path / "home") as town:
        town.await_line("preparing the databases")
        town.press_ctrl_c()

        assert town.await_end() == 0
        assert processes_on(tmp_path) == []
