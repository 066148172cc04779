"""The catalogue, as operators see and change it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Problem
from gateway.input import absent, path_id, read
from gateway.once import replay_headers
from gateway.plain import Takes, json_answer, route
from gateway.routes.admin.operator import Change, changing, looking, warrant
from gateway.routes.inventory import RARITIES, TYPES, Item, item_json
from gateway.text import Text
from gateway.town import Town, town_of
from protos.inventory.v1 import inventory_pb2 as pb

Name = Annotated[str, Text(1, 80)]
Rarity = Literal["common", "rare", "epic"]
SpriteKey = Annotated[str, Field(pattern="^[a-z0-9_]{1,80}$")]


class StockedItem(Item):
    """A cosmetic. `retired`: it can be obtained no more, and its owners keep it.

    `edited`: an operator made or changed it, so no later version of the town does.
    """

    retired: bool
    edited: bool


class NewItem(Change):
    """An item to add."""

    name: Name
    type: Literal["hat", "outfit", "accessory"]
    rarity: Rarity
    sprite_key: SpriteKey


class ItemChange(Change):
    """What to change; what is absent stays. The type is for ever: players wear it."""

    name: Name = absent()
    rarity: Rarity = absent()
    sprite_key: SpriteKey = absent()
    retired: bool = absent()


async def catalogue_of(town: Town) -> Sequence[pb.StockedItem]:
    """The whole catalogue as it is now, retired items too. Raises Unavailable."""
    inventory = town.services.inventory
    asked = pb.ListCatalogueRequest()
    return (await inventory.call(inventory.methods.ListCatalogue, asked)).items


async def list_catalogue(request: Request) -> Response:
    """The whole catalogue, retired items too, ordered by type, rarity and name."""
    await looking(request)
    return json_answer([_json(stocked) for stocked in await catalogue_of(town_of(request))])


async def read_item(request: Request) -> Response:
    """One item."""
    await looking(request)
    item_id = path_id(request, "item_id")
    for stocked in await catalogue_of(town_of(request)):
        if stocked.item.id == item_id:
            return json_answer(_json(stocked))
    raise Problem(code="NOT_FOUND")


async def create_item(request: Request) -> Response:
    """Adds an item; within about 1 s it drops, and the day's shop is dealt anew.

    Safe to repeat: the very same item is not made again.
    """
    operator = await changing(request)
    wish = await read(request, NewItem)
    inventory = town_of(request).services.inventory
    asked = pb.CreateItemRequest(
        name=wish.name,
        type=TYPES.value(wish.type),
        rarity=RARITIES.value(wish.rarity),
        sprite_key=wish.sprite_key,
        warrant=warrant(operator, wish),
    )
    answer = await inventory.call(inventory.methods.CreateItem, asked)
    return json_answer(_json(answer.item), 201, replay_headers(answer))


async def change_item(request: Request) -> Response:
    """Changes the fields that are given. Safe to repeat.

    `retired: true` takes an item out of drops and shop within about 1 s, `false` brings
    it back; the day's shop is dealt anew. Whoever owns it keeps it, and what is paid is
    delivered.
    """
    operator = await changing(request)
    item_id = path_id(request, "item_id")
    wish = await read(request, ItemChange)
    given = wish.model_dump(exclude_unset=True, exclude={"reason"})
    if "rarity" in given:
        given["rarity"] = RARITIES.value(given["rarity"])
    inventory = town_of(request).services.inventory
    asked = pb.UpdateItemRequest(item_id=item_id, warrant=warrant(operator, wish), **given)
    answer = await inventory.call(inventory.methods.UpdateItem, asked)
    return json_answer(_json(answer.item))


def _json(stocked: pb.StockedItem) -> dict[str, Any]:
    return item_json(stocked.item) | {"retired": stocked.retired, "edited": stocked.edited}


ROUTES = [
    route("GET /api/admin/items", list_catalogue, answer=list[StockedItem], codes=["FORBIDDEN"]),
    route(
        "POST /api/admin/items",
        create_item,
        answer=StockedItem,
        status=201,
        takes=Takes(body=NewItem),
        codes=["FORBIDDEN", "SPRITE_KEY_TAKEN"],
    ),
    route(
        "GET /api/admin/items/{item_id}",
        read_item,
        answer=StockedItem,
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
    route(
        "PATCH /api/admin/items/{item_id}",
        change_item,
        answer=StockedItem,
        takes=Takes(body=ItemChange),
        codes=["FORBIDDEN", "NOT_FOUND", "SPRITE_KEY_TAKEN"],
    ),
]
