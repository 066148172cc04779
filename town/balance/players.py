"""Who plays: so many players of each strategy, at home in zones around the world, and a few who travel."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from random import Random
from typing import Final, NamedTuple

from town.balance.strategies import Strategy

# Home zones, and how many of 100 players live there. With summer time and without, whole hours and not.
ZONES: Final = {
    "Europe/Berlin": 20,
    "America/New_York": 20,
    "America/Los_Angeles": 10,
    "Asia/Tokyo": 10,
    "Asia/Kolkata": 10,
    "Europe/London": 10,
    "America/Sao_Paulo": 8,
    "Australia/Sydney": 7,
    "Pacific/Auckland": 3,
    "UTC": 2,
}
TRAVELLERS: Final = 0.05
# How long a traveller is at home before a trip, and away on it.
HOME_DAYS: Final = (20, 90)
TRIP_DAYS: Final = (3, 21)


class Player(NamedTuple):
    """Somebody who plays. `moves` says from which day on, counted from 0, they are in which zone."""

    number: int
    strategy: Strategy
    home: str
    moves: Mapping[int, str]
    dice: Random


def enrolled(count: int, strategies: Sequence[Strategy]) -> list[Strategy]:
    """Return the strategy of each of `count` players, strategy by strategy, each with its share, rounded."""
    whole = [count * strategy.share // 100 for strategy in strategies]
    rest = [count * strategy.share % 100 for strategy in strategies]
    left = count - sum(whole)
    for place in sorted(range(len(rest)), key=lambda place: -rest[place])[:left]:
        whole[place] += 1
    return [s for s, of_it in zip(strategies, whole, strict=True) for s in repeat(s, of_it)]


def player(number: int, strategy: Strategy, *, seed: int, days: int) -> Player:
    """Return the player of that number, whose luck is their own: equal seeds and numbers give equal lives."""
    dice = Random(f"{seed}/{number}")  # noqa: S311 - it is a game that is played, not one that pays
    (home,) = dice.choices(list(ZONES), list(ZONES.values()))
    moves = {0: home}
    if dice.random() < TRAVELLERS:
        moves |= _trips(home, dice, days)
    return Player(number, strategy, home, moves, dice)


def _trips(home: str, dice: Random, days: int) -> Iterator[tuple[int, str]]:
    abroad = [zone for zone in ZONES if zone != home]
    day = dice.randint(*HOME_DAYS)
    while day < days:
        yield day, dice.choice(abroad)
        yield (day := day + dice.randint(*TRIP_DAYS)), home
        day += dice.randint(*HOME_DAYS)
