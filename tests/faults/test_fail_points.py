"""At every crash point: whoever dies, breaks or hangs there breaks no promise."""

import time

import pytest

from tests.faults.checker import Violation
from tests.faults.driver import Habits
from tests.faults.points import all_points, groups
from tests.faults.stage import Scene
from tests.faults.tier import chosen
from tests.faults.town import Town

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

# R3: before and after each commit and call of the flow.
FEWEST_POINTS = 12
PLAYERS = 8
# One in ten sessions drops, and what is left unsettled is swept after seconds.
REACHED_WITHIN_S = 60.0
UNSETTLED_S = 0.3
PLAYS_ON_S = 0.5
# Gold comes back when the player gets the item another way between paying and delivery.
AFTER_A_HANG_AT = {"session.refund.before_commit": "session.buy.after_commit"}


def test_r3_there_are_as_many_points_as_the_flow_has_steps() -> None:
    assert len(all_points()) >= FEWEST_POINTS


@pytest.mark.parametrize("action", chosen().actions)
@pytest.mark.parametrize("points", groups(all_points(), chosen().points_at_once), ids=", ".join)
def test_r3_nothing_is_broken_by_what_happens_at(
    scene: Scene, points: list[str], action: str
) -> None:
    load = scene.load(players=PLAYERS, habits=Habits(buy_of=4))
    world = scene.town.links["session-1", "world-1"]

    with load.going_on():
        # What can not be settled now, the sweeper will find.
        world.reset()
        time.sleep(UNSETTLED_S)
        world.heal()
        for point in points:
            scene.town.arm(point, action)
        missed = _missed(scene.town, points)
        # Everybody meets the harm, and plays on.
        time.sleep(PLAYS_ON_S)

    assert missed == []
    scene.judge(load, only=lambda violation: _is_promised(violation, points, action))


def _missed(town: Town, points: list[str]) -> list[str]:
    """Waits until somebody came to all of these armed points; those to which nobody did."""
    until = time.monotonic() + REACHED_WITHIN_S
    while (missed := [p for p in points if town.is_armed(p)]) and time.monotonic() < until:
        for before in (AFTER_A_HANG_AT[p] for p in missed if p in AFTER_A_HANG_AT):
            if not town.is_armed(before):
                town.arm(before, "hang 0.5")
        time.sleep(0.02)
    for armed in (*points, *AFTER_A_HANG_AT.values()):
        town.disarm(armed)
    return missed


def _is_promised(violation: Violation, points: list[str], action: str) -> bool:
    """What is promised at every point, but for two things that no process can.

    What nobody foresaw is told as a bug, 500, and breaks nothing else. A gateway that stands
    still for 10 s answers nobody meanwhile: R8 bounds what hangs behind it.
    """
    if action == "raise":
        return not (violation.promise == "R8" and "status=500" in violation.what)
    if action.startswith("hang") and any(point.startswith("gateway.") for point in points):
        return not (violation.promise == "R8" and "an answer took" in violation.what)
    return True
