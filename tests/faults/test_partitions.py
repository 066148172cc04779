"""A link that is cut, slow or deaf on one side delays what it carries and breaks no promise."""

import time
from typing import Any

import httpx
import pytest

from services.kit.settings import PORTS
from tests.faults import plan
from tests.faults.patience import await_that
from tests.faults.plan import How
from tests.faults.proxy import Link
from tests.faults.stage import HEALS_WITHIN_S, Scene

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(0)]

SLOW_S = 0.3
# Between two cuts, so that the load is an ordinary one again.
CALM_S = 0.5
# A cut that no packet tells of is noticed by keepalive (10 s and 3 s) at the latest.
TOLD_WITHIN_S = 15.0


def test_r12_no_promise_is_broken_while_links_are_cut(scene: Scene) -> None:
    load = scene.load()
    links = scene.town.links
    tier = scene.tier
    cuts = plan.cuts(scene.seed, list(links), count=tier.cuts, longest_s=tier.longest_cut_s)

    with load.going_on():
        for cut in cuts:
            load.history.fault(f"{cut.how}: {' to '.join(cut.link)} for {cut.seconds:.1f} s")
            harm(links[cut.link], cut.how)
            time.sleep(cut.seconds)
            links[cut.link].heal()
            time.sleep(CALM_S)

    scene.figures |= {"cuts": len(cuts), "longest_cut_s": round(max(c.seconds for c in cuts), 1)}
    scene.judge(load)


@pytest.mark.parametrize("service", PORTS)
def test_r12_readiness_tells_of_a_cut_and_of_its_end(scene: Scene, service: str) -> None:
    load = scene.load()
    how = plan.cuts(scene.seed, [("gateway-1", f"{service}-1")], count=1, longest_s=1.0)[0].how
    how = "cut" if how == "slow" else how
    link = scene.town.links["gateway-1", f"{service}-1"]
    url = scene.town.urls["gateway-1"]

    with load.going_on():
        load.history.fault(f"{how}: gateway-1 to {service}-1")
        harm(link, how)
        told_s = await_that(lambda: not readiness(url)["services"][service], within_s=TOLD_WITHIN_S)
        meanwhile = readiness(url)
        link.heal()
        healed_s = await_that(
            lambda: bool(readiness(url)["services"][service]), within_s=HEALS_WITHIN_S
        )

    scene.figures |= {"how": how, "told_s": round(told_s, 2), "seen_healed_s": round(healed_s, 2)}
    # Without session nothing can be played; without another one playing goes on.
    assert meanwhile["status"] == ("not ready" if service == "session" else "ready")
    scene.judge(load)


def harm(link: Link, how: How) -> None:
    """Does to a link what was planned."""
    match how:
        case "hole towards server":
            link.black_hole(towards="server")
        case "hole towards client":
            link.black_hole(towards="client")
        case "cut":
            link.cut()
        case "reset":
            link.reset()
        case "slow":
            link.delay(SLOW_S)


def readiness(url: str) -> dict[str, Any]:
    """What a gateway says of itself and of the services that it reaches."""
    answer: dict[str, Any] = httpx.get(f"{url}/readyz").json()
    return answer
