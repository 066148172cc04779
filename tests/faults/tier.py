"""How large the scenarios are: one set of scenarios in three sizes."""

import os
from dataclasses import dataclass
from typing import Final

from services.kit.settings import PORTS

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S
MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Tier:
    """The sizes of one tier."""

    name: str
    # Accounts of a town: as many sessions are under way at once.
    players: int
    # How much later than promised an answer may come: where other tests run beside
    # these, it waits for a processor.
    slack_s: float
    # R1: sessions that are completed six times each while processes die.
    sessions: int
    # Sessions per second that a load which goes on beside a fault begins; 0: as many as the
    # town can serve. So few leave the processor to the tests beside these.
    pace: float = 0.0
    # R7: sessions in a town that nobody harms.
    healthy_sessions: int = 2000
    # R2: completions of one session at once.
    storm: int = 200
    # R3: what happens at every fail point.
    actions: tuple[str, ...] = ("kill", "raise", "hang 10")
    # How many of them are armed together: each on its own, unless time is short.
    points_at_once: int = 1
    # R5: sessions whose deliveries are repeated.
    deliveries: int = 300
    # R8: how long a service hangs.
    hang_s: float = 5.0
    # R10: blows to PostgreSQL, of each kind.
    blows: int = 3
    # R11: restarts in all.
    restarts: int = 100
    # R12: cuts in all, and the longest of them.
    cuts: int = 42
    longest_cut_s: float = 60.0
    # R13: wrong clocks in all.
    skews: int = 30
    # How long three workers run jobs by a simulated clock.
    job_hours: int = 7 * 24
    # And of which services.
    job_services: tuple[str, ...] = tuple(PORTS)


TIERS: Final = {
    "quick": Tier(
        name="quick",
        players=32,
        slack_s=2.0,
        pace=12.0,
        sessions=250,
        healthy_sessions=100,
        actions=("kill",),
        points_at_once=5,
        hang_s=4.0,
        deliveries=40,
        blows=1,
        restarts=6,
        cuts=4,
        longest_cut_s=2.0,
        skews=2,
        job_hours=2,
        job_services=("session", "world"),
    ),
    "faults": Tier(name="faults", players=320, slack_s=0.0, sessions=10_500),
    "soak": Tier(
        name="soak",
        players=320,
        slack_s=0.0,
        sessions=10_500,
        blows=10,
        restarts=200,
        cuts=140,
        skews=50,
    ),
}
SKEWS_S: Final = (HOUR_S, -HOUR_S, DAY_S, -DAY_S, -10 * MINUTE_S)


def chosen() -> Tier:
    """The tier that NESRA_FAULTS_TIER names; the one of `make test` where it names none."""
    return TIERS[os.environ.get("NESRA_FAULTS_TIER") or "quick"]
