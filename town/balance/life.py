"""What the town makes of a player's sessions: what the services do, in their order, by their own rules.

No formula stands here. Databases, messages and repeats are left out: the rest of the tests is about those.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.inventory.rules import Item, dropped
from services.inventory.shop import Offer
from services.session.events import Event, running
from services.session.rules import Growth, Verdict, drop_chance, grown, luck, reward, verdict
from services.world.rules import LEVELS, World, counted, upgraded
from services.world.streak import (
    Dates,
    continued,
    local_date,
    needs_history,
    recomputed,
    skipped,
    with_earned,
    zone_allowed_from,
)
from town.balance.game import Game

# So many of a player's first sessions are looked at to see whether drops fall as they should.
FIRST_SESSIONS = 50


class Session(NamedTuple):
    """A session that was started, and when its player wishes to complete it; times in UTC."""

    minutes: int
    ends_at: datetime
    completed_at: datetime
    seed: bytes

    @property
    def started_at(self) -> datetime:
        """When it was started, in UTC."""
        return self.ends_at - timedelta(minutes=self.minutes)


class Life:
    """One player in one game."""

    def __init__(self, game: Game, number: int) -> None:
        self._game = game
        self._number = number
        self._milestones = {upgrade.sessions for upgrade in game.world.upgrades}
        self.growth = Growth(level=1, exp=0)
        self.exp = self.gold_earned = self.gold_spent = 0
        self.focus_minutes = 0
        self.world = World(user_id=str(number), id=str(number))
        self.dates = Dates()
        # Focused minutes until a room reached a level.
        self.rooms: dict[tuple[str, int], int] = {}
        self.owned: set[str] = set()
        self.bought = self.drops = self.early_drops = 0
        # How many sessions could drop with which chance.
        self.chances: Counter[int] = Counter()
        # The first session that dropped, from 1, and the most in a row that did not.
        self.first_drop: int | None = None
        self.longest_drought = self._drought = 0

    @property
    def sessions(self) -> int:
        """How many were successful."""
        return self.world.total_sessions_success

    @property
    def gold(self) -> int:
        """What is in hand."""
        return self.gold_earned - self.gold_spent

    def missing(self, at: datetime) -> list[Item]:
        """Return what the player does not own of what can be obtained at an instant."""
        return [item for item in self._game.obtainable(at) if item.id not in self.owned]

    def complete(self, session: Session) -> None:
        """Reward a session, if it is completed in time."""
        rules = self._game.session
        in_time = verdict(session.ends_at, now=session.completed_at, rules=rules)
        if in_time is Verdict.IN_TIME:
            event = running(rules.events, session.started_at)
            self._pay(session.minutes, event)
            self._count(session.ends_at)
            self._roll(session, event)

    def move(self, zone: str, now: datetime) -> None:
        """Set the zone, if it may be changed `now`; until then the old one stays."""
        world = self.world
        allowed_from = zone_allowed_from(world, self._game.world)
        if world.timezone == zone or (allowed_from is not None and now < allowed_from):
            return
        self.world = world._replace(timezone=zone, zone_changed_at=now)
        over = skipped(local_date(now, world.timezone), local_date(now, zone))
        if over:
            self.dates.bridges.update(set(over) - self.dates.earned)
            self.world = recomputed(self.world, self.dates, self._game.world.freezes)

    def possible(self, offers: Sequence[Offer]) -> list[Offer]:
        """Return those of the offers that the shop would sell to this player."""
        gold, owned = self.gold, self.owned
        return [o for o in offers if o.price_gold <= gold and o.item.id not in owned]

    def buy(self, offer: Offer) -> None:
        """Pay for one of those that are possible, and own it."""
        self.gold_spent += offer.price_gold
        self.owned.add(offer.item.id)
        self.bought += 1

    def _pay(self, minutes: int, event: Event | None) -> None:
        paid = reward(minutes, self._game.session, event)
        self.growth = grown(self.growth, paid.exp, self._game.session)
        self.exp += paid.exp
        self.gold_earned += paid.gold
        self.focus_minutes += minutes

    def _count(self, ends_at: datetime) -> None:
        before = self.world
        self.world = world = counted(before, self._game.world)
        if world.total_sessions_success in self._milestones:
            for room in upgraded(before, world):
                self.rooms[room, getattr(world, LEVELS[room])] = self.focus_minutes
        # Who moves does so between sessions, so the zone of now is the one in which the session ended.
        day = local_date(ends_at, world.timezone)
        if day != world.last_session_date:
            if needs_history(world, day):
                dates = with_earned(self.dates, {day})
                self.world = recomputed(world, dates, self._game.world.freezes)
            else:
                self.world = continued(world, day, self._game.world.freezes)
            self.dates.earned.add(day)
            self.dates.bridges.discard(day)

    def _roll(self, session: Session, event: Event | None) -> None:
        number = self.world.total_sessions_success
        # Of the form of an id, and no other session's: the dice of a session are its seed's and its id's.
        dice = luck(session.seed, f"{self._number:08x}-0000-7000-8000-{number:012x}")
        chance = drop_chance(self._game.session, event)
        self.chances[chance] += 1
        if dice.roll >= chance:
            self._drought += 1
            self.longest_drought = max(self.longest_drought, self._drought)
            return
        self._drought = 0
        self.first_drop = self.first_drop or number
        self.drops += 1
        self.early_drops += number <= FIRST_SESSIONS
        weights = self._game.inventory.rarity_weights
        items = self._game.obtainable(session.started_at)
        item = dropped(dice.choice, items, owned=self.owned, weights=weights)
        if item:
            self.owned.add(item.id)
