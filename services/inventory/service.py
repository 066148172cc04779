"""The inventory service: messages in, messages out."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import grpc
import structlog

from protos.inventory.v1 import inventory_pb2 as pb
from protos.inventory.v1 import inventory_pb2_grpc
from services.inventory import wardrobes
from services.inventory.belongings import Belongings
from services.inventory.catalogue import Catalogue
from services.inventory.delivery_store import Delivery
from services.inventory.drops import Drop, give
from services.inventory.editing import Edits, New
from services.inventory.failures import LuckMalformed, SlotUnknown
from services.inventory.messages import (
    RARITIES,
    TYPES,
    delivered_message,
    event_message,
    granted_message,
    item_message,
    offer_message,
    owned_message,
    stocked_message,
    wardrobe_message,
)
from services.inventory.play import Play
from services.inventory.rules import RARITIES as BY_RARITY
from services.inventory.rules import display_order
from services.inventory.sales import Purchase
from services.inventory.store import DropKey, Grant
from services.kit.audit import warrant_of
from services.kit.batches import isolated
from services.kit.database import Database
from services.kit.errors import Failure
from services.kit.failpoints import reach
from services.kit.times import instant, wire

_GATEWAY = frozenset({"gateway"})
_SESSION = frozenset({"session"})
CALLERS: Mapping[str, frozenset[str]] = {
    "BatchGrantDrops": _SESSION,
    "BatchDeliverPurchases": _SESSION,
    "QuoteOffer": _SESSION,
    "GetShop": _GATEWAY,
    "BatchGetInventories": _GATEWAY,
    "BatchGetWardrobes": frozenset({"gateway", "session"}),
    "ListItems": _GATEWAY,
    "ListEvents": _GATEWAY,
    "EquipItem": _GATEWAY,
    "UnequipSlot": _GATEWAY,
    "GetRarityWeights": _GATEWAY,
    "GrantItem": _GATEWAY,
    "ListCatalogue": _GATEWAY,
    "CreateItem": _GATEWAY,
    "UpdateItem": _GATEWAY,
    "SetClock": _GATEWAY,
}

log = structlog.get_logger(__name__)


class InventoryService(inventory_pb2_grpc.InventoryServiceServicer):
    """Answers each method as inventory.proto says."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        play: Callable[[], Play],
        play_under: Callable[[str], Play | None],
        *,
        is_sandbox: bool,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._belongings = Belongings(database, catalogue, is_sandbox=is_sandbox)
        self._edits = Edits(database, catalogue)
        # Asked once, at the beginning of a call: see kit/rulebook.py.
        self._play = play
        self._play_under = play_under
        self._is_sandbox = is_sandbox

    def BatchGrantDrops(
        self, request: pb.BatchGrantDropsRequest, _: grpc.ServicerContext
    ) -> pb.BatchGrantDropsResponse:
        give = partial(self._give, self._play())
        outcomes = isolated(give, request.drops) if request.drops else []
        given = [o.item_id for o in outcomes if isinstance(o, Grant) and o.item_id]
        items = self._catalogue.with_items(given).items
        results = [
            pb.DropResult(failure=outcome.as_item())
            if isinstance(outcome, Failure)
            else pb.DropResult(granted=granted_message(outcome, items))
            for outcome in outcomes
        ]
        wardrobes = self._wardrobes(request.wardrobes_of)
        return pb.BatchGrantDropsResponse(results=results, wardrobes=wardrobes)

    def BatchGetInventories(
        self, request: pb.BatchGetInventoriesRequest, _: grpc.ServicerContext
    ) -> pb.BatchGetInventoriesResponse:
        owned = self._belongings.owned(request.user_ids)
        ids = {row.item_id for rows in owned.values() for row in rows}
        items = self._catalogue.with_items(ids).items
        inventories = {
            user: pb.Inventory(items=[owned_message(row, items) for row in rows])
            for user, rows in owned.items()
        }
        return pb.BatchGetInventoriesResponse(
            inventories=[inventories[user] for user in request.user_ids]
        )

    def BatchGetWardrobes(
        self, request: pb.BatchGetWardrobesRequest, _: grpc.ServicerContext
    ) -> pb.BatchGetWardrobesResponse:
        return pb.BatchGetWardrobesResponse(wardrobes=self._wardrobes(request.user_ids))

    def ListItems(
        self, request: pb.ListItemsRequest, _: grpc.ServicerContext
    ) -> pb.ListItemsResponse:
        now, held = self._belongings.now(request.user_id), self._belongings.held(request.user_id)
        items = self._catalogue.with_items(held).items
        shown = {*self._play().calendar.obtainable(now), *(items[item_id] for item_id in held)}
        entries = [
            pb.CatalogueEntry(item=item_message(item), owned=item.id in held)
            for item in sorted(shown, key=display_order)
        ]
        return pb.ListItemsResponse(entries=entries)

    def ListEvents(
        self, request: pb.ListEventsRequest, _: grpc.ServicerContext
    ) -> pb.ListEventsResponse:
        now = self._belongings.now(request.user_id)
        return pb.ListEventsResponse(events=map(event_message, self._play().calendar.shows(now)))

    def EquipItem(
        self, request: pb.EquipItemRequest, _: grpc.ServicerContext
    ) -> pb.EquipItemResponse:
        worn = self._belongings.wear(request.user_id, request.item_id)
        return pb.EquipItemResponse(wardrobe=wardrobe_message(request.user_id, worn))

    def UnequipSlot(
        self, request: pb.UnequipSlotRequest, _: grpc.ServicerContext
    ) -> pb.UnequipSlotResponse:
        worn = self._belongings.take_off(request.user_id, _slot(request.slot))
        return pb.UnequipSlotResponse(wardrobe=wardrobe_message(request.user_id, worn))

    def GetRarityWeights(
        self, _: pb.GetRarityWeightsRequest, __: grpc.ServicerContext
    ) -> pb.GetRarityWeightsResponse:
        weights = self._play().rules.rarity_weights
        told = [
            pb.RarityWeight(rarity=RARITIES.value(rarity), weight=weights.of(rarity))
            for rarity in BY_RARITY
        ]
        return pb.GetRarityWeightsResponse(weights=told)

    def GetShop(self, request: pb.GetShopRequest, _: grpc.ServicerContext) -> pb.GetShopResponse:
        window = self._play().sales.window(request.user_id)
        offers = [
            offer_message(offer, owned=offer.item.id in window.held)
            for offer in window.rotation.offers
        ]
        return pb.GetShopResponse(
            rotation_id=window.rotation.id,
            rotates_at=wire(window.rotation.rotates_at),
            offers=offers,
        )

    def QuoteOffer(
        self, request: pb.QuoteOfferRequest, _: grpc.ServicerContext
    ) -> pb.QuoteOfferResponse:
        sales = self._play().sales
        quote = sales.quote(request.user_id, request.item_id, request.rotation_id)
        return pb.QuoteOfferResponse(price_gold=quote.price_gold, rules_version=quote.rules_version)

    def BatchDeliverPurchases(
        self, request: pb.BatchDeliverPurchasesRequest, _: grpc.ServicerContext
    ) -> pb.BatchDeliverPurchasesResponse:
        purchases = [Purchase(p.user_id, p.purchase_id, p.item_id) for p in request.purchases]
        outcomes = isolated(self._play().sales.deliver, purchases)
        items = self._catalogue.with_items(
            outcome.item_id for outcome in outcomes if isinstance(outcome, Delivery)
        ).items
        results = [
            pb.DeliveryResult(failure=outcome.as_item())
            if isinstance(outcome, Failure)
            else pb.DeliveryResult(delivered=delivered_message(outcome, items))
            for outcome in outcomes
        ]
        return pb.BatchDeliverPurchasesResponse(results=results)

    def GrantItem(
        self, request: pb.GrantItemRequest, _: grpc.ServicerContext
    ) -> pb.GrantItemResponse:
        warrant = warrant_of(request.warrant) if request.HasField("warrant") else None
        row = self._belongings.grant(request.user_id, request.item_id, warrant)
        items = self._catalogue.with_items([row.item_id]).items
        return pb.GrantItemResponse(item=owned_message(row, items))

    def ListCatalogue(
        self, _: pb.ListCatalogueRequest, __: grpc.ServicerContext
    ) -> pb.ListCatalogueResponse:
        return pb.ListCatalogueResponse(items=map(stocked_message, self._edits.listed()))

    def CreateItem(
        self, request: pb.CreateItemRequest, _: grpc.ServicerContext
    ) -> pb.CreateItemResponse:
        wish = New(
            request.name,
            TYPES.word(request.type),
            RARITIES.word(request.rarity),
            request.sprite_key,
        )
        row, is_new = self._edits.created(wish, warrant_of(request.warrant))
        return pb.CreateItemResponse(item=stocked_message(row), replayed=not is_new)

    def UpdateItem(
        self, request: pb.UpdateItemRequest, _: grpc.ServicerContext
    ) -> pb.UpdateItemResponse:
        given = {n: getattr(request, n) for n in ("name", "sprite_key") if request.HasField(n)}
        if request.HasField("rarity"):
            given["rarity"] = RARITIES.word(request.rarity)
        retired = request.retired if request.HasField("retired") else None
        row = self._edits.changed(
            request.item_id, given, warrant_of(request.warrant), retired=retired
        )
        return pb.UpdateItemResponse(item=stocked_message(row))

    def SetClock(self, request: pb.SetClockRequest, _: grpc.ServicerContext) -> pb.SetClockResponse:
        self._belongings.set_clock(
            request.user_id, offset_seconds=request.offset.seconds, revision=request.revision
        )
        return pb.SetClockResponse()

    def _wardrobes(self, users: Sequence[str]) -> list[pb.Wardrobe]:
        worn = self._belongings.worn(users) if users else {}
        return [wardrobe_message(user, worn[user]) for user in users]

    def _give(self, current: Play, told: Sequence[pb.Drop]) -> list[Grant | LuckMalformed]:
        plays = {v: self._played(v, current) for v in {drop.rules_version for drop in told}}
        drops = [_drop(drop, plays[drop.rules_version]) for drop in told]
        given = wardrobes.locked(
            self._database,
            {drop.key.user_id for drop in drops},
            lambda connection, owners, now: give(
                connection, owners, drops, is_sandbox=self._is_sandbox, now=now
            ),
        )
        reach("inventory.drop.after_commit")
        return given

    def _played(self, version: str, current: Play) -> Play:
        """What decides under a version; the current play where it is not known, or not told."""
        if version in {"", current.edition.version}:
            return current
        found = self._play_under(version)
        if found is None:
            log.warning("rules_not_known", asked=version, used=current.edition.version)
        return found or current


def _drop(told: pb.Drop, play: Play) -> Drop:
    started_at = instant(told.started_at) if told.HasField("started_at") else None
    return Drop(DropKey(told.user_id, told.session_id), told.luck, play.drops_at(started_at))


def _slot(value: pb.ItemType.ValueType) -> str:
    try:
        return TYPES.word(value)
    except KeyError:
        raise SlotUnknown from None
