"""The rules of items: which one drops, what is worn, in which order they are shown.

What is sold stands in shop.py, what can be obtained when in events.py. Pure: time and luck are
arguments. The numbers come from the rules file's section [inventory] and its array [[events]].
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

# In this order they are weighed, and shown.
RARITIES = ("common", "rare", "epic")
TYPES = ("hat", "outfit", "accessory")
LUCK_BYTES = 16
# The shop is never emptier than this: players are promised it.
LEAST_OFFERS = 4
# Far from what 64 bits hold, whatever is added up.
MOST = 1_000_000
# The same in every service that reads events.
MOST_PERCENT = 1_000
_ROLL_BYTES = 8
_TIMES = ("announced_at", "starts_at", "ends_at")
# Beyond them, what is written in a zone cannot be told in UTC.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class PerRarity:
    """One number for each rarity."""

    common: int
    rare: int
    epic: int

    def of(self, rarity: str) -> int:
        """The number of one rarity."""
        return int(getattr(self, rarity))


@dataclass(frozen=True, slots=True)
class RarityWeights(PerRarity):
    """How often each rarity drops, relative to the others.

    Raises ValueError below 1: a player who lacks only that rarity would get nothing.
    """

    def __post_init__(self) -> None:
        _demand_positive(self)


@dataclass(frozen=True, slots=True)
class Prices(PerRarity):
    """What an item costs, in gold. Raises ValueError below 1: the shop gives nothing away."""

    def __post_init__(self) -> None:
        _demand_positive(self)


def _demand_positive(numbers: PerRarity) -> None:
    wrong = [
        f"{rarity} must be from 1 up to {MOST}"
        for rarity in RARITIES
        if not 1 <= numbers.of(rarity) <= MOST
    ]
    if wrong:
        raise ValueError(*wrong)


@dataclass(frozen=True, slots=True)
class Shop:
    """How many items are offered on each day, and for how much. Raises ValueError below 4."""

    offers_a_day: int
    price_gold: Prices

    def __post_init__(self) -> None:
        if not LEAST_OFFERS <= self.offers_a_day <= MOST:
            message = f"offers_a_day must be at least {LEAST_OFFERS}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of time, from `starts_at` until before `ends_at`, with items of its own.

    They can be obtained only while an event that names them runs. Prices are then so
    many percent; what sessions pay is the session service's, and only told from here.
    Raises ValueError for times without a zone, and ids that no item can have.
    """

    id: str
    name: str
    announced_at: datetime
    starts_at: datetime
    ends_at: datetime
    exp_percent: int = 100
    gold_percent: int = 100
    price_percent: int = 100
    items: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        wrong = [
            f"{name} must have a time zone, as 2026-12-01T00:00:00Z has"
            for name in _TIMES
            if getattr(self, name).tzinfo is None
        ]
        wrong += [
            f"{name} must be in the years 1 to 9999 in UTC"
            for name in _TIMES
            if (at := getattr(self, name)).tzinfo and not _FIRST <= at <= _LAST
        ]
        wrong += [
            f"{name} must be from 0 up to {MOST_PERCENT}"
            for name in ("exp_percent", "gold_percent", "price_percent")
            if not 0 <= getattr(self, name) <= MOST_PERCENT
        ]
        wrong += [
            f"items.{place} must be an id as the catalogue writes it: a UUID in lower case"
            for place, item_id in enumerate(self.items)
            if not _ID.fullmatch(item_id)
        ]
        wrong += [
            f"items.{place} repeats items.{self.items.index(item_id)}"
            for place, item_id in enumerate(self.items)
            if item_id in self.items[:place]
        ]
        if wrong:
            raise ValueError(*wrong)


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers, and the events: no two run at once, the session service sees to that."""

    rarity_weights: RarityWeights
    shop: Shop
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A cosmetic of the catalogue. Its id and its type are for ever."""

    id: str
    name: str
    type: str
    rarity: str
    sprite_key: str


@dataclass(frozen=True, slots=True)
class Worn:
    """The item ids that a hero wears, one per slot; None for an empty one."""

    hat: str | None = None
    outfit: str | None = None
    accessory: str | None = None


def dropped(
    luck: bytes, items: Iterable[Item], *, owned: Collection[str], weights: RarityWeights
) -> Item | None:
    """The item that drops for one player, or None who owns all of `items`.

    First a rarity, by weight among those that the player does not own
    completely: bytes 0 to 7 of `luck`, big-endian, modulo the sum of their
    weights. Then one of its unowned items, evenly, in the order of their ids:
    bytes 8 to 15. The same arguments give the same item, in whatever order
    `items` come. Raises ValueError unless `luck` has 16 bytes.
    """
    if len(luck) != LUCK_BYTES:
        message = f"luck has {len(luck)} bytes, not {LUCK_BYTES}"
        raise ValueError(message)
    shelves = _unowned_by_rarity(items, owned)
    if not shelves:
        return None
    shelf = shelves[_weighed(int.from_bytes(luck[:_ROLL_BYTES]), shelves, weights)]
    return sorted(shelf, key=lambda item: item.id)[int.from_bytes(luck[_ROLL_BYTES:]) % len(shelf)]


def dressed(worn: Worn, slot: str, item_id: str | None) -> Worn:
    """What is worn with `item_id` in the slot, or with the slot emptied by None."""
    return replace(worn, **{slot: item_id})


def players_now(now: datetime, offset_seconds: int, *, is_sandbox: bool) -> datetime:
    """The player's clock: real time, but in the sandbox so many seconds ahead."""
    return now + timedelta(seconds=offset_seconds) if is_sandbox else now


def display_order(item: Item) -> tuple[int, int, str, str]:
    """Sorts a catalogue by type, rarity and name."""
    return TYPES.index(item.type), RARITIES.index(item.rarity), item.name, item.id


def _unowned_by_rarity(items: Iterable[Item], owned: Collection[str]) -> dict[str, list[Item]]:
    shelves: dict[str, list[Item]] = {}
    for item in items:
        if item.id not in owned:
            shelves.setdefault(item.rarity, []).append(item)
    return shelves


def _weighed(roll: int, shelves: Mapping[str, list[Item]], weights: RarityWeights) -> str:
    available = [rarity for rarity in RARITIES if rarity in shelves]
    left = roll % sum(weights.of(rarity) for rarity in available)
    for rarity in available[:-1]:
        if left < weights.of(rarity):
            return rarity
        left -= weights.of(rarity)
    return available[-1]
