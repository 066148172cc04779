"""What one player's facts should be: rebuilt from the rows that never change, by the services' own rules. Pure."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.session.rules import Growth, grown
from services.world.rules import LEVELS, World, level_by_rule
from services.world.rules import Rules as WorldRules
from services.world.streak import Dates, ended, recomputed
from town.facts import Credit, DropGrant, Facts, Hero, Owned, Purchase, Success
from town.numbers import Numbers

Value = str | int | None

STREAK: Final = (
    "day_streak",
    "longest_streak",
    "last_session_date",
    "streak_through",
    "bridged_through",
    "freeze_days",
)


def right_hero(facts: Facts, numbers: Numbers) -> Hero:
    """Return the hero that sessions, gifts and purchases make. Its gold is below 0 where more was spent than earned."""
    session = facts.session
    exp = sum(s.exp for s in session.successes) + (session.gift.exp if session.gift else 0)
    gold = sum(s.gold for s in session.successes) + (session.gift.gold if session.gift else 0)
    spent = sum(p.price_gold for p in session.purchases if not p.is_refunded)
    growth = grown(Growth(level=1, exp=0), exp, numbers.session)
    return Hero(
        user_id=facts.player,
        level=growth.level,
        exp=growth.exp,
        gold=gold - spent,
        clock_revision=session.hero.clock_revision if session.hero else 0,
    )


def right_world(facts: Facts, numbers: Numbers) -> World:
    """Return the world that the credited sessions make, those of them that are successes, and the dates that were bridged or restored."""
    counted, levels = len(_counted(facts)), right_rooms(facts, numbers.world)
    world = facts.world.world or World(user_id=facts.player, id="")
    restored = facts.world.dates.restored
    earned = earned_dates(facts) - restored
    dates = Dates(earned, facts.world.dates.bridges - earned - restored, restored)
    grown = world._replace(total_sessions_success=counted, **levels)
    right = recomputed(grown, dates, numbers.world.freezes)
    # What the nightly job stored is right where the streak was over on that date.
    ended_on, freezes = world.ended_on, numbers.world.freezes
    return ended(right, today=ended_on, freezes=freezes) if ended_on else right


def right_rooms(facts: Facts, rules: WorldRules) -> dict[str, Any]:
    """Return the levels of the rooms by these rules, by column."""
    counted = _counted(facts)
    upgrades = Counter(room for credit in counted for room in credit.rooms.split(",") if room)
    return {
        # Rooms never fall: one keeps what a session raised it by, also when the rules ask for more by now.
        column: max(level_by_rule(room, len(counted), rules), 1 + upgrades[room])
        for room, column in LEVELS.items()
    }


def _counted(facts: Facts) -> list[Credit]:
    successes = facts.successes()
    return [credit for credit in facts.world.credits if credit.session_id in successes]


def earned_dates(facts: Facts) -> set[date]:
    """Return the dates that the counted successes earn. Restored ones are beside them: an operator's word is given."""
    successes = facts.successes()
    return {c.local_date for c in facts.world.credits if c.session_id in successes}


def streak_of(world: World) -> dict[str, Value]:
    """Return the columns of the streak, dates in ISO form."""
    values = {name: getattr(world, name) for name in STREAK}
    return {n: v if v is None or isinstance(v, int) else str(v) for n, v in values.items()}


@dataclass(frozen=True, slots=True)
class Drop:
    """One session's drop, as the three places see it that know of it: None where one knows nothing."""

    session_id: str
    success: Success | None
    grant: DropGrant | None
    owned: Owned | None

    @property
    def agrees(self) -> bool:
        """Whether they tell the same. What is not settled yet may be given already, or not."""
        if self.success is None:
            return self.grant is None and self.owned is None
        if self.grant is None:
            return self.owned is None and not self.success.is_settled
        if self.grant.item_id != (self.owned.item_id if self.owned else None):
            return False
        return not self.success.is_settled or self.success.item_id == self.grant.item_id


@dataclass(frozen=True, slots=True)
class Sale:
    """One purchase, as session and inventory see it: None where one knows nothing, or has taken it back."""

    purchase_id: str
    purchase: Purchase | None
    owned: Owned | None

    @property
    def agrees(self) -> bool:
        """Whether both tell the same. What is not settled yet may be delivered already, or not."""
        if self.purchase is None:
            return self.owned is None
        if self.owned is None:
            return not self.purchase.is_settled
        return self.owned.item_id == self.purchase.item_id


def drops_of(facts: Facts) -> dict[str, Drop]:
    """Return every drop that session or inventory knows of, by session id."""
    successes = {s.id: s for s in facts.session.successes if s.dropped}
    grants = {grant.session_id: grant for grant in facts.inventory.grants}
    owned = {item.session_id: item for item in facts.inventory.owned if item.session_id}
    ids = sorted(successes.keys() | grants.keys() | owned.keys())
    return {i: Drop(i, successes.get(i), grants.get(i), owned.get(i)) for i in ids}


def sales_of(facts: Facts) -> dict[str, Sale]:
    """Return every purchase that session or inventory knows of, by id."""
    purchases = {p.id: p for p in facts.session.purchases if not p.is_refunded}
    owned = {item.purchase_id: item for item in facts.inventory.owned if item.purchase_id}
    ids = sorted(purchases.keys() | owned.keys())
    return {i: Sale(i, purchases.get(i), owned.get(i)) for i in ids}
