"""What the actors say: one message of each kind, the same to everybody."""

import uuid
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from protos.audit.v1 import audit_pb2
from protos.auth.v1 import auth_pb2
from protos.inventory.v1 import inventory_pb2
from protos.personal.v1 import personal_pb2
from protos.reward.v1 import reward_pb2
from protos.session.v1 import session_pb2
from protos.timeline.v1 import timeline_pb2
from protos.world.v1 import world_pb2
from tests.service.gateway.actor import Play

STAMP = Timestamp(seconds=1_767_225_600, nanos=250_000_000)
STAMP_JSON = "2026-01-01T00:00:00.250000Z"
# The one login of a player.
DEVICE = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1d"
# The one item of the catalogue.
HAT = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1c"


def user(user_id: str, *, is_superuser: bool = False) -> auth_pb2.User:
    return auth_pb2.User(
        id=user_id,
        email="ada@example.com",
        is_active=True,
        is_superuser=is_superuser,
        created_at=STAMP,
    )


def entry(entry_id: str, *, user_id: str | None = None) -> audit_pb2.Entry:
    return audit_pb2.Entry(
        id=entry_id,
        at=STAMP,
        actor="operator ada@town",
        action="reward.grant",
        user_id=user_id,
        target=user_id or HAT,
        reason="ticket 7",
        changes='{"gold": [5, 30]}',
    )


def trail(*entries: audit_pb2.Entry) -> Play:
    """Tells of these, as a service does: the newest, up to as many as are asked for."""
    return lambda r: audit_pb2.ListAuditResponse(
        entries=[one for one in entries if not r.before or one.id < r.before][: r.limit]
    )


def happening(
    kind: Any, *, at: Timestamp = STAMP, of: str = DEVICE, **told: Any
) -> timeline_pb2.Happening:
    return timeline_pb2.Happening(place=timeline_pb2.Place(at=at, id=of, kind=kind), **told)


def happenings(*every: timeline_pb2.Happening) -> Play:
    """Tells of these, newest first, as a service does: those before a place, up to a limit."""

    def tell(request: timeline_pb2.ListHappeningsRequest) -> timeline_pb2.ListHappeningsResponse:
        before = _place(request.before) if request.HasField("before") else None
        found = [one for one in every if before is None or _place(one.place) < before]
        return timeline_pb2.ListHappeningsResponse(happenings=found[: request.limit])

    return tell


def _place(place: timeline_pb2.Place) -> tuple[int, str, int]:
    return place.at.ToNanoseconds(), place.id, place.kind


def statistics(stretches: int) -> session_pb2.GetStatisticsResponse:
    """One session on the first of so many stretches of time."""
    one = session_pb2.Sum(sessions=1, minutes=25)
    return session_pb2.GetStatisticsResponse(
        total=one,
        exp=50,
        gold=25,
        drops=1,
        stretches=[one, *[session_pb2.Sum()] * (stretches - 1)],
        rooms=[session_pb2.RoomSum(room=session_pb2.ROOM_BUILD, sum=one)],
        categories=[session_pb2.CategorySum(category="reading", sum=one)],
    )


def hero(user_id: str) -> session_pb2.Hero:
    return session_pb2.Hero(
        id=str(uuid.uuid4()), user_id=user_id, level=2, exp=10, exp_to_next=200, gold=35
    )


def world(user_id: str) -> world_pb2.World:
    return world_pb2.World(
        id=str(uuid.uuid4()),
        user_id=user_id,
        study_room_level=1,
        build_room_level=1,
        training_room_level=1,
        plaza_level=1,
        total_sessions_success=3,
        day_streak=2,
        longest_streak=4,
        last_session_date="2026-01-01",
        timezone="Asia/Tokyo",
        next_upgrade=world_pb2.NextUpgrade(room=world_pb2.ROOM_STUDY, level=2, sessions_left=2),
    )


def explained_streak(user_id: str) -> world_pb2.ExplainStreakResponse:
    """An earned date, and one that is not over yet."""
    earned = world_pb2.StreakDate(
        date="2026-01-01",
        kind=world_pb2.DATE_KIND_EARNED,
        timezone="Asia/Tokyo",
        day_streak=2,
        session_id=HAT,
        ends_at=STAMP,
        sessions=1,
        why="A session ended on this date. The streak grew to 2.",
    )
    still_open = world_pb2.StreakDate(
        date="2026-01-02", kind=world_pb2.DATE_KIND_OPEN, timezone="Asia/Tokyo", day_streak=2
    )
    return world_pb2.ExplainStreakResponse(
        world=world(user_id), today="2026-01-02", why="It is 2.", dates=[earned, still_open]
    )


