"""Rolling restarts lose no request: everything drains, and a second replica takes over."""

from collections.abc import Callable

import pytest

from tests.faults import plan
from tests.faults.history import Kind, ends_of
from tests.faults.stage import Scene
from tests.faults.town import Layout

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

REPLICATED = Layout(replicas=2)


def test_r11_no_accepted_request_fails_while_everything_is_restarted(
    scene_in: Callable[[Layout], Scene],
) -> None:
    scene = scene_in(REPLICATED)
    names = scene.town.services + scene.town.gateways
    order = plan.restarts(scene.seed, names, scene.tier.restarts)
    load = scene.load(balanced=True)

    with load.going_on():
        for name in order:
            load.history.fault(f"restart {name}")
            scene.town.restart(name)

    scene.figures["restarts"] = len(order)
    scene.judge(load)
    failed = [
        end
        for end in ends_of(load.history.events)
        if end.kind is Kind.UNKNOWN and end.told.get("was_sent", True)
    ]
    assert failed == [], f"{len(failed)} requests failed, such as {failed[:10]}"
