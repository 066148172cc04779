"""What an operator asks of a town that is open, beside it."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.opened import INHERITED, Town
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.xdist_group("town")


def nesra(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in another terminal, which knows the town's folder and nothing else."""
    return subprocess.run(
        [sys.executable, "-m", "town", *words],
        env=INHERITED | {"NESRA_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_is_right_in_an_open_town_that_was_played(town: Town) -> None:
    visitor = Visitor(town.url)
    for _ in range(3):
        visitor.focus(25)

    verified = nesra(town.home, "verify", "--json")
    repaired = nesra(town.home, "repair", "--reason", "to see")
    waiting = nesra(town.home, "deliveries")

    assert verified.returncode == 0, verified.stdout + verified.stderr
    whole = json.loads(verified.stdout)
    assert whole["players"] >= 1
    assert whole["drifts"] == 0
    assert (repaired.returncode, waiting.returncode) == (0, 0)
    assert waiting.stdout == ""


def test_a_running_process_draws_where_its_time_goes(town: Town, tmp_path: Path) -> None:
    graph = tmp_path / "graph.svg"
    (gateway,) = [
        child.pid
        for child in psutil.Process(town.process.pid).children()
        if child.cmdline()[1:3] == ["-m", "gateway"]
    ]
    words = ("--seconds", "2", "--pid", str(gateway), "--output", str(graph))
    with ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(nesra, town.home, "profile", "gateway", *words)
        # Who only waits is on no graph.
        while not drawing.done():
            assert httpx.get(f"{town.url}/healthz").is_success
    drawn = drawing.result()

    assert drawn.returncode == 0, drawn.stderr
    assert graph.read_text().startswith("<?xml")
    assert "gateway/__main__.py" in graph.read_text()


@pytest.mark.parametrize("files", [(), ("secret", "postgres.password")])
def test_a_town_that_is_not_open_is_said_so_and_nothing_is_made(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in files:
        (home / name).write_text("s" * 32)

    done = nesra(home, "verify")

    assert done.returncode == 2
    assert done.stderr == (
        f"There is no open town in {home}: open it with `nesra up`, or set NESRA_HOME or NESRA_DATABASE_URL.\n"
    )
    assert sorted(path.name for path in home.iterdir()) == sorted(files)


def test_jobs_are_listed_and_run_by_hand_beside_the_worker(town: Town) -> None:
    listed = nesra(town.home, "jobs", "list")
    run = nesra(town.home, "jobs", "run", "timeouts")

    rows = [line.split() for line in listed.stdout.splitlines()]
    assert listed.returncode == 0, listed.stderr
    assert {"session", "auth", "inventory", "world"} == {row[0] for row in rows[1:]}
    assert ["world", "streaks", "*/15"] in [row[:3] for row in rows]
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("session timeouts: did ")
