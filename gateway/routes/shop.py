"""The shop: the offers of the day, and buying one."""

import asyncio
from datetime import datetime
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.input import Id, Strict, read
from gateway.once import once, replay_headers
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.inventory import Item, OwnedItem, item_json, owned_item_json
from gateway.routes.profile import Hero, hero_json, wardrobe_of, world_of
from gateway.town import asked_by, sent_by, town_of
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2
from services.kit.times import instant

# As long as the table of purchases keeps it.
MAX_ROTATION_ID = 64


class Offer(Documented):
    """An item that can be bought now."""

    item: Item
    price_gold: int
    owned: bool


class Shop(Documented):
    """The day's offers, the same for all. Others take their place at `rotates_at`.

    That is 00:00 UTC, or when an event starts or ends before it.
    """

    rotation_id: str
    rotates_at: datetime
    offers: list[Offer]


class Buy(Strict):
    """What to buy, and among which offers it was seen."""

    item_id: Id
    rotation_id: Annotated[str, Field(max_length=MAX_ROTATION_ID, pattern="^[!-~]+$")]


class Bought(Documented):
    """What was bought, for how much, and the hero after paying."""

    item: OwnedItem
    gold_spent: int
    hero: Hero


async def read_shop(request: Request) -> Response:
    """The offers of the player's day, and what of them is owned."""
    player = await asked_by(request)
    inventory = town_of(request).services.inventory
    asked = inventory_pb2.GetShopRequest(user_id=player.id)
    shop = await inventory.call(inventory.methods.GetShop, asked)
    offers = [
        {"item": item_json(o.item), "price_gold": o.price_gold, "owned": o.owned}
        for o in shop.offers
    ]
    rotates_at = instant(shop.rotates_at)
    return json_answer(
        {"rotation_id": shop.rotation_id, "rotates_at": rotates_at, "offers": offers}
    )


async def buy(request: Request) -> Response:
    """Buys an item of the day's offers, for what it costs there. An item is paid for once.

    Unavailable (503): it may be paid, and is then delivered or paid back soon.
    Repeating is safe: it goes on with what is paid, and says ALREADY_OWNED once
    the item is there; with an Idempotency-Key it gives the first answer again.
    """
    player = await sent_by(request)
    wish = await read(request, Buy)
    town = town_of(request)
    # First what only adorns the answer: who has paid must not hear 503 for its sake.
    world, wardrobe = await asyncio.gather(world_of(town, player), wardrobe_of(town, player))
    session = town.services.session
    asked = session_pb2.BuyItemRequest(
        user_id=player.id, once=once(request, wish), **wish.model_dump()
    )
    bought = await session.call(session.methods.BuyItem, asked)
    return json_answer(
        {
            "item": owned_item_json(bought.item),
            "gold_spent": bought.gold_spent,
            "hero": hero_json(bought.hero, wardrobe, world),
        },
        201,
        replay_headers(bought),
    )


ROUTES = [
    route("GET /api/shop", read_shop, answer=Shop),
    route(
        "POST /api/shop/buy",
        buy,
        answer=Bought,
        status=201,
        takes=Takes(body=Buy, once=True),
        codes=["NOT_FOUND", "NOT_ENOUGH_GOLD", "ALREADY_OWNED", "OFFER_EXPIRED"],
    ),
]
