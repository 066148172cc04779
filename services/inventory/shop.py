"""The rules of the shop: what it offers in which period, and for how much.

Pure: the period is an argument. The numbers come from the rules file's section
[inventory.shop].
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.inventory.events import Period, obtainable, running
from services.inventory.rules import TYPES, Event, Item, Shop, display_order

# While an event runs, one offer in so many is of its own items: two of six.
_SEASONAL = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """An item that can be bought, and its price in gold."""

    item: Item
    price_gold: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """The offers of one period. Equal ids mean equal items at equal prices, and so the other way."""

    id: str
    period: Period
    offers: tuple[Offer, ...]

    @property
    def rotates_at(self) -> datetime:
        """When others take their place."""
        return self.period.until

    def offer_of(self, item_id: str) -> Offer | None:
        """The offer of an item, or None where it is not among them."""
        return next((offer for offer in self.offers if offer.item.id == item_id), None)


def dealt(period: Period, items: Sequence[Item], shop: Shop, events: Sequence[Event]) -> Rotation:
    """The offers of a period, of what can be obtained when it begins.

    The same arguments give the same offers, in whatever order `items` come:
    `offers_a_day` different ones, or all that there are. They go round the catalogue
    day by day, so that any two rounds' worth of days shows every item. While an event
    runs, a third of them go round its own items, at its prices: rounded up, at least 1.
    """
    event = running(events, period.begins_at)
    pool = obtainable(items, events, period.begins_at)
    own = frozenset(event.items if event else ())
    percent = event.price_percent if event else 100
    return rotation_of(
        period,
        (
            Offer(item, max(1, -(-shop.price_gold.of(item.rarity) * percent // 100)))
            for item in _offered(period.begins_at.date(), pool, own, shop.offers_a_day)
        ),
    )


def rotation_of(period: Period, offers: Iterable[Offer]) -> Rotation:
    """These offers as a rotation, in the order in which they are shown."""
    shown = tuple(sorted(offers, key=lambda offer: display_order(offer.item)))
    return Rotation(f"{period.begins_at.date().isoformat()}-{_digest(shown)}", period, shown)


def _offered(day: date, pool: Sequence[Item], own: Collection[str], count: int) -> list[Item]:
    """What a day offers of the event's own items, and of the others."""
    seasonal = [item for item in pool if item.id in own]
    others = [item for item in pool if item.id not in own]
    # More than their share only where the others do not suffice.
    places = min(len(seasonal), max(count // _SEASONAL, count - len(others)))
    return _cards(day, seasonal, places) + _cards(day, others, count - places)


def _cards(day: date, items: list[Item], count: int) -> list[Item]:
    """The cards that this day deals from the deck of its round."""
    if len(items) <= count:
        return items
    days_a_round = -(-len(items) // count)
    number, place = divmod(day.toordinal(), days_a_round)
    deck = _deck(number, items)
    # The last day of a round fills up with the cards of its first.
    return [deck[card % len(deck)] for card in range(place * count, (place + 1) * count)]


def _deck(number: int, items: list[Item]) -> list[Item]:
    """The items shuffled anew for each round, each type spread evenly over all of it."""
    places = []
    for order, kind in enumerate(TYPES):
        of_kind = [item for item in items if item.type == kind]
        of_kind.sort(key=lambda item: hashlib.sha256(f"{number}:{item.id}".encode()).digest())
        places += [(n / len(of_kind), order, item) for n, item in enumerate(of_kind)]
    return [item for *_, item in sorted(places, key=lambda place: place[:2])]


def _digest(offers: Iterable[Offer]) -> str:
    # Not in the order of display: that changes with a name or a rarity, and no offer does.
    told = ";".join(sorted(f"{offer.item.id}={offer.price_gold}" for offer in offers))
    return hashlib.sha256(told.encode()).hexdigest()[:12]
