"""Sessions: starting, completing, giving up, looking back."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Problem
from gateway.identity import Player
from gateway.input import Id, QueryDate, Strict, absent, no_body, query, read
from gateway.once import once, replay_headers
from gateway.paging import Paged, next_page
from gateway.plain import Documented, Takes, json_answer, route
from gateway.receipts import Receipt, receipt_json
from gateway.routes.inventory import OwnedItem, owned_item_json
from gateway.routes.profile import ROOMS as WORLD_ROOMS
from gateway.routes.profile import Hero, World, hero_json, world_json, zones_of
from gateway.routes.tasks import ROOMS, Minutes, Room
from gateway.times import lived, require_in_order
from gateway.town import Town, asked_by, player_of, sent_by, town_of
from protos.session.v1 import session_pb2 as pb
from services.kit.enums import Words
from services.kit.times import instant, wire

STATUSES = Words[pb.Status.ValueType](pb.Status)


class Session(Documented):
    """One timed piece of work. Rewards are null while it is pending."""

    session_id: Id
    task_template_id: Id
    task_name: str
    category: str
    room: Room
    duration_minutes: int
    status: Literal["pending", "success", "cancel", "timeout"]
    started_at: datetime
    ends_at: datetime
    completable_until: datetime
    ended_at: datetime | None
    reward_exp: int | None
    reward_gold: int | None
    dropped_item: OwnedItem | None
    drop_commitment: str
    server_time: datetime


class FinishedSession(Session):
    """A session that is over, with where its rewards come from.

    `receipt`: null after cancel and timeout; of a success only where its rules cannot be
    looked up any more.
    """

    receipt: Receipt | None


class DropProof(Documented):
    """What anyone needs to check that the drop was decided at the start."""

    seed: str
    commitment: str
    roll: int
    chance: int
    dropped: bool
    rules_version: str


class Completion(Documented):
    """What a completed session brought.

    `settled: false`: the reward is safe, but the town or the drop is still on its
    way; what is not known is then null.
    """

    success: Literal[True]
    exp_reward: int
    gold_reward: int
    dropped_item: OwnedItem | None
    hero: Hero
    worldState: World | None  # noqa: N815  # the one name that the API's first clients fixed
    world_state: World | None
    levels_gained: int
    rooms_upgraded: list[Literal["study", "build", "training", "plaza"]]
    settled: bool
    drop_proof: DropProof


class Start(Strict):
    """What to start, and for how long; by default as long as the task says."""

    task_template_id: Id
    duration_minutes: Minutes = absent()


class Chosen(Strict):
    """Which session is meant."""

    session_id: Id


class History(Paged):
    """Which finished sessions to list; `from` and `to` are local dates, inclusive."""

    status: Literal["success", "cancel", "timeout"] = absent()
    room: Room = absent()
    first: Annotated[QueryDate, Field(alias="from")] = absent()
    last: Annotated[QueryDate, Field(alias="to")] = absent()


def session_json(session: pb.Session) -> dict[str, Any]:
    """`Session` of the contract."""
    has = session.HasField
    return {
        "session_id": session.session_id,
        "task_template_id": session.task_template_id,
        "task_name": session.task_name,
        "category": session.category,
        "room": ROOMS.word(session.room),
        "duration_minutes": session.duration_minutes,
        "status": STATUSES.word(session.status),
        "started_at": instant(session.started_at),
        "ends_at": instant(session.ends_at),
        "completable_until": instant(session.completable_until),
        "ended_at": instant(session.ended_at) if has("ended_at") else None,
        "reward_exp": session.reward_exp if has("reward_exp") else None,
        "reward_gold": session.reward_gold if has("reward_gold") else None,
        "dropped_item": owned_item_json(session.dropped_item) if has("dropped_item") else None,
        "drop_commitment": session.drop_commitment.hex(),
        "server_time": instant(session.server_time),
    }


def finished_json(session: pb.Session) -> dict[str, Any]:
    """`FinishedSession` of the contract."""
    receipt = receipt_json(session.receipt) if session.HasField("receipt") else None
    return session_json(session) | {"receipt": receipt}


def completion_json(completion: pb.Completion) -> dict[str, Any]:
    """`Completion` of the contract."""
    session = completion.session
    world = completion.world if completion.HasField("world") else None
    wardrobe = completion.wardrobe if completion.HasField("wardrobe") else None
    world_state = world and world_json(world)
    has_drop = session.HasField("dropped_item")
    return {
        "success": True,
        "exp_reward": session.reward_exp,
        "gold_reward": session.reward_gold,
        "dropped_item": owned_item_json(session.dropped_item) if has_drop else None,
        "hero": hero_json(completion.hero, wardrobe, world),
        "worldState": world_state,
        "world_state": world_state,
        "levels_gained": completion.levels_gained,
        "rooms_upgraded": [WORLD_ROOMS.word(room) for room in completion.rooms_upgraded],
        "settled": completion.settled and world is not None and wardrobe is not None,
        "drop_proof": _proof_json(completion.drop_proof),
    }


def _proof_json(proof: pb.DropProof) -> dict[str, Any]:
    return {
        "seed": proof.seed.hex(),
        "commitment": proof.commitment.hex(),
        "roll": proof.roll,
        "chance": proof.chance,
        "dropped": proof.dropped,
        "rules_version": proof.rules_version,
    }


async def start_session(request: Request) -> Response:
    """Starts a session; a player has at most one under way."""
    player = await sent_by(request)
    wish = await read(request, Start)
    asked = pb.Start(
        user_id=player.id,
        task_template_id=wish.task_template_id,
        duration_minutes=wish.duration_minutes,
        once=once(request, wish),
    )
    result = await town_of(request).hot.start.ask(player.id, asked)
    headers = replay_headers(result)
    if result.WhichOneof("outcome") == "already_active":
        active = session_json(result.already_active)
        raise Problem(code="SESSION_ALREADY_ACTIVE", headers=headers, active_session=active)
    return json_answer(session_json(result.started), 201, headers)


async def read_active_session(request: Request) -> Response:
    """The session under way, or 204: any device can resume or end it."""
    player = await asked_by(request)
    session = town_of(request).services.session
    asked = pb.GetActiveSessionRequest(user_id=player.id)
    answer = await session.call(session.methods.GetActiveSession, asked)
    if not answer.HasField("session"):
        return Response(status_code=204)
    return json_answer(session_json(answer.session))


async def complete_session(request: Request) -> Response:
    """Completes a session and pays it, once, however often it is asked.

    A repetition carries `Idempotency-Replayed: true`: the reward is the same for
    ever, hero and town are as they are now.
    """
    player = await sent_by(request)
    chosen = await read(request, Chosen)
    asked = pb.Complete(user_id=player.id, session_id=chosen.session_id)
    done = await town_of(request).hot.complete.ask(player.id, asked)
    return json_answer(completion_json(done), headers=replay_headers(done))


async def cancel_session(request: Request) -> Response:
    """Gives the session up. Safe to repeat."""
    player = await sent_by(request)
    chosen = await read(request, Chosen)
    session = town_of(request).services.session
    asked = pb.CancelSessionRequest(user_id=player.id, session_id=chosen.session_id)
    answer = await session.call(session.methods.CancelSession, asked)
    return json_answer(session_json(answer.session))


async def list_history(request: Request) -> Response:
    """Finished sessions, newest first.

    `from` and `to` are the player's local dates of `ends_at`, in the zone in force
    then. The next page is in the `Link` header, with the same filters.
    """
    town, player = town_of(request), player_of(request)
    await no_body(request)
    wish = query(request, History)
    require_in_order(wish.first, wish.last)
    session = town.services.session
    asked = await _asked_for(town, player, wish)
    page = await session.call(session.methods.ListSessions, asked)
    headers = next_page(request, wish, page.next_before)
    return json_answer([finished_json(found) for found in page.sessions], headers=headers)


async def _asked_for(town: Town, player: Player, wish: History) -> pb.ListSessionsRequest:
    asked = pb.ListSessionsRequest(user_id=player.id, limit=wish.limit, before=wish.before)
    if wish.status:
        asked.status = STATUSES.value(wish.status)
    if wish.room:
        asked.room = ROOMS.value(wish.room)
    if wish.first or wish.last:
        _, zones = await zones_of(town, player)
        for span in lived(wish.first, wish.last, zones):
            asked.stretches.add(begins_at=wire(span.begins_at), ends_at=wire(span.ends_at))
    return asked


_AFTERWARDS = ["NOT_FOUND", "SESSION_TIMED_OUT"]
ROUTES = [
    route(
        "POST /api/session/complete",
        complete_session,
        is_hot=True,
        answer=Completion,
        takes=Takes(body=Chosen),
        codes=[*_AFTERWARDS, "SESSION_TOO_EARLY", "SESSION_CANCELLED"],
    ),
    route(
        "POST /api/session/start",
        start_session,
        is_hot=True,
        answer=Session,
        status=201,
        takes=Takes(body=Start, once=True),
        codes=["NOT_FOUND", "SESSION_ALREADY_ACTIVE"],
    ),
    route(
        "GET /api/session/active",
        read_active_session,
        answer=Session,
        also={204: {"description": "No session is under way."}},
    ),
    route(
        "POST /api/session/cancel",
        cancel_session,
        answer=Session,
        takes=Takes(body=Chosen),
        codes=[*_AFTERWARDS, "SESSION_ALREADY_COMPLETED"],
    ),
    route(
        "GET /api/session/history",
        list_history,
        answer=list[FinishedSession],
        takes=Takes(query=History),
    ),
]
