"""PostgreSQL may be restarted, fall or lose a backend under load: nobody else has to be."""

import signal
import time

import pytest

from tests.faults import plan
from tests.faults.driver import Load
from tests.faults.history import Kind, ends_of
from tests.faults.patience import await_that
from tests.faults.stage import Scene

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

# R10: so soon after PostgreSQL serves again, the town does.
SERVES_WITHIN_S = 10.0
CALM_S = 1.0


@pytest.mark.parametrize("blow", plan.BLOWS)
def test_r10_after_postgresql_was_hit_the_same_processes_serve_again(
    scene: Scene, blow: str
) -> None:
    load = scene.load()
    town = scene.town
    processes = town.pids()
    back_s = []

    with load.going_on():
        for number in range(scene.tier.blows):
            time.sleep(CALM_S)
            load.history.fault(f"PostgreSQL: {blow}")
            _strike(scene, blow, number)
            town.await_postgres()
            back_s.append(_serves_again(load, town.gateways))
        time.sleep(CALM_S)

    scene.figures |= {"blows": scene.tier.blows, "back_s": round(max(back_s), 2)}
    scene.judge(load)
    assert max(back_s) <= SERVES_WITHIN_S
    assert town.pids() == processes
    assert {end.status for end in ends_of(load.history.events)} <= {200, 201, 409, 503}


def _strike(scene: Scene, blow: str, number: int) -> None:
    if blow == "backend":
        scene.town.kill_backend(scene.seed + number)
    else:
        scene.town.restart_postgres(signal.SIGINT if blow == "fast" else signal.SIGQUIT)


def _serves_again(load: Load, gateways: list[str]) -> float:
    """After how many seconds a completion was paid over each gateway."""
    began = time.monotonic()

    def is_served(gateway: str) -> bool:
        recent = reversed(load.history.events)
        ends = (e for e in recent if e.operation == "complete" and e.gateway == gateway)
        last = next((end for end in ends if end.kind is Kind.OK), None)
        return last is not None and last.mono > began

    return await_that(lambda: all(map(is_served, gateways)), within_s=2 * SERVES_WITHIN_S)
