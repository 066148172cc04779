"""The rules of the shop: what it offers on which day, and for how much.

Pure: the day is an argument. The numbers come from the rules file's section
[inventory.shop].
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.inventory.rules import TYPES, Item, Shop, display_order


@dataclass(frozen=True, slots=True)
class Offer:
    """An item that can be bought, and its price in gold."""

    item: Item
    price_gold: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """One day's offers. Equal ids mean equal items at equal prices."""

    id: str
    rotates_at: datetime
    offers: tuple[Offer, ...]

    def offer_of(self, item_id: str) -> Offer | None:
        """The offer of an item, or None where it is not among them."""
        return next((offer for offer in self.offers if offer.item.id == item_id), None)


def rotation(now: datetime, items: Iterable[Item], shop: Shop) -> Rotation:
    """The offers of the day of `now` in UTC, in the order in which they are shown.

    The same arguments give the same offers, in whatever order `items` come: on
    every day `offers_a_day` different ones, or all that there are. They go round
    the catalogue, so that any two rounds' worth of days shows every item.
    """
    day = now.astimezone(UTC).date()
    offers = tuple(
        Offer(item, shop.price_gold.of(item.rarity))
        for item in sorted(_offered(day, list(items), shop.offers_a_day), key=display_order)
    )
    midnight = datetime.combine(day + timedelta(days=1), time.min, UTC)
    return Rotation(f"{day.isoformat()}-{_digest(offers)}", midnight, offers)


def _offered(day: date, items: list[Item], count: int) -> list[Item]:
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


def _digest(offers: tuple[Offer, ...]) -> str:
    told = ";".join(f"{offer.item.id}={offer.price_gold}" for offer in offers)
    return hashlib.sha256(told.encode()).hexdigest()[:12]
