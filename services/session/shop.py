"""Buying an item, step by step: the quote, the payment, the delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from protos.inventory.v1.inventory_pb2 import OwnedItem
from protos.session.v1 import session_pb2 as pb
from services.kit.database import Connection
from services.kit.errors import Refused
from services.kit.failpoints import reach
from services.session.deliveries import Deliveries
from services.session.failures import AlreadyOwned
from services.session.messages import item_message
from services.session.once import Once
from services.session.player_store import HeroRow
from services.session.purchase_store import PurchaseRow
from services.session.purchases import Order, Purchases, Quote
from services.session.settle import SETTLE_S
from services.session.store import Key

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
    replayed: bool


class Shop:
    """Sells a player an item, once."""

    def __init__(
        self, counter: Counter, once: Once, purchases: Purchases, deliveries: Deliveries
    ) -> None:
        self._counter = counter
        self._once = once
        self._purchases = purchases
        self._deliveries = deliveries

    def buy(self, asked: pb.BuyItemRequest, left: TimeLeft) -> Sold:
        """Quotes, takes the gold, and has the item delivered.

        A call with a key has a receipt: its purchase, whose outcome it tells for
        ever. One without goes on with a purchase that is under way, whatever day it
        is by now: it is paid. The price is that of the quote, also where the shop rotates
        before the payment: the one that the player saw. Raises ItemUnknown, OfferExpired, AlreadyOwned,
        NotEnoughGold, and Unavailable: then it may be paid, and asking again tells.
        """
        receipt = self._once.known(asked, pb.Receipt) or self._paid(asked, left)
        key = Key(asked.user_id, receipt.purchase_id)
        paid = self._purchases.paid(key)
        try:
            item = self._item(paid.purchase, left)
        except AlreadyOwned:
            # Another call, or the sweeper, was told of the delivery before.
            paid = self._purchases.paid(key)
            if not asked.HasField("once"):
                raise
            if paid.purchase.item is None:
                # It was refunded: the player came by the item another way.
                raise AlreadyOwned(**_told_again(receipt)) from None
            item = item_message(paid.purchase.item)
        return Sold(item, paid.purchase.price_gold, paid.hero, receipt.replayed)

    def _paid(self, asked: pb.BuyItemRequest, left: TimeLeft) -> pb.Receipt:
        """Pays, or finds what is paid."""
        order = Order(asked.user_id, asked.item_id, asked.rotation_id)
        goes_on = not asked.HasField("once")
        if goes_on and (found := self._purchases.under_way(order)):
            return pb.Receipt(purchase_id=found.id)
        try:
            quote = self._counter.quote(order, timeout_s=left(QUOTE_S))
        except Refused:
            # The same call may have been paid, and delivered, in this very moment.
            if (known := self._once.known(asked, pb.Receipt)) is None:
                raise
            return known

        def pay(connection: Connection) -> pb.Receipt:
            bought = self._purchases.buy(connection, order, quote, goes_on=goes_on)
            return pb.Receipt(purchase_id=bought.id)

        receipt = self._once.answer(asked, pb.Receipt, pay)
        reach("session.buy.after_commit")
        return receipt

    def _item(self, purchase: PurchaseRow, left: TimeLeft) -> OwnedItem:
        """The item of a purchase, delivered now. Raises AlreadyOwned, Unavailable."""
        if purchase.settled_at is not None:
            raise AlreadyOwned
        return self._deliveries.deliver(purchase, timeout_s=left(SETTLE_S))


def _told_again(receipt: pb.Receipt) -> dict[str, str]:
    """What a failure carries that was told before."""
    return {"replayed": "true"} if receipt.replayed else {}
