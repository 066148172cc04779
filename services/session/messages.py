"""Rows of the session service as messages of its contract."""

from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from protos.inventory.v1 import inventory_pb2
from protos.session.v1 import session_pb2 as pb
from services.kit.enums import Words
from services.kit.times import wire
from services.session import rules
from services.session.player_store import HeroRow, TaskRow
from services.session.rules import Rules
from services.session.store import SessionRow

ROOMS = Words[pb.Room.ValueType](pb.Room)
STATUSES = Words[pb.Status.ValueType](pb.Status)


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


def session_message(
    row: SessionRow, numbers: Rules, *, now: datetime, item: dict[str, Any] | None = None
) -> pb.Session:
    """A session, read at the player's `now`; its seed stays here.

    `item` is what it dropped where that is known before it is stored.
    """
    dropped_item = item or row.dropped_item
    return pb.Session(
        session_id=row.id,
        task_template_id=row.task_template_id,
        task_name=row.task_name,
        category=row.category,
        room=ROOMS.value(row.room),
        duration_minutes=row.duration_minutes,
        status=STATUSES.value(row.status),
        started_at=wire(row.started_at),
        ends_at=wire(row.ends_at),
        completable_until=wire(rules.completable_until(row.ends_at, numbers)),
        ended_at=wire(row.ended_at),
        reward_exp=row.reward_exp,
        reward_gold=row.reward_gold,
        dropped_item=item_message(dropped_item) if dropped_item else None,
        drop_commitment=rules.commitment(row.seed),
        server_time=wire(now),
    )


def proof_message(row: SessionRow) -> pb.DropProof:
    """The proof of a paid session's drop; it reveals the seed."""
    return pb.DropProof(
        seed=row.seed,
        commitment=rules.commitment(row.seed),
        roll=rules.luck(row.seed, row.id).roll,
        chance=row.drop_chance or 0,
        dropped=bool(row.dropped),
        rules_version=row.rules_version or "",
    )


def item_message(stored: dict[str, Any]) -> inventory_pb2.OwnedItem:
    """An item as it was given, from what a session keeps of it."""
    return ParseDict(stored, inventory_pb2.OwnedItem(), ignore_unknown_fields=True)


def item_stored(message: inventory_pb2.OwnedItem) -> dict[str, Any]:
    """What a session keeps of the item that it dropped: the message as JSON."""
    return MessageToDict(message, preserving_proto_field_name=True)
