"""What the players of one strategy came to, taken together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from services.inventory.rules import RARITIES
from town.balance.crowd import Run
from town.balance.play import CURVES, Lived, Reached
from town.balance.strategies import Strategy

HOUR_MINUTES: Final = 60


class Spread(NamedTuple):
    """The mean of some players, and what a tenth, half and nine tenths of them stay at or under."""

    mean: float
    p10: float
    p50: float
    p90: float


class Milestone(NamedTuple):
    """What share of the players came there, and when the middle one of all did; None where half never did."""

    share: float
    day: int | None
    focus_hours: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What an hour pays."""

    exp: float
    gold: float
    drops: float
    successes: float


@dataclass(frozen=True, slots=True)
class Folk:
    """The players of one strategy.

    `evenings` are, by name of the curve, one Spread per day; `rooms` are by (room, level), `afforded` by rarity;
    `chances` counts sessions by the chance with which they could drop; `early_drops` and `first_drops` count players
    by how many of their first sessions dropped, and by the session that was the first to do so.
    """

    strategy: Strategy
    players: int
    days_played: float
    sessions: int
    focus_hours: float
    wall_hours: float
    drops: int
    bought: float
    per_focus_hour: Rates
    per_wall_hour: Rates
    evenings: Mapping[str, Sequence[Spread]]
    rooms: Mapping[tuple[str, int], Milestone]
    afforded: Mapping[str, Milestone]
    everything: Milestone
    longest_streak: Spread
    longest_drought: Spread
    chances: Counter[int]
    early_drops: Counter[int]
    first_drops: Counter[int]


def folks(run: Run, lives: Iterable[Lived]) -> Iterator[Folk]:
    """Return the players strategy by strategy, in their order; no more than one's are held at a time."""
    strategies = {strategy.name: strategy for strategy in run.strategies}
    for name, of_it in groupby(lives, key=lambda lived: lived.strategy):
        yield folk(run, strategies[name], list(of_it))


def folk(run: Run, strategy: Strategy, lives: Sequence[Lived]) -> Folk:
    """Return the players of one strategy as one."""
    focus_hours = sum(lived.focus_minutes for lived in lives) / HOUR_MINUTES
    wall_hours = sum(lived.wall_minutes for lived in lives) / HOUR_MINUTES
    upgrades = sorted(run.game.world.upgrades, key=lambda upgrade: upgrade.sessions)
    places = [(upgrade.room, upgrade.level) for upgrade in upgrades]
    return Folk(
        strategy=strategy,
        players=len(lives),
        days_played=_mean([lived.days_played for lived in lives]),
        sessions=sum(lived.sessions for lived in lives),
        focus_hours=focus_hours,
        wall_hours=wall_hours,
        drops=sum(lived.drops for lived in lives),
        bought=_mean([lived.bought for lived in lives]),
        per_focus_hour=_rates(lives, focus_hours),
        per_wall_hour=_rates(lives, wall_hours),
        evenings=_evenings(lives, run.days),
        rooms={place: _milestone([lived.rooms.get(place) for lived in lives]) for place in places},
        afforded={r: _milestone([lived.afforded.get(r) for lived in lives]) for r in RARITIES},
        everything=_milestone([lived.everything for lived in lives]),
        longest_streak=spread([lived.longest_streak for lived in lives]),
        longest_drought=spread([lived.longest_drought for lived in lives]),
        chances=sum((Counter(lived.chances) for lived in lives), Counter[int]()),
        early_drops=Counter(n for lived in lives if (n := lived.early_drops) is not None),
        first_drops=Counter(lived.first_drop for lived in lives if lived.first_drop),
    )


def spread(values: Sequence[float]) -> Spread:
    """Return how values lie; there is at least one."""
    ordered = sorted(values)
    return Spread(_mean(ordered), *(at_share(ordered, share) for share in (0.1, 0.5, 0.9)))


def at_share(ordered: Sequence[float], share: float) -> float:
    """Return the value of the ordered ones that such a share of them stays at or under, to the nearest."""
    return ordered[round(share * (len(ordered) - 1))]


def _rates(lives: Sequence[Lived], hours: float) -> Rates:
    def an_hour(count: int) -> float:
        return count / hours if hours else 0.0

    return Rates(
        exp=an_hour(sum(lived.exp for lived in lives)),
        gold=an_hour(sum(lived.gold_earned for lived in lives)),
        drops=an_hour(sum(lived.drops for lived in lives)),
        successes=an_hour(sum(lived.sessions for lived in lives)),
    )


def _evenings(lives: Sequence[Lived], days: int) -> dict[str, list[Spread]]:
    width = len(CURVES)
    return {
        name: [
            spread([lived.curves[day * width + place] for lived in lives]) for day in range(days)
        ]
        for place, name in enumerate(CURVES)
    }


def _milestone(reached: Sequence[Reached | None]) -> Milestone:
    came = [when for when in reached if when is not None]
    share = len(came) / len(reached)
    if share < 1 / 2:
        return Milestone(share, None, None)
    # Who never came counts as last.
    middle = round((len(reached) - 1) / 2)
    days = sorted(when.day for when in came)
    minutes = sorted(when.focus_minutes for when in came)
    place = min(middle, len(came) - 1)
    return Milestone(share, days[place], minutes[place] / HOUR_MINUTES)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
