"""A service that hangs is told within seconds, and nothing waits without a bound."""

import time

import pytest

from services.kit.settings import PORTS
from tests.faults.checker import p99
from tests.faults.history import Kind, ends_of
from tests.faults.stage import Scene

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

# R8: a call that needs a hung service is told so within this.
TOLD_WITHIN_S = 3.0
# Some ordinary load before and after.
CALM_S = 1.0


@pytest.mark.parametrize("service", PORTS)
def test_r8_a_hung_service_is_told_within_3_s(scene: Scene, service: str) -> None:
    load = scene.load()

    with load.going_on():
        time.sleep(CALM_S)
        load.history.fault(f"hang {service}")
        began = time.monotonic()
        scene.town.suspend(f"{service}-1")
        time.sleep(scene.tier.hang_s)
        scene.town.resume(f"{service}-1")
        ended = time.monotonic()
        time.sleep(CALM_S)

    told = [
        end.took_s
        for end in ends_of(load.history.events)
        if end.kind is Kind.UNKNOWN and began <= end.mono <= ended + TOLD_WITHIN_S
    ]
    scene.figures |= {"told": len(told), "told_p99_s": round(p99(told), 3)}
    scene.judge(load)
    assert p99(told) <= TOLD_WITHIN_S + scene.tier.slack_s
