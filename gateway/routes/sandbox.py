"""The sandbox: a player's own clock, and gifts. Absent where it is off."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from google.protobuf.duration_pb2 import Duration
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Problem, invalid
from gateway.identity import Player
from gateway.input import Id, Strict, absent, one_at_least, read
from gateway.once import once, replay_headers
from gateway.plain import Documented, Takes, json_answer, route
from gateway.routes.profile import Hero, whole_hero
from gateway.town import Town, asked_by, sent_by, town_of
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2
from protos.world.v1 import world_pb2
from services.kit.times import instant

# Ten years, leap days included; the session service counts them in all.
MAX_SECONDS = 3653 * 86_400
MAX_GIFT = 1_000_000_000

Gift = Annotated[int, Field(ge=0, le=MAX_GIFT)]


class Clock(Documented):
    """The player's time, and how far it is ahead of real time."""

    now: datetime
    offset_seconds: int


class Advance(Strict):
    """How far to move the clock forward; at least one of both."""

    model_config = one_at_least("advance_minutes", "advance_seconds")

    advance_minutes: Annotated[int, Field(ge=0, le=MAX_SECONDS // 60)] = 0
    advance_seconds: Annotated[int, Field(ge=0, le=MAX_SECONDS)] = 0


class Grant(Strict):
    """What to give."""

    exp: Gift = 0
    gold: Gift = 0
    item_id: Id = absent()


async def read_clock(request: Request) -> Response:
    """The player's clock."""
    player = await asked_by(request)
    town = town_of(request)
    session = town.services.session
    asked = session_pb2.GetClockRequest(user_id=player.id)
    answer = await session.call(session.methods.GetClock, asked)
    return json_answer(await _told(town, player, answer.clock))


async def advance_clock(request: Request) -> Response:
    """Moves the player's clock forward, ten years in all at most."""
    player = await sent_by(request)
    wish = await read(request, Advance)
    if not wish.model_fields_set:
        raise invalid((("advance_minutes",), "missing", "Minutes or seconds are needed."))
    town = town_of(request)
    session = town.services.session
    by = Duration(seconds=wish.advance_minutes * 60 + wish.advance_seconds)
    asked = session_pb2.AdvanceClockRequest(user_id=player.id, by=by, once=once(request, wish))
    answer = await session.call(session.methods.AdvanceClock, asked)
    clock = await _told(town, player, answer.clock)
    return json_answer(clock, headers=replay_headers(answer))


async def reset_clock(request: Request) -> Response:
    """Sets the player's clock back to real time; what was earned stays earned."""
    player = await asked_by(request)
    town = town_of(request)
    session = town.services.session
    asked = session_pb2.ResetClockRequest(user_id=player.id)
    answer = await session.call(session.methods.ResetClock, asked)
    return json_answer(await _told(town, player, answer.clock))


async def grant(request: Request) -> Response:
    """Gives exp, gold and an item. An unknown item: 404, and nothing is given.

    A repetition with the same Idempotency-Key gives what a lost call left out; the
    hero's level, exp and gold are then as they were, what it wears as it is now.
    """
    player = await sent_by(request)
    gift = await read(request, Grant)
    town = town_of(request)
    if gift.item_id:
        await _require_item(town, player, gift.item_id)
    session = town.services.session
    asked = session_pb2.GrantRewardRequest(
        user_id=player.id, exp=gift.exp, gold=gift.gold, once=once(request, gift)
    )
    answer = await session.call(session.methods.GrantReward, asked)
    if gift.item_id:
        # Last: whoever may not use the key again is not given the item either.
        await _grant_item(town, player, gift.item_id)
    hero = await whole_hero(town, player, hero=answer.hero)
    return json_answer(hero, headers=replay_headers(answer))


async def _require_item(town: Town, player: Player, item_id: str) -> None:
    """Passes when the item can be obtained. Raises NOT_FOUND."""
    inventory = town.services.inventory
    asked = inventory_pb2.ListItemsRequest(user_id=player.id)
    answer = await inventory.call(inventory.methods.ListItems, asked)
    if item_id not in (entry.item.id for entry in answer.entries):
        raise Problem(code="NOT_FOUND")


async def _grant_item(town: Town, player: Player, item_id: str) -> None:
    inventory = town.services.inventory
    asked = inventory_pb2.GrantItemRequest(user_id=player.id, item_id=item_id)
    await inventory.call(inventory.methods.GrantItem, asked)


async def _told(town: Town, player: Player, clock: session_pb2.Clock) -> dict[str, Any]:
    """Tells the other services, also when they were told before and did not hear.

    The session service's clock is the one that counts: a repetition, or a mere
    look at the clock, heals what a lost call left behind.
    """
    inventory, world = town.services.inventory, town.services.world
    same: dict[str, Any] = {
        "user_id": player.id,
        "offset": clock.offset,
        "revision": clock.revision,
    }
    await asyncio.gather(
        inventory.call(inventory.methods.SetClock, inventory_pb2.SetClockRequest(**same)),
        world.call(world.methods.SetClock, world_pb2.SetClockRequest(**same)),
    )
    return {"now": instant(clock.now), "offset_seconds": clock.offset.seconds}


ROUTES = [
    route("GET /api/sandbox/clock", read_clock, answer=Clock),
    route(
        "POST /api/sandbox/clock",
        advance_clock,
        answer=Clock,
        takes=Takes(body=Advance, once=True),
    ),
    route("DELETE /api/sandbox/clock", reset_clock, answer=Clock),
    route(
        "POST /api/sandbox/grant",
        grant,
        answer=Hero,
        takes=Takes(body=Grant, once=True),
        codes=["NOT_FOUND"],
    ),
]
