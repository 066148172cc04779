"""How people play: the habits, as data, and what somebody with such habits does on one day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from services.inventory.shop import Offer
from services.session.rules import Rules

HOUR_MINUTES = 60
# Of a day, in minutes: when farmers begin, and for how long they go on.
FARMERS_BEGIN = (8 * HOUR_MINUTES, 10 * HOUR_MINUTES)
FARMERS_GO_ON = (3 * HOUR_MINUTES, 5 * HOUR_MINUTES)
# They look at nothing but the clock.
FARMERS_AWAY_S = (1, 15)

# What somebody buys next of what can be bought now, knowing whether an epic is still missing.
Buyer = Callable[[Sequence[Offer], bool], Offer | None]
# Lowest and highest; every whole number between is as likely.
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Strategy:
    """The habits of some players.

    `share` is how many of 100 players have them; `weekday` and `weekend` are the chance that such a day is played on;
    `begins` is the first session's start in minutes of the local day; `away_s` is how long after a session's end the
    player is back, to complete it and to start the next.
    """

    name: str
    says: str
    share: int
    weekday: float
    weekend: float
    sessions: Range
    minutes: tuple[int, ...]
    begins: Range
    away_s: Range
    buys: Buyer

    @property
    def sessions_a_day(self) -> float:
        """How many sessions to expect, over a week."""
        return (5 * self.weekday + 2 * self.weekend) / 7 * sum(self.sessions) / 2


class Plan(NamedTuple):
    """A day's play: the minute of the local day, and of each session its minutes and how long it then waits."""

    begins: int
    sessions: list[tuple[int, int]]


def planned(strategy: Strategy, dice: Random, *, is_weekend: bool) -> Plan | None:
    """Return what a player does on a day, or None who does not play. Equal dice give equal plans."""
    if dice.random() >= (strategy.weekend if is_weekend else strategy.weekday):
        return None
    begins, count = _drawn(dice, strategy.begins), _drawn(dice, strategy.sessions)
    lengths, last = strategy.minutes, (0, len(strategy.minutes) - 1)
    sessions = [(lengths[_drawn(dice, last)], _drawn(dice, strategy.away_s)) for _ in range(count)]
    return Plan(begins, sessions)


def cheapest(possible: Sequence[Offer], is_epic_missing: bool) -> Offer | None:  # noqa: ARG001, FBT001 - a Buyer
    """Buy as many as the gold pays for."""
    return min(possible, key=_price, default=None)


def dearest(possible: Sequence[Offer], is_epic_missing: bool) -> Offer | None:  # noqa: ARG001, FBT001 - a Buyer
    """Buy the best that the gold pays for."""
    return max(possible, key=_price, default=None)


def epics_first(possible: Sequence[Offer], is_epic_missing: bool) -> Offer | None:  # noqa: FBT001 - a Buyer
    """Save until every epic is owned, then buy the best."""
    if is_epic_missing:
        possible = [offer for offer in possible if offer.item.rarity == "epic"]
    return dearest(possible, is_epic_missing)


def strategies(rules: Rules) -> tuple[Strategy, ...]:
    """Return the habits of all players, whose sessions are as long as the rules let them be. The shares make 100."""
    shortest, longest = rules.minimum_minutes, rules.maximum_minutes
    return (
        Strategy(
            name="casual",
            says="a few days a week, one or two sessions of 25 minutes; buys whatever is cheapest",
            share=42,
            weekday=0.45,
            weekend=0.5,
            sessions=(1, 2),
            minutes=_allowed(rules, 25),
            begins=(7 * HOUR_MINUTES, 20 * HOUR_MINUTES),
            away_s=(60, 900),
            buys=cheapest,
        ),
        Strategy(
            name="steady",
            says="nearly every day, two or three sessions of 25 or 50 minutes; buys the best there is",
            share=25,
            weekday=0.92,
            weekend=0.75,
            sessions=(2, 3),
            minutes=_allowed(rules, 25, 50),
            begins=(7 * HOUR_MINUTES, 10 * HOUR_MINUTES),
            away_s=(180, 900),
            buys=dearest,
        ),
        Strategy(
            name="saver",
            says="as steady, up to four sessions; buys epics alone until all are owned",
            share=15,
            weekday=0.92,
            weekend=0.75,
            sessions=(2, 4),
            minutes=_allowed(rules, 25, 50),
            begins=(7 * HOUR_MINUTES, 18 * HOUR_MINUTES),
            away_s=(180, 900),
            buys=epics_first,
        ),
        Strategy(
            name="binge",
            says="weekends, two to four sessions of 180 minutes; buys the best there is",
            share=10,
            weekday=0.05,
            weekend=0.95,
            sessions=(2, 4),
            minutes=_allowed(rules, 180),
            begins=(9 * HOUR_MINUTES, 11 * HOUR_MINUTES),
            away_s=(600, 2400),
            buys=dearest,
        ),
        _farmer("longest", longest),
        _farmer("shortest", shortest),
    )


def _farmer(which: str, minutes: int) -> Strategy:
    """Return somebody who plays sessions of one length over and over, for the rewards alone."""
    least, most = (max(1, round(all_minutes / minutes)) for all_minutes in FARMERS_GO_ON)
    return Strategy(
        name=f"farmer of the {which}",
        says=f"every day for hours, the {which} sessions that there are ({minutes} minutes) without a pause;"
        " buys the best there is",
        share=4,
        weekday=0.97,
        weekend=0.97,
        sessions=(least, most),
        minutes=(minutes,),
        begins=FARMERS_BEGIN,
        away_s=FARMERS_AWAY_S,
        buys=dearest,
    )


def _allowed(rules: Rules, *wished: int) -> tuple[int, ...]:
    """Return the lengths that come nearest to those wished."""
    return tuple(max(rules.minimum_minutes, min(m, rules.maximum_minutes)) for m in wished)


def _drawn(dice: Random, within: Range) -> int:
    """Return a whole number of the range. As `randint`, in a fifth of the time: it is asked twice for every session."""
    lowest, highest = within
    return lowest + int(dice.random() * (highest - lowest + 1))


def _price(offer: Offer) -> int:
    return offer.price_gold
