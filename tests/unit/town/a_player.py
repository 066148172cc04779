"""A player with whom all is right: six sessions on two days, one drop, one purchase, one gift."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.world.rules import World
from services.world.streak import Dates
from town.facts import (
    Credit,
    DropGrant,
    Facts,
    Gift,
    Hero,
    InventoryFacts,
    Owned,
    Purchase,
    SessionFacts,
    Success,
    Wardrobe,
    WorldFacts,
)
from town.numbers import given_numbers

NUMBERS = given_numbers()
PLAYER = "0190c0de-0000-7000-8000-00000000000a"
MORNING = datetime(2026, 5, 14, 8, tzinfo=UTC)
# When the last session ends: whoever completes it does so now.
NOW = MORNING + timedelta(days=1, hours=2, minutes=25)
HAT, CAPE = "hat", "cape"


def success(number: int, **changes: Any) -> Success:
    """The session with this number: three a day, each of 25 minutes, the last with a hat."""
    start = MORNING + timedelta(days=number // 3, hours=number % 3)
    usual = Success(
        user_id=PLAYER,
        id=f"session-{number}",
        minutes=25,
        started_at=start,
        ends_at=start + timedelta(minutes=25),
        ended_at=start + timedelta(minutes=26),
        exp=50,
        gold=25,
        chance=1_000,
        dropped=number == 5,
        item_id=HAT if number == 5 else None,
        rules_version=next(iter(NUMBERS.sessions)),
        is_settled=True,
        settle_after=None,
        settle_attempts=0,
    )
    return replace(usual, **changes)


def purchase(**changes: Any) -> Purchase:
    usual = Purchase(
        user_id=PLAYER,
        id="purchase",
        item_id=CAPE,
        price_gold=30,
        bought_at=NOW - timedelta(days=1),
        is_refunded=False,
        is_settled=True,
        settle_after=None,
        settle_attempts=0,
    )
    return replace(usual, **changes)


def owned(item_id: str, **changes: Any) -> Owned:
    usual = {
        HAT: Owned(PLAYER, HAT, "hat", "drop", "session-5", None),
        CAPE: Owned(PLAYER, CAPE, "outfit", "shop", None, "purchase"),
    }
    return replace(usual[item_id], **changes)


def credit(number: int, **changes: Any) -> Credit:
    day = success(number).ends_at.date()
    rooms = "study" if number == 4 else ""
    return replace(Credit(PLAYER, f"session-{number}", day, rooms), **changes)


DAYS = (MORNING.date(), MORNING.date() + timedelta(days=1))
WORLD = World(
    user_id=PLAYER,
    id="world",
    study_room_level=2,
    total_sessions_success=6,
    day_streak=2,
    longest_streak=2,
    last_session_date=DAYS[1],
    streak_through=DAYS[1],
)


@dataclass(frozen=True)
class Player:
    """Everything of one player; a test changes what it plants a fault in."""

    hero: Hero | None = field(default_factory=lambda: Hero(PLAYER, 3, 10, 125, 0))
    gift: Gift | None = field(default_factory=lambda: Gift(PLAYER, exp=10, gold=5))
    successes: list[Success] = field(default_factory=lambda: [success(n) for n in range(6)])
    purchases: list[Purchase] = field(default_factory=lambda: [purchase()])
    owned: list[Owned] = field(default_factory=lambda: [owned(HAT), owned(CAPE)])
    grants: list[DropGrant] = field(default_factory=lambda: [DropGrant(PLAYER, "session-5", HAT)])
    wardrobe: Wardrobe | None = field(default_factory=lambda: Wardrobe(PLAYER, HAT, CAPE, None))
    world: World | None = field(default=WORLD)
    credits: list[Credit] = field(default_factory=lambda: [credit(n) for n in range(6)])
    dates: Dates = field(default_factory=lambda: Dates(earned=set(DAYS)))

    @property
    def facts(self) -> Facts:
        return Facts(
            PLAYER,
            SessionFacts(NOW, self.hero, self.gift, self.successes, self.purchases),
            InventoryFacts(self.owned, self.grants, self.wardrobe),
            WorldFacts(self.world, self.credits, self.dates),
        )
