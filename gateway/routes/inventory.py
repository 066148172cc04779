"""What the player owns and wears, and the catalogue of what can be owned."""

from datetime import datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from gateway.input import Id, Strict, read
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.profile import Hero, whole_hero
from gateway.town import asked_by, sent_by, town_of
from protos.inventory.v1 import inventory_pb2 as pb
from services.kit.enums import Words
from services.kit.times import instant

TYPES = Words[pb.ItemType.ValueType](pb.ItemType)
RARITIES = Words[pb.Rarity.ValueType](pb.Rarity)
SOURCES = Words[pb.Source.ValueType](pb.Source)


class Item(Documented):
    """A cosmetic."""

    id: Id
    name: str
    type: Literal["hat", "outfit", "accessory"]
    rarity: Literal["common", "rare", "epic"]
    sprite_key: str


class CatalogueItem(Item):
    """A cosmetic that can be obtained now, or that the player owns."""

    owned: bool


class OwnedItem(Item):
    """A cosmetic that the player has."""

    obtained_at: datetime
    equipped: bool
    source: Literal["drop", "shop", "event", "grant"]


class Equip(Strict):
    """What to wear."""

    item_id: Id


class Unequip(Strict):
    """Which slot to empty."""

    slot: Literal["hat", "outfit", "accessory"]


def item_json(item: pb.Item) -> dict[str, Any]:
    """`Item` of the contract."""
    return {
        "id": item.id,
        "name": item.name,
        "type": TYPES.word(item.type),
        "rarity": RARITIES.word(item.rarity),
        "sprite_key": item.sprite_key,
    }


def owned_item_json(owned: pb.OwnedItem) -> dict[str, Any]:
    """`OwnedItem` of the contract."""
    return item_json(owned.item) | {
        "obtained_at": instant(owned.obtained_at),
        "equipped": owned.equipped,
        "source": SOURCES.word(owned.source),
    }


async def list_items(request: Request) -> Response:
    """The whole catalogue that can be obtained now or is owned, and what of it is owned."""
    player = await asked_by(request)
    inventory = town_of(request).services.inventory
    asked = pb.ListItemsRequest(user_id=player.id)
    answer = await inventory.call(inventory.methods.ListItems, asked)
    return json_answer([item_json(e.item) | {"owned": e.owned} for e in answer.entries])


async def list_inventory(request: Request) -> Response:
    """What the player owns, newest first."""
    player = await asked_by(request)
    owned = await town_of(request).hot.inventory.ask(player.id, player.id)
    return json_answer([owned_item_json(item) for item in owned.items])


async def equip(request: Request) -> Response:
    """Wears an item in the slot that its type names. Safe to repeat."""
    player = await sent_by(request)
    wish = await read(request, Equip)
    town = town_of(request)
    inventory = town.services.inventory
    asked = pb.EquipItemRequest(user_id=player.id, item_id=wish.item_id)
    answer = await inventory.call(inventory.methods.EquipItem, asked)
    return json_answer(await whole_hero(town, player, wardrobe=answer.wardrobe))


async def unequip(request: Request) -> Response:
    """Empties a slot. Safe to repeat."""
    player = await sent_by(request)
    wish = await read(request, Unequip)
    town = town_of(request)
    inventory = town.services.inventory
    asked = pb.UnequipSlotRequest(user_id=player.id, slot=TYPES.value(wish.slot))
    answer = await inventory.call(inventory.methods.UnequipSlot, asked)
    return json_answer(await whole_hero(town, player, wardrobe=answer.wardrobe))


ROUTES = [
    route("GET /api/inventory", list_inventory, is_hot=True, answer=list[OwnedItem]),
    route("GET /api/items", list_items, answer=list[CatalogueItem]),
    route(
        "POST /api/inventory/equip",
        equip,
        answer=Hero,
        takes=Takes(body=Equip),
        codes=["ITEM_NOT_OWNED"],
    ),
    route("POST /api/inventory/unequip", unequip, answer=Hero, takes=Takes(body=Unequip)),
]
