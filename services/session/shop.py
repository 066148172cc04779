"""Buying an item, step by step: the quote, the payment, the delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from protos.inventory.v1.inventory_pb2 import OwnedItem
from services.session.deliveries import Deliveries
from services.session.player_store import HeroRow
from services.session.purchases import Order, Purchases, Quote
from services.session.settle import SETTLE_S

# A quote is two reads; what it leaves of the call's time is the delivery's.
QUOTE_S = 1.0

# How many seconds a call may take, at most so many.
TimeLeft = Callable[[float], float]


class Counter(Protocol):
    """Inventory, which owns what is offered and for how much."""

    def quote(self, order: Order, *, timeout_s: float) -> Quote:
        """The price now. Raises ITEM_UNKNOWN, ALREADY_OWNED, OFFER_EXPIRED, Unavailable."""


@dataclass(frozen=True, slots=True)
class Sold:
    """An item that is paid and delivered, and the hero after paying."""

    item: OwnedItem
    price_gold: int
    hero: HeroRow


class Shop:
    """Sells a player an item, once."""

    def __init__(self, counter: Counter, purchases: Purchases, deliveries: Deliveries) -> None:
        self._counter = counter
        self._purchases = purchases
        self._deliveries = deliveries

    def buy(self, order: Order, left: TimeLeft) -> Sold:
        """Quotes, takes the gold, and has the item delivered.

        A purchase that is under way goes on instead, whatever day it is by now:
        it is paid. Raises ItemUnknown, OfferExpired, AlreadyOwned, NotEnoughGold,
        and Unavailable: then it may be paid, and asking again tells.
        """
        paid = self._purchases.under_way(order)
        if paid is None:
            quote = self._counter.quote(order, timeout_s=left(QUOTE_S))
            paid = self._purchases.buy(order, quote)
        item = self._deliveries.deliver(paid.purchase, timeout_s=left(SETTLE_S))
        return Sold(item, paid.purchase.price_gold, paid.hero)
