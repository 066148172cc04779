"""The player at a glance: account, hero and town."""

import asyncio
from datetime import date
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from gateway.hot import Whole
from gateway.identity import Player
from gateway.input import Id
from gateway.plain import Documented, json_answer, route
from gateway.routes.users import User, user_json
from gateway.times import InForce
from gateway.town import Town, asked_by, town_of
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2
from protos.world.v1 import world_pb2
from services.kit.enums import Words
from services.kit.times import instant

ROOMS = Words[world_pb2.Room.ValueType](world_pb2.Room)


class Hero(Documented):
    """The hero.

    `streak` and what is worn are null only where a completion says
    `settled: false` and they are not known at the moment.
    """

    id: Id
    user_id: Id
    level: int
    exp: int
    exp_to_next: int
    gold: int
    streak: int | None
    equipped_hat_id: Id | None
    equipped_outfit_id: Id | None
    equipped_accessory_id: Id | None


class NextUpgrade(Documented):
    """The next room that will grow, and how many successful sessions are missing."""

    room: Literal["study", "build", "training", "plaza"]
    level: int
    sessions_left: int


class World(Documented):
    """The player's town. `day_streak` is 0 after a missed date."""

    id: Id
    user_id: Id
    study_room_level: int
    build_room_level: int
    training_room_level: int
    plaza_level: int
    total_sessions_success: int
    day_streak: int
    longest_streak: int
    last_session_date: date | None
    timezone: str
    next_upgrade: NextUpgrade | None


class Profile(Documented):
    """Everything at a glance. `world_state` repeats `worldState`."""

    user: User
    hero: Hero
    worldState: World  # noqa: N815  # the one name that the API's first clients fixed
    world_state: World


def hero_json(
    hero: session_pb2.Hero,
    wardrobe: inventory_pb2.Wardrobe | None,
    world: world_pb2.World | None,
) -> dict[str, Any]:
    """`Hero` of the contract; what is not known is null."""
    return {
        "id": hero.id,
        "user_id": hero.user_id,
        "level": hero.level,
        "exp": hero.exp,
        "exp_to_next": hero.exp_to_next,
        "gold": hero.gold,
        "streak": world.day_streak if world else None,
        "equipped_hat_id": (wardrobe.equipped_hat_id or None) if wardrobe else None,
        "equipped_outfit_id": (wardrobe.equipped_outfit_id or None) if wardrobe else None,
        "equipped_accessory_id": (wardrobe.equipped_accessory_id or None) if wardrobe else None,
    }


def world_json(world: world_pb2.World) -> dict[str, Any]:
    """`World` of the contract."""
    upgrade = world.next_upgrade if world.HasField("next_upgrade") else None
    return {
        "id": world.id,
        "user_id": world.user_id,
        "study_room_level": world.study_room_level,
        "build_room_level": world.build_room_level,
        "training_room_level": world.training_room_level,
        "plaza_level": world.plaza_level,
        "total_sessions_success": world.total_sessions_success,
        "day_streak": world.day_streak,
        "longest_streak": world.longest_streak,
        "last_session_date": world.last_session_date or None,
        "timezone": world.timezone,
        "next_upgrade": upgrade
        and {
            "room": ROOMS.word(upgrade.room),
            "level": upgrade.level,
            "sessions_left": upgrade.sessions_left,
        },
    }


def profile_json(whole: Whole) -> dict[str, Any]:
    """`Profile` of the contract."""
    world = world_json(whole.world)
    return {
        "user": user_json(whole.user),
        "hero": hero_json(whole.hero, whole.wardrobe, whole.world),
        "worldState": world,
        "world_state": world,
    }


async def profile(request: Request) -> Response:
    """Account, hero and town of whoever asks."""
    player = await asked_by(request)
    whole = await town_of(request).hot.profile.ask(player.id, player.id)
    return json_answer(profile_json(whole))


async def worldstate(request: Request) -> Response:
    """The town of whoever asks."""
    player = await asked_by(request)
    return json_answer(world_json(await world_of(town_of(request), player)))


async def world_of(town: Town, player: Player) -> world_pb2.World:
    """The player's world as it is now. Raises Unavailable."""
    world = town.services.world
    request = world_pb2.BatchGetWorldsRequest(user_ids=[player.id])
    return (await world.call(world.methods.BatchGetWorlds, request)).worlds[0]


async def zones_of(town: Town, player: Player) -> tuple[date, list[InForce]]:
    """The player's date of today, and the zones they lived in. Raises Unavailable."""
    world = town.services.world
    request = world_pb2.GetZonesRequest(user_id=player.id)
    found = await world.call(world.methods.GetZones, request)
    zones = [InForce(instant(change.changed_at), change.timezone) for change in found.changes]
    return date.fromisoformat(found.today), zones


async def whole_hero(
    town: Town,
    player: Player,
    *,
    wardrobe: inventory_pb2.Wardrobe | None = None,
    hero: session_pb2.Hero | None = None,
) -> dict[str, Any]:
    """The hero as it is now; what is given is not asked for again. Raises Unavailable."""
    world, grown, worn = await asyncio.gather(
        world_of(town, player), _hero_of(town, player, hero), wardrobe_of(town, player, wardrobe)
    )
    return hero_json(grown, worn, world)


async def _hero_of(town: Town, player: Player, known: session_pb2.Hero | None) -> session_pb2.Hero:
    if known is not None:
        return known
    session = town.services.session
    request = session_pb2.BatchGetHeroesRequest(user_ids=[player.id])
    return (await session.call(session.methods.BatchGetHeroes, request)).heroes[0]


async def wardrobe_of(
    town: Town, player: Player, known: inventory_pb2.Wardrobe | None = None
) -> inventory_pb2.Wardrobe:
    """What the player's hero wears, as it is now, unless it is known. Raises Unavailable."""
    if known is not None:
        return known
    inventory = town.services.inventory
    request = inventory_pb2.BatchGetWardrobesRequest(user_ids=[player.id])
    return (await inventory.call(inventory.methods.BatchGetWardrobes, request)).wardrobes[0]


ROUTES = [
    route("GET /api/profile", profile, is_hot=True, answer=Profile, codes=["NOT_FOUND"]),
    route("GET /api/worldstate", worldstate, answer=World),
]
