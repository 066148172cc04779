"""Rows of the session service as messages of its contract."""

from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2 as pb
from services.kit.enums import Words
from services.kit.times import wire, write
from services.session import rules
from services.session.player_store import HeroRow, TaskRow
from services.session.rules import Luck, Rules
from services.session.statistics import Statistics, Sum
from services.session.store import SessionRow, Undelivered

ROOMS = Words[pb.Room.ValueType](pb.Room)
STATUSES = Words[pb.Status.ValueType](pb.Status)
DELIVERY_KINDS = Words[pb.DeliveryKind.ValueType](pb.DeliveryKind)
DELIVERY_STATES = Words[pb.DeliveryState.ValueType](pb.DeliveryState)


def task_message(row: TaskRow) -> pb.Task:
    """A task."""
    return pb.Task(
        id=row.id,
        name=row.name,
        category=row.category,
        default_duration_minutes=row.default_duration_minutes,
        room=ROOMS.value(row.room),
    )


def hero_message(row: HeroRow, numbers: Rules) -> pb.Hero:
    """A hero's growth."""
    return pb.Hero(
        id=row.id,
        user_id=row.user_id,
        level=row.level,
        exp=row.exp,
        exp_to_next=rules.exp_to_next(row.level, numbers),
        gold=row.gold,
    )


def session_message(row: SessionRow, numbers: Rules, *, now: datetime) -> pb.Session:
    """A session, read at the player's `now`; its seed stays here."""
    message = pb.Session()
    write_session(message, row, numbers, now=now)
    return message


def write_session(
    to: pb.Session,
    row: SessionRow,
    numbers: Rules,
    *,
    now: datetime,
    item: dict[str, Any] | None = None,
) -> None:
    """Writes a session into an empty message, read at the player's `now`; its seed stays here.

    `item` is what it dropped where that is known before it is stored.
    """
    to.session_id = row.id
    to.task_template_id = row.task_template_id
    to.task_name = row.task_name
    to.category = row.category
    to.room = ROOMS.value(row.room)
    to.duration_minutes = row.duration_minutes
    to.status = STATUSES.value(row.status)
    to.drop_commitment = rules.commitment(row.seed)
    write(to.started_at, row.started_at)
    write(to.ends_at, row.ends_at)
    write(to.completable_until, rules.completable_until(row.ends_at, numbers))
    write(to.server_time, now)
    if row.ended_at is not None:
        write(to.ended_at, row.ended_at)
    if row.reward_exp is not None:
        to.reward_exp = row.reward_exp
    if row.reward_gold is not None:
        to.reward_gold = row.reward_gold
    if dropped_item := item or row.dropped_item:
        to.dropped_item.CopyFrom(item_message(dropped_item))


def write_proof(to: pb.DropProof, row: SessionRow, luck: Luck) -> None:
    """Writes the proof of a paid session's drop; it reveals the seed."""
    to.seed = row.seed
    to.commitment = rules.commitment(row.seed)
    to.roll = luck.roll
    to.chance = row.drop_chance or 0
    to.dropped = bool(row.dropped)
    to.rules_version = row.rules_version or ""


def delivery_message(row: Undelivered) -> pb.Delivery:
    """Something that is paid, and not delivered yet."""
    return pb.Delivery(
        id=row.id,
        kind=DELIVERY_KINDS.value(row.kind),
        user_id=row.user_id,
        state=DELIVERY_STATES.value(row.state),
        attempts=row.attempts,
        refusals=row.refusals,
        next_try_at=wire(row.settle_after),
        since=wire(row.since),
    )


def statistics_message(found: Statistics) -> pb.GetStatisticsResponse:
    """What a player's successes come to."""
    return pb.GetStatisticsResponse(
        total=_sum(found.total),
        exp=found.exp,
        gold=found.gold,
        drops=found.drops,
        stretches=[_sum(each) for each in found.stretches],
        rooms=[pb.RoomSum(room=ROOMS.value(r), sum=_sum(each)) for r, each in found.rooms.items()],
        categories=[
            pb.CategorySum(category=name, sum=_sum(each)) for name, each in found.categories.items()
        ],
    )


def item_message(stored: dict[str, Any]) -> inventory_pb2.OwnedItem:
    """An item as it was given, from what a session keeps of it."""
    return ParseDict(stored, inventory_pb2.OwnedItem(), ignore_unknown_fields=True)


def item_stored(message: inventory_pb2.OwnedItem) -> dict[str, Any]:
    """What a session keeps of the item that it dropped: the message as JSON."""
    return MessageToDict(message, preserving_proto_field_name=True)


def _sum(found: Sum) -> pb.Sum:
    return pb.Sum(sessions=found.sessions, minutes=found.minutes)
