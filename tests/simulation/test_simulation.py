"""Whatever is lost, doubled, late, dead or set to another time: the town keeps its promises.

`NESRA_SIMULATION_SEEDS=100000` in the environment runs more seeds than usual.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.storm import Outcome, simulated

ROOT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("NESRA_SIMULATION_SEEDS", "400"))
# So many tests share them, so that several workers can.
SHARES = 4


@pytest.mark.timeout(120 + SEEDS)
@pytest.mark.parametrize(
    "share", [pytest.param(n, marks=pytest.mark.xdist_group(f"storms {n}")) for n in range(SHARES)]
)
def test_in_every_storm_the_promises_hold(share: int) -> None:
    for seed in range(share, SEEDS, SHARES):
        outcome = simulated(seed)

        if outcome.wrongs:
            pytest.fail(_told(seed, outcome), pytrace=False)


def test_the_storms_are_worth_their_time() -> None:
    met: Counter[str] = Counter()
    for seed in range(60):
        met.update({name: count > 0 for name, count in simulated(seed).counts.items()})

    rare = {name: seeds for name, seeds in met.items() if seeds < 6}
    assert not rare, met


def test_a_seed_runs_the_same_steps_again() -> None:
    first, second = simulated(5), simulated(5)

    assert first.trace == second.trace
    assert first.digest != simulated(6).digest


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_seed_runs_the_same_steps_in_another_process(hash_seed: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "5"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert printed.splitlines()[-1] == simulated(5).digest


def _told(seed: int, outcome: Outcome) -> str:
    """What a person needs who was not there."""
    wrongs = "\n".join(outcome.wrongs)
    command = f"{Path(sys.executable).name} -m tests.simulation {seed}"
    trace = "\n".join(outcome.trace)
    return f"seed {seed} broke a promise:\n{wrongs}\n\n{trace}\n\nalone: {command}\n\n{wrongs}"
