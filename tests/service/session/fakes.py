"""World and inventory as the session service sees them: keyed, and sometimes away."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc

from protos.failure.v1 import failure_pb2
from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.errors import Unavailable
from services.kit.server import Offer, Served
from services.session.failures import AlreadyOwned, OfferExpired

PRICE = 100
GIVEN_AT = datetime(2026, 1, 1, tzinfo=UTC)


class FakeWorld(world_pb2_grpc.WorldServiceServicer):
    """Counts each session once.

    `away`, `refused` and `breaking` say whether all calls fail, those items of a
    call that are of some players, or whole calls that have such items. `time_left`
    is what the last call was given, in seconds.
    """

    def __init__(self) -> None:
        self.counted: dict[str, set[str]] = {}
        self.calls: list[int] = []
        self.away = False
        self.refused: set[str] = set()
        self.breaking: set[str] = set()
        self.time_left = 0.0
        self._lock = threading.Lock()

    def BatchCreditSessions(
        self, request: world_pb2.BatchCreditSessionsRequest, context: grpc.ServicerContext
    ) -> world_pb2.BatchCreditSessionsResponse:
        self.time_left = context.time_remaining()
        _be_there(self.away)
        if self.breaking & {credit.user_id for credit in request.credits}:
            raise KeyError
        with self._lock:
            self.calls.append(len(request.credits))
            return world_pb2.BatchCreditSessionsResponse(
                results=[self._credited(credit) for credit in request.credits]
            )

    def total(self, user_id: str) -> int:
        return len(self.counted.get(user_id, ()))

    def _credited(self, credit: world_pb2.Credit) -> world_pb2.CreditResult:
        if credit.user_id in self.refused:
            return world_pb2.CreditResult(failure=failure_pb2.Failure(reason="INTERNAL"))
        sessions = self.counted.setdefault(credit.user_id, set())
        sessions.add(credit.session_id)
        world = world_pb2.World(user_id=credit.user_id, total_sessions_success=len(sessions))
        return world_pb2.CreditResult(credited=world_pb2.Credited(world=world))


class FakeInventory(inventory_pb2_grpc.InventoryServiceServicer):
    """Gives every session's drop the same hat, once; sells everything for 100 gold.

    `delivered` is what players bought, by purchase. `away` and `refuses` say how
    its calls and deliveries fail, `deaf` that it delivers without a word. `meanwhile`
    happens between a quote and its answer.
    """

    def __init__(self) -> None:
        self.given: dict[str, bytes] = {}
        self.drops: dict[str, inventory_pb2.Drop] = {}
        self.delivered: dict[str, tuple[str, str]] = {}
        self.away = False
        self.deaf = False
        self.refuses: dict[str, str] = {}
        self.expired = False
        self.meanwhile: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def QuoteOffer(
        self, request: inventory_pb2.QuoteOfferRequest, _: grpc.ServicerContext
    ) -> inventory_pb2.QuoteOfferResponse:
        _be_there(self.away)
        with self._lock:
            is_owned = (request.user_id, request.item_id) in self.delivered.values()
        if is_owned:
            raise AlreadyOwned
        if self.expired:
            raise OfferExpired
        self.meanwhile()
        return inventory_pb2.QuoteOfferResponse(price_gold=PRICE, rules_version="v")

    def BatchDeliverPurchases(
        self, request: inventory_pb2.BatchDeliverPurchasesRequest, _: grpc.ServicerContext
    ) -> inventory_pb2.BatchDeliverPurchasesResponse:
        _be_there(self.away)
        with self._lock:
            results = [self._delivery(purchase) for purchase in request.purchases]
        _be_there(self.deaf)
        return inventory_pb2.BatchDeliverPurchasesResponse(results=results)

    def _delivery(self, purchase: inventory_pb2.Purchase) -> inventory_pb2.DeliveryResult:
        is_new = purchase.purchase_id not in self.delivered
        if is_new and (reason := self.refuses.get(purchase.user_id)):
            return inventory_pb2.DeliveryResult(failure=failure_pb2.Failure(reason=reason))
        self.delivered[purchase.purchase_id] = (purchase.user_id, purchase.item_id)
        item = inventory_pb2.OwnedItem(
            item=inventory_pb2.Item(id=purchase.item_id, name="Straw hat"),
            source=inventory_pb2.SOURCE_SHOP,
        )
        item.obtained_at.FromDatetime(GIVEN_AT)
        return inventory_pb2.DeliveryResult(delivered=item)

    def BatchGrantDrops(
        self, request: inventory_pb2.BatchGrantDropsRequest, _: grpc.ServicerContext
    ) -> inventory_pb2.BatchGrantDropsResponse:
        _be_there(self.away)
        for drop in request.drops:
            self.given[drop.session_id] = drop.luck
            self.drops[drop.session_id] = drop
        hat = inventory_pb2.OwnedItem(
            item=inventory_pb2.Item(
                id="0190c0de-0000-7000-8000-000000000001",
                name="Straw hat",
                type=inventory_pb2.ITEM_TYPE_HAT,
                rarity=inventory_pb2.RARITY_COMMON,
                sprite_key="hat_straw",
            ),
            source=inventory_pb2.SOURCE_DROP,
        )
        hat.obtained_at.FromDatetime(GIVEN_AT)
        granted = inventory_pb2.DropResult(granted=inventory_pb2.Granted(item=hat))
        wardrobes = [
            inventory_pb2.Wardrobe(user_id=user, equipped_hat_id=hat.item.id)
            for user in request.wardrobes_of
        ]
        results = [granted for _ in request.drops]
        return inventory_pb2.BatchGrantDropsResponse(results=results, wardrobes=wardrobes)


def served(name: str, servicer: Any) -> Served:
    """How a fake is served under the name of the real one."""
    module, grpc_module = {
        "world": (world_pb2, world_pb2_grpc),
        "inventory": (inventory_pb2, inventory_pb2_grpc),
    }[name]
    title = f"{name.capitalize()}Service"
    descriptor = module.DESCRIPTOR.services_by_name[title]
    register = getattr(grpc_module, f"add_{title}Servicer_to_server")
    return Served(
        name=name,
        offers=(
            Offer(
                service=descriptor.full_name,
                callers={method.name: frozenset({"session"}) for method in descriptor.methods},
                register=lambda server: register(servicer, server),
            ),
        ),
        is_ready=lambda: True,
        close=lambda: None,
    )


def _be_there(away: bool) -> None:  # noqa: FBT001  # a flag of the fake
    if away:
        raise Unavailable
