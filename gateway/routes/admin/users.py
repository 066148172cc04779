"""Accounts and players, as operators see and change them."""

import asyncio
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Problem, invalid
from gateway.input import Id, absent, no_body, one_at_least, path_id, query, read
from gateway.once import once, replay_headers
from gateway.paging import Paged, next_page
from gateway.plain import Takes, json_answer, route
from gateway.routes.admin.items import catalogue_of
from gateway.routes.admin.operator import (
    Change,
    changing,
    looking,
    operator_of,
    warrant,
)
from gateway.routes.inventory import OwnedItem, owned_item_json
from gateway.routes.profile import Hero, Profile, hero_json, profile_json
from gateway.routes.sandbox import MAX_GIFT
from gateway.routes.session import Session, session_json
from gateway.routes.tasks import Task, task_json
from gateway.routes.users import User, account_of, user_json
from gateway.text import Text
from gateway.town import Town, town_of
from protos.audit.v1.audit_pb2 import Warrant
from protos.auth.v1 import auth_pb2
from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2

Positive = Annotated[int, Field(ge=1, le=MAX_GIFT)]


class Search(Paged):
    """A part of the e-mail address or name, or a whole id; none finds everybody."""

    query: Annotated[str, Text(0, 254)] = ""


class PlayerWhole(Profile):
    """One player whole: the profile, and what there is besides."""

    active_session: Session | None
    tasks: list[Task]
    items: list[OwnedItem]


class Standing(Change):
    """Where an account is to stand; what is absent stays."""

    is_active: bool = absent()
    is_verified: bool = absent()
    is_superuser: bool = absent()


class Grant(Change):
    """What to give: at least one of the three."""

    model_config = one_at_least("exp", "gold", "item_id")

    exp: Positive = absent()
    gold: Positive = absent()
    item_id: Id = absent()


async def search_users(request: Request) -> Response:
    """Accounts, newest first.

    A page may be short, or empty, and not the last: follow the `Link` header until
    there is none.
    """
    await operator_of(request)
    await no_body(request)
    wish = query(request, Search)
    auth = town_of(request).services.auth
    asked = auth_pb2.SearchUsersRequest(query=wish.query, limit=wish.limit, before=wish.before)
    page = await auth.call(auth.methods.SearchUsers, asked)
    headers = next_page(request, wish, page.next_before)
    return json_answer([user_json(user) for user in page.users], headers=headers)


async def read_player(request: Request) -> Response:
    """One player whole."""
    await looking(request)
    town, user_id = town_of(request), path_id(request, "user_id")
    # First: asking for what nobody has made yet makes it, and a stranger's is not to be made.
    await account_of(town, user_id)
    whole, tasks, inventory, active = await asyncio.gather(
        town.hot.profile.ask(user_id, user_id),
        town.hot.tasks.ask(user_id, user_id),
        town.hot.inventory.ask(user_id, user_id),
        _active_session(town, user_id),
    )
    return json_answer(
        profile_json(whole)
        | {
            "active_session": active,
            "tasks": [task_json(task) for task in tasks.tasks],
            "items": [owned_item_json(item) for item in inventory.items],
        }
    )


async def change_user(request: Request) -> Response:
    """Changes where an account stands. Safe to repeat.

    A closed account (`is_active: false`) is logged out everywhere within 1 s. The last
    superuser stays one.
    """
    operator = await changing(request)
    user_id = path_id(request, "user_id")
    wish = await read(request, Standing)
    auth = town_of(request).services.auth
    asked = auth_pb2.AdminUpdateUserRequest(
        user_id=user_id,
        warrant=warrant(operator, wish),
        **wish.model_dump(exclude_unset=True, exclude={"reason"}),
    )
    answer = await auth.call(auth.methods.AdminUpdateUser, asked)
    return json_answer(user_json(answer.user))


async def grant_to_user(request: Request) -> Response:
    """Gives exp, gold and an item. An unknown item: 404, and nothing is given.

    Send an Idempotency-Key: a repetition then gives what a lost call left out, and
    nothing twice. An item that is owned already is not given again.
    """
    operator = await changing(request)
    user_id = path_id(request, "user_id")
    gift = await read(request, Grant)
    if gift.model_fields_set == {"reason"}:
        raise invalid((("exp",), "missing", "Exp, gold or an item is needed."))
    town = town_of(request)
    await account_of(town, user_id)
    if gift.item_id:
        await _require_item(town, gift.item_id)
    word = warrant(operator, gift)
    session = town.services.session
    asked = session_pb2.GrantRewardRequest(
        user_id=user_id, exp=gift.exp, gold=gift.gold, once=once(request, gift), warrant=word
    )
    answer = await session.call(session.methods.GrantReward, asked)
    if gift.item_id:
        # Last: whoever may not use the key again is not given the item either.
        await _grant_item(town, user_id, gift.item_id, word)
    whole = await town.hot.profile.ask(user_id, user_id)
    hero = hero_json(answer.hero, whole.wardrobe, whole.world)
    return json_answer(hero, headers=replay_headers(answer))


async def _active_session(town: Town, user_id: str) -> dict[str, Any] | None:
    session = town.services.session
    asked = session_pb2.GetActiveSessionRequest(user_id=user_id)
    answer = await session.call(session.methods.GetActiveSession, asked)
    return session_json(answer.session) if answer.HasField("session") else None


async def _require_item(town: Town, item_id: str) -> None:
    """Passes when there is such an item, retired or not. Raises NOT_FOUND."""
    if item_id not in [stocked.item.id for stocked in await catalogue_of(town)]:
        raise Problem(code="NOT_FOUND")


async def _grant_item(town: Town, user_id: str, item_id: str, word: Warrant) -> None:
    inventory = town.services.inventory
    asked = inventory_pb2.GrantItemRequest(user_id=user_id, item_id=item_id, warrant=word)
    await inventory.call(inventory.methods.GrantItem, asked)


ROUTES = [
    route(
        "GET /api/admin/users",
        search_users,
        answer=list[User],
        takes=Takes(query=Search),
        codes=["FORBIDDEN"],
    ),
    route(
        "GET /api/admin/users/{user_id}",
        read_player,
        answer=PlayerWhole,
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
    route(
        "PATCH /api/admin/users/{user_id}",
        change_user,
        answer=User,
        takes=Takes(body=Standing),
        codes=["FORBIDDEN", "NOT_FOUND", "LAST_SUPERUSER"],
    ),
    route(
        "POST /api/admin/users/{user_id}/grant",
        grant_to_user,
        answer=Hero,
        takes=Takes(body=Grant, once=True),
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
]
