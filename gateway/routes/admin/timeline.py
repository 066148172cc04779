"""Everything that happened to a player, out of all four services, in order."""

import asyncio
import base64
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.clients import Service
from gateway.input import DIGITS, Id, Strict, absent, no_body, path_id, query
from gateway.paging import link
from gateway.plain import Documented, Takes, json_answer, route
from gateway.receipts import Receipt, receipt_json
from gateway.routes.admin.operator import operator_of
from gateway.routes.tasks import Room
from gateway.routes.users import account_of
from gateway.town import town_of
from protos.timeline.v1 import timeline_pb2 as pb
from services.kit.enums import Words
from services.kit.times import instant, wire

KINDS = Words[pb.Kind.ValueType](pb.Kind)
# A place: 7 bytes of microseconds since 1970, the id, the kind.
CURSOR = "^[A-Za-z0-9_-]{32}$"
_AT = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Happened(Documented):
    """When it happened, which service tells of it, and the id of what it happened to.

    `at` is by the player's clock for what was played, which a sandbox moves.
    """

    at: datetime
    service: Literal["auth", "session", "inventory", "world"]
    id: Id


class SessionStarted(Happened):
    """A session was started; `id` is the session's, here and in the next four."""

    kind: Literal["session_started"]
    task_name: str
    category: str
    room: Room
    duration_minutes: int


class SessionCompleted(Happened):
    """It was completed in time, and paid.

    `receipt`: where exp and gold come from; null where its rules cannot be looked up any more.
    """

    kind: Literal["session_completed"]
    exp: int
    gold: int
    levels_gained: int
    receipt: Receipt | None


class SessionEnded(Happened):
    """It was given up, or not completed before its window closed."""

    kind: Literal["session_cancelled", "session_timed_out"]


class SessionCredited(Happened):
    """The town counted it, on that local date."""

    kind: Literal["session_credited"]
    date: date
    rooms_upgraded: list[Literal["study", "build", "training", "plaza"]]


class DropEmpty(Happened):
    """It dropped, and the player owned everything."""

    kind: Literal["drop_empty"]


class ItemObtained(Happened):
    """An item came, by that session or purchase where one brought it."""

    kind: Literal["item_obtained"]
    item_id: Id
    source: Literal["drop", "shop", "event", "grant"]
    session_id: Id | None
    purchase_id: Id | None


class Paid(Happened):
    """An item was paid for, or its gold went back because nobody could deliver it.

    `id` is the purchase's.
    """

    kind: Literal["item_bought", "purchase_refunded"]
    item_id: Id
    gold: int


class RewardGranted(Happened):
    """Exp and gold were given, by an operator or in the sandbox."""

    kind: Literal["reward_granted"]
    exp: int
    gold: int
    source: str


class ZoneChanged(Happened):
    """Another zone was set; `id` is the player's."""

    kind: Literal["zone_changed"]
    timezone: str


class AccountCreated(Happened):
    """The account was made; `id` is the player's."""

    kind: Literal["account_created"]


class LoggedIn(Happened):
    """The player logged in; `id` is the device's, as the list of devices has it."""

    kind: Literal["logged_in"]
    device: str | None


class LoggedOut(Happened):
    """That login ended."""

    kind: Literal["logged_out"]
    device: str | None
    reason: Literal["logout", "password", "reuse", "deletion", "disabled"]


class OperatorChanged(Happened):
    """An operator changed something of the player's; `id` is the entry's in the audit trail."""

    kind: Literal["operator_changed"]
    actor: str
    action: str
    reason: str


Happening = Annotated[
    SessionStarted
    | SessionCompleted
    | SessionEnded
    | SessionCredited
    | DropEmpty
    | ItemObtained
    | Paid
    | RewardGranted
    | ZoneChanged
    | AccountCreated
    | LoggedIn
    | LoggedOut
    | OperatorChanged,
    Field(discriminator="kind"),
]
# By kind, what is told of it beside what is told of all.
_TOLD = {
    kind: model.model_fields.keys() - {"at", "service", "id", "kind"}
    for model in get_args(get_args(Happening)[0])
    for kind in get_args(model.model_fields["kind"].annotation)
}


class Wanted(Strict):
    """How much of it, from where on."""

    limit: Annotated[int, Field(ge=1, le=100), DIGITS] = 50
    cursor: Annotated[str, Field(pattern=CURSOR)] = absent()


class _Found(NamedTuple):
    """A happening, and which service tells of it. They sort as they happened."""

    at: datetime
    id: str
    kind: pb.Kind.ValueType
    service: str
    told: pb.Happening


async def read_timeline(request: Request) -> Response:
    """Everything that happened to a player, newest first.

    The next page is in the `Link` header; what happens meanwhile comes before the first
    page and moves nothing. Logins are forgotten some time after they ended.
    """
    await operator_of(request)
    await no_body(request)
    user_id = path_id(request, "user_id")
    wish = query(request, Wanted)
    town = town_of(request)
    await account_of(town, user_id)
    asked = pb.ListHappeningsRequest(
        user_id=user_id,
        before=place_of(wish.cursor) if wish.cursor else None,
        # One more than asked for tells whether there is a next page.
        limit=wish.limit + 1,
    )
    parts = await asyncio.gather(*(_part(service, asked) for service in town.services.every))
    newest = sorted((found for part in parts for found in part), key=_when, reverse=True)
    page, is_last = newest[: wish.limit], len(newest) <= wish.limit
    headers = None if is_last else link(request, wish, cursor_of(page[-1].told.place))
    return json_answer([_json(found) for found in page], headers=headers)


async def _part(service: Service[Any], asked: pb.ListHappeningsRequest) -> Sequence[_Found]:
    answer = await service.call(service.timeline.ListHappenings, asked)
    return [
        _Found(instant(told.place.at), told.place.id, told.place.kind, service.name, told)
        for told in answer.happenings
    ]


def _when(found: _Found) -> tuple[Any, ...]:
    return found[:3]


def _json(found: _Found) -> dict[str, Any]:
    kind = KINDS.word(found.kind)
    told = {name: _value(found.told, name) for name in sorted(_TOLD[kind])}
    return {"at": found.at, "kind": kind, "service": found.service, "id": found.id} | told


def _value(told: pb.Happening, name: str) -> Any:
    if name == "rooms_upgraded":
        return list(told.rooms_upgraded)
    if name == "receipt":
        return receipt_json(told.receipt) if told.HasField("receipt") else None
    return getattr(told, name) if told.HasField(name) else None  # type: ignore[arg-type]  # typed for literals


def cursor_of(place: pb.Place) -> str:
    """What leads to all that comes after a place."""
    at = (instant(place.at) - _EPOCH) // _MICROSECOND
    raw = at.to_bytes(_AT, "big") + uuid.UUID(place.id).bytes + bytes([place.kind])
    return base64.urlsafe_b64encode(raw).decode()


def place_of(cursor: str) -> pb.Place:
    """The place that a cursor of the right form tells, whoever made it up."""
    raw = base64.urlsafe_b64decode(cursor)
    at = _EPOCH + int.from_bytes(raw[:_AT], "big") * _MICROSECOND
    kind: Any = raw[-1]
    return pb.Place(at=wire(at), id=str(uuid.UUID(bytes=raw[_AT:-1])), kind=kind)


ROUTES = [
    route(
        "GET /api/admin/users/{user_id}/timeline",
        read_timeline,
        answer=list[Happening],
        takes=Takes(query=Wanted),
        codes=["FORBIDDEN", "NOT_FOUND"],
    ),
]
