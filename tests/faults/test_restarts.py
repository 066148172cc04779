"""Rolling restarts lose no request: everything drains, and a second replica takes over."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import plan
from tests.faults.history import Kind, ends_of
from tests.faults.stage import Scene
from tests.faults.town import Layout

pytestmark = [pytest.mark.xdist_group("faults in pairs"), pytest.mark.timeout(0)]

# What rolls must not go on to the next replica before callers have found this one again:
# they look once a second, and then hear of its health.
CALLERS_KNOW_IT_AFTER_S = 2.0
# Fewer than one replica alone can serve: beyond that a town refuses calls by design.
PLAYERS = 32
REPLICATED = Layout(replicas=2)


def test_r11_no_accepted_request_fails_while_everything_is_restarted(
    scene_in: Callable[[Layout], Scene],
) -> None:
    scene = scene_in(REPLICATED)
    names = scene.town.services + scene.town.gateways
    rounds = plan.restarts(scene.seed, names, scene.tier.restarts)
    load = scene.load(players=PLAYERS, balanced=True)

    with load.going_on(), ThreadPoolExecutor(len(names)) as threads:
        for each in rounds:
            load.history.fault(f"restart {', '.join(each)}")
            list(threads.map(scene.town.restart, each))
            time.sleep(CALLERS_KNOW_IT_AFTER_S)

    scene.figures["restarts"] = sum(map(len, rounds))
    scene.judge(load)
    failed = [
        end
        for end in ends_of(load.history.events)
        if end.kind is Kind.UNKNOWN and end.told.get("was_sent", True)
    ]
    assert failed == [], f"{len(failed)} requests failed, such as {failed[:10]}"
