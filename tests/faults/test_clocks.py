"""Only the database's clock decides: a process whose own is wrong breaks no promise."""

import time

import pytest

from tests.faults import plan
from tests.faults.client import Answer
from tests.faults.driver import Load
from tests.faults.stage import Scene
from tests.faults.tier import SKEWS_S

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

PLAYERS = 8
PLAYS_S = 1.0
OK = 200


def test_r13_a_wrong_clock_neither_pays_early_nor_breaks_a_streak(scene: Scene) -> None:
    town, load = scene.town, scene.load(players=PLAYERS)
    names = town.services + town.gateways
    skews = plan.skews(scene.seed, names, SKEWS_S, scene.tier.skews)
    early = []

    for skew in skews:
        load.history.fault(f"{skew.name} is {skew.seconds:g} s ahead")
        town.restart(skew.name, skew_s=skew.seconds)
        early += load.do(_early(load))
        with load.going_on():
            time.sleep(PLAYS_S)
        town.restart(skew.name)

    scene.figures["skews"] = [f"{skew.name} {skew.seconds:+g} s" for skew in skews]
    scene.judge(load)
    assert [answer for answer in early if answer.status == OK] == []


async def _early(load: Load) -> list[Answer]:
    """What every player is told who completes a session that has just begun."""
    answers = []
    for player in load.players:
        session = await player.start_once()
        if session:
            answers.append(await player.complete_once(session))
            await player.cancel_once(session)
    return answers