def task() -> session_pb2.Task:
    return session_pb2.Task(
        id=str(uuid.uuid4()),
        name="Deep reading",
        category="study",
        default_duration_minutes=25,
        room=session_pb2.ROOM_STUDY,
    )


def session(status: Any = session_pb2.STATUS_PENDING) -> session_pb2.Session:
    found = session_pb2.Session(
        session_id=str(uuid.uuid4()),
        task_template_id=str(uuid.uuid4()),
        task_name="Deep reading",
        category="study",
        room=session_pb2.ROOM_STUDY,
        duration_minutes=25,
        status=status,
        started_at=STAMP,
        ends_at=STAMP,
        completable_until=STAMP,
        drop_commitment=b"\x01" * 32,
        server_time=STAMP,
    )
    if status != session_pb2.STATUS_PENDING:
        found.ended_at.CopyFrom(STAMP)
        found.reward_exp, found.reward_gold = 50, 25
    return found


def receipt() -> reward_pb2.Receipt:
    """Of a session of 25 minutes, at half as much exp again."""
    return reward_pb2.Receipt(
        base_exp=50, exp_percent=150, base_gold=25, gold_percent=100, event_id="fair",
        rules_version="v",
    )  # fmt: skip


RECEIPT_JSON = {
    "exp": {"base": 50, "multiplier": 1.5},
    "gold": {"base": 25, "multiplier": 1},
    "event_id": "fair",
    "rules_version": "v",
}


def finished(status: Any) -> session_pb2.Session:
    """A session of the history: a success has a receipt."""
    found = session(status)
    if status == session_pb2.STATUS_SUCCESS:
        found.receipt.CopyFrom(receipt())
    return found


def owned_item() -> inventory_pb2.OwnedItem:
    return inventory_pb2.OwnedItem(item=item(), obtained_at=STAMP, source=inventory_pb2.SOURCE_DROP)


def wardrobe(user_id: str) -> inventory_pb2.Wardrobe:
    return inventory_pb2.Wardrobe(user_id=user_id, equipped_hat_id=str(uuid.uuid4()))


def item() -> inventory_pb2.Item:
    return inventory_pb2.Item(
        id=HAT,
        name="Straw Hat",
        type=inventory_pb2.ITEM_TYPE_HAT,
        rarity=inventory_pb2.RARITY_COMMON,
        sprite_key="hat_straw",
    )


def event() -> inventory_pb2.Event:
    return inventory_pb2.Event(
        event_id="summer-fair",
        name="Summer Fair",
        starts_at=STAMP,
        ends_at=STAMP,
        running=True,
        exp_percent=150,
        gold_percent=100,
        items=[item()],
    )


def stocked_item() -> inventory_pb2.StockedItem:
    return inventory_pb2.StockedItem(item=item(), edited=True)


def delivery(delivery_id: str) -> session_pb2.Delivery:
    return session_pb2.Delivery(
        id=delivery_id,
        kind=session_pb2.DELIVERY_KIND_PURCHASE,
        user_id=HAT,
        state=session_pb2.DELIVERY_STATE_DEAD,
        attempts=12,
        refusals=10,
        since=STAMP,
    )


def completion(user_id: str) -> session_pb2.Completion:
    found = session(session_pb2.STATUS_SUCCESS)
    found.dropped_item.CopyFrom(owned_item())
    return session_pb2.Completion(
        session=found,
        hero=hero(user_id),
        world=world(user_id),
        levels_gained=1,
        rooms_upgraded=[world_pb2.ROOM_PLAZA],
        settled=True,
        wardrobe=wardrobe(user_id),
        drop_proof=session_pb2.DropProof(
            seed=b"\x02" * 32,
            commitment=b"\x01" * 32,
            roll=7,
            chance=1000,
            dropped=True,
            rules_version="v",
        ),
    )


def exported(table: str, *chunks: str) -> list[personal_pb2.ExportUserResponse]:
    """A table's rows, in so many chunks."""
    return [personal_pb2.ExportUserResponse(table=table, rows_json=rows) for rows in chunks]
