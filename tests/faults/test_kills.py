"""Whatever dies when, a finished session is paid exactly once."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults import plan
from tests.faults.checker import p99
from tests.faults.history import History, ends_of
from tests.faults.plan import Kill
from tests.faults.stage import Scene

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

# R7: within this a reward is visible while nothing is wrong.
HEALTHY_P99_S = 1.0
# Each completes six times at once: a busy town, and not one that sheds load.
BUSY_PLAYERS = 24


def test_r1_every_session_is_paid_once_while_processes_are_killed(scene: Scene) -> None:
    load = scene.load()
    names = scene.town.services + scene.town.gateways

    with load.playing(scene.tier.sessions) as is_done:
        killed = _kill_until(is_done, scene, plan.kills(scene.seed, names), load.history)

    scene.figures["kills"] = killed
    scene.judge(load)


def _kill_until(
    is_done: Callable[[], bool], scene: Scene, kills: Iterator[Kill], history: History
) -> int:
    """Kills as planned; how many it were. On a slow machine who was killed before may be late."""
    down: list[str] = []
    for number, kill in enumerate(kills):
        time.sleep(kill.after_s)
        while len(down) > 1 and not is_done():
            down = [name for name in down if not scene.town.is_ready(name)]
        if is_done():
            return number
        history.fault(f"kill {kill.name}")
        scene.town.kill(kill.name)
        down.append(kill.name)
    raise AssertionError


def test_r2_a_storm_of_completions_pays_once(scene: Scene) -> None:
    load = scene.load(players=1)
    (player,) = load.players
    session = load.do(player.start())
    load.do(player.let_it_pass(session))

    answers = load.do(player.complete_at_once(session, scene.tier.storm))

    assert {answer.status for answer in answers} == {200}
    scene.judge(load)


def test_r7_a_reward_is_visible_when_the_completion_answers(scene: Scene) -> None:
    load = scene.load(players=BUSY_PLAYERS)

    with load.playing(scene.tier.healthy_sessions):
        pass

    completes = [end.took_s for end in ends_of(load.history.events, "complete")]
    scene.figures["complete_p99_s"] = round(p99(completes), 3)
    scene.judge(load)
    assert p99(completes) <= HEALTHY_P99_S + scene.tier.slack_s
