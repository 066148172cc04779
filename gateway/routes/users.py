"""The player's own account."""

from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.identity import Player
from gateway.input import Id, Password, Strict, absent, read
from gateway.limits import ACCOUNT
from gateway.plain import Documented, Takes, json_answer, route
from gateway.text import Text, email_address
from gateway.town import Town, address_of, asked_by, sent_by, town_of
from protos.auth.v1 import auth_pb2
from protos.world.v1 import world_pb2
from services.kit.errors import from_item
from services.kit.times import instant

FullName = Annotated[str, Text(1, 200)]
# A web address, an image as a data URL, or a frontend's own key, which has no colon: so
# nobody who shows it as a link runs a `javascript:` of somebody else's; nor the scripts
# that an image/svg+xml may hold.
_PICTURE = (
    r"^(https?://[!-~]+|data:image/(png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/]+=*|[!-9;-~]+)$"
)
Picture = Annotated[str, Field(min_length=1, max_length=60_000, pattern=_PICTURE)]
# The longest address that mail can be sent to.
Email = Annotated[str, Field(max_length=254)]


class User(Documented):
    """An account, as its owner sees it."""

    id: Id
    email: str
    full_name: str | None
    profile_picture: str | None
    is_active: bool
    is_superuser: bool
    is_verified: bool
    created_at: datetime
    updated_at: datetime | None


class UserChange(Strict):
    """What to change; what is absent stays. Null takes a name or picture away."""

    full_name: FullName | None = absent()
    profile_picture: Picture | None = absent()
    email: Email = absent()
    password: Password = absent()
    current_password: Password = absent()
    timezone: Annotated[str, Field(max_length=64, pattern="^[!-~]+$")] = absent()


class Leave(Strict):
    """The password, so that nobody else deletes the account."""

    password: Password


class Left(Documented):
    """How long there is to come back."""

    restorable_until: datetime


def user_json(user: auth_pb2.User) -> dict[str, Any]:
    """`User` of the contract."""
    return {
        "id": user.id,
        "email": user.email,
        "full_name": user.full_name if user.HasField("full_name") else None,
        "profile_picture": user.profile_picture if user.HasField("profile_picture") else None,
        "is_active": user.is_active,
        "is_superuser": user.is_superuser,
        "is_verified": user.is_verified,
        "created_at": instant(user.created_at),
        "updated_at": instant(user.updated_at) if user.HasField("updated_at") else None,
    }


async def read_me(request: Request) -> Response:
    """The account of whoever asks."""
    player = await asked_by(request)
    return json_answer(user_json(await account_of(town_of(request), player.id)))


async def change_me(request: Request) -> Response:
    """Changes the fields that are given, all or none of the account's.

    E-mail and password also need `current_password`. A new e-mail starts
    unverified; a new password ends every other login. `timezone` is where later
    sessions find their date; it is set first, and setting it again is harmless,
    so that a refused call can be repeated as a whole.
    """
    player = await sent_by(request)
    town = town_of(request)
    change = await read(request, UserChange)
    asked = _update(request, player, change)
    if "timezone" in change.model_fields_set:
        await _set_timezone(town, player, change.timezone)
    if not change.model_fields_set - {"timezone", "current_password"}:
        return json_answer(user_json(await account_of(town, player.id)))
    auth = town.services.auth
    async with town.hashing if change.current_password else nullcontext():
        answer = await auth.call(auth.methods.UpdateUser, asked)
    return json_answer(user_json(answer.user))


async def delete_me(request: Request) -> Response:
    """Deletes the account: logged out everywhere at once, erased in seven days.

    Until `restorable_until` a login restores it; the tokens of before stay dead.
    """
    player = await sent_by(request)
    town = town_of(request)
    wish = await read(request, Leave)
    auth = town.services.auth
    asked = auth_pb2.DeleteUserRequest(
        user_id=player.id, password=wish.password, address=address_of(request)
    )
    async with town.hashing:
        answer = await auth.call(auth.methods.DeleteUser, asked)
    town.identity.end(player)
    response = json_answer({"restorable_until": instant(answer.restorable_until)}, 202)
    town.identity.clear_cookies(response)
    return response


def _update(request: Request, player: Player, change: UserChange) -> auth_pb2.UpdateUserRequest:
    given = {name: getattr(change, name) or "" for name in change.model_fields_set - {"timezone"}}
    if "email" in given:
        is_sandbox = town_of(request).settings.sandbox
        given["email"] = email_address(given["email"], is_sandbox=is_sandbox)
    return auth_pb2.UpdateUserRequest(
        user_id=player.id, family_id=player.family, address=address_of(request), **given
    )


async def _set_timezone(town: Town, player: Player, timezone: str) -> None:
    world = town.services.world
    request = world_pb2.SetTimezoneRequest(user_id=player.id, timezone=timezone)
    await world.call(world.methods.SetTimezone, request)


async def account_of(town: Town, user_id: str) -> auth_pb2.User:
    """An account as it is now. Raises the failure USER_UNKNOWN."""
    auth = town.services.auth
    request = auth_pb2.BatchGetUsersRequest(user_ids=[user_id])
    result = (await auth.call(auth.methods.BatchGetUsers, request)).results[0]
    if result.WhichOneof("outcome") == "failure":
        raise from_item(result.failure)
    return result.user


ROUTES = [
    route("GET /api/users/me", read_me, answer=User, codes=["NOT_FOUND"]),
    route(
        "PATCH /api/users/me",
        change_me,
        answer=User,
        takes=Takes(body=UserChange),
        limit=ACCOUNT,
        codes=[
            "EMAIL_TAKEN",
            "NOT_FOUND",
            "PASSWORD_TOO_WEAK",
            "WRONG_PASSWORD",
            "ZONE_CHANGED_RECENTLY",
        ],
    ),
    route(
        "DELETE /api/users/me",
        delete_me,
        answer=Left,
        status=202,
        takes=Takes(body=Leave),
        codes=["NOT_FOUND", "WRONG_PASSWORD"],
        limit=ACCOUNT,
    ),
]
