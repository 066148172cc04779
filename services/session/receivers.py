"""World and inventory, as they are told of successes and purchases.

See settle.py and deliveries.py for what follows from their answers.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic

import structlog

from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.client import Call, Client
from services.kit.errors import Failure, Unavailable, from_item
from services.kit.times import wire
from services.session import rules
from services.session.deliveries import Handed
from services.session.purchase_store import PurchaseRow
from services.session.purchases import Order, Quote
from services.session.settle import Row, Told
from services.session.store import Key, SessionRow

log = structlog.get_logger(__name__)


class WorldAndInventory:
    """Both are told at once, with the whole batch each."""

    def __init__(self, world: Client, inventory: Client) -> None:
        self._world = world
        self._inventory = inventory
        self._credits = world_pb2_grpc.WorldServiceStub(world.channel)
        self._drops = inventory_pb2_grpc.InventoryServiceStub(inventory.channel)

    def tell(
        self, rows: Sequence[SessionRow], *, timeout_s: float, asks_wardrobes: bool = False
    ) -> Told:
        """Also tells world of what is settled, for its answer: how the town is now."""
        dropping = [row for row in rows if row.dropped and row.settled_at is None]
        users = [row.user_id for row in rows] if asks_wardrobes else []
        credits_ = _Telling(self._credit, rows, "credited", timeout_s)
        drop = partial(self._drop, wardrobes_of=users)
        drops = _Telling(drop, dropping, "granted", timeout_s) if dropping or users else None
        if drops:
            # While it is under way, this thread asks world.
            drops.begin()
        credited, no_credit = credits_.outcomes()
        granted, no_grant = drops.outcomes() if drops else ({}, {})
        wardrobes = {w.user_id: w for w in drops.answer.wardrobes} if drops and drops.answer else {}
        return Told(credited, granted, frozenset([*no_credit, *no_grant]), wardrobes)

    def _credit(self, rows: Sequence[SessionRow], timeout_s: float) -> Call[Any]:
        credits_ = [
            world_pb2.Credit(user_id=row.user_id, session_id=row.id, ends_at=wire(row.ends_at))
            for row in rows
        ]
        request = world_pb2.BatchCreditSessionsRequest(credits=credits_)
        return self._world.call(self._credits.BatchCreditSessions, request, timeout_s=timeout_s)

    def _drop(
        self, rows: Sequence[SessionRow], timeout_s: float, *, wardrobes_of: Sequence[str]
    ) -> Call[Any]:
        drops = [
            inventory_pb2.Drop(
                user_id=row.user_id,
                session_id=row.id,
                luck=rules.luck(row.seed, row.id).choice,
                started_at=wire(row.started_at),
                rules_version=row.rules_version or "",
            )
            for row in rows
        ]
        request = inventory_pb2.BatchGrantDropsRequest(drops=drops, wardrobes_of=wardrobes_of)
        return self._inventory.call(self._drops.BatchGrantDrops, request, timeout_s=timeout_s)


class ShopInventory:
    """Inventory, as the shop needs it: it quotes, and it delivers what was paid."""

    def __init__(self, inventory: Client) -> None:
        self._inventory = inventory
        self._calls = inventory_pb2_grpc.InventoryServiceStub(inventory.channel)

    def quote(self, order: Order, *, timeout_s: float) -> Quote:
        """The price now. Raises ITEM_UNKNOWN, ALREADY_OWNED, OFFER_EXPIRED, Unavailable."""
        request = inventory_pb2.QuoteOfferRequest(
            user_id=order.user_id, item_id=order.item_id, rotation_id=order.rotation_id
        )
        call = self._inventory.call(self._calls.QuoteOffer, request, timeout_s=timeout_s)
        quoted = call.answer()
        return Quote(quoted.price_gold, quoted.rules_version)

    def deliver(self, rows: Sequence[PurchaseRow], *, timeout_s: float) -> Handed:
        """Tells of purchases of one shard, each keyed by the purchase. Never raises."""
        return Handed(*_Telling(self._deliver, rows, "delivered", timeout_s).outcomes())

    def _deliver(self, rows: Sequence[PurchaseRow], timeout_s: float) -> Call[Any]:
        purchases = [
            inventory_pb2.Purchase(user_id=row.user_id, purchase_id=row.id, item_id=row.item_id)
            for row in rows
        ]
        request = inventory_pb2.BatchDeliverPurchasesRequest(purchases=purchases)
        method = self._calls.BatchDeliverPurchases
        return self._inventory.call(method, request, timeout_s=timeout_s)


class _Telling(Generic[Row]):
    """One receiver that is told of a batch."""

    def __init__(
        self,
        called: Callable[[Sequence[Row], float], Call[Any]],
        rows: Sequence[Row],
        outcome: str,
        timeout_s: float,
    ) -> None:
        self._called = called
        self._rows = rows
        self._outcome = outcome
        self._timeout_s = timeout_s
        self._call = called(rows, timeout_s)
        # Once it is there.
        self.answer: Any = None

    def begin(self) -> None:
        """Makes the call already."""
        self._call.begin()

    def outcomes(self) -> tuple[dict[Key, Any], dict[Key, str]]:
        """Waits: what each row brought, and why some were refused; no word of the others."""
        try:
            self.answer = self._call.answer()
        except Unavailable:
            log.warning("settle_postponed", outcome=self._outcome, rows=len(self._rows))
            return {}, {}
        except Failure as failure:
            return self._broken(failure)
        brought: dict[Key, Any] = {}
        refused: dict[Key, str] = {}
        for row, result in zip(self._rows, self.answer.results, strict=True):
            if result.HasField(self._outcome):
                brought[row.key] = getattr(result, self._outcome)
            elif (why := from_item(result.failure).reason) != Unavailable.reason:
                log.warning("delivery_refused", outcome=self._outcome, row=row.id, reason=why)
                refused[row.key] = why
        return brought, refused

    def _broken(self, failure: Failure) -> tuple[dict[Key, Any], dict[Key, str]]:
        """The receiver was there and broke on the whole: one by one, that all but the cause go through."""
        log.warning("delivery_refused", outcome=self._outcome, reason=failure.reason)
        if len(self._rows) == 1:
            return {}, {self._rows[0].key: failure.reason}
        brought: dict[Key, Any] = {}
        refused: dict[Key, str] = {}
        for row in self._rows:
            one, no = _Telling(self._called, [row], self._outcome, self._timeout_s).outcomes()
            brought |= one
            refused |= no
        return brought, refused
