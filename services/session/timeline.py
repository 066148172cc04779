"""What the session service tells of a player's timeline: see kit/timeline.py."""

from typing import Any

from sqlalchemy import ColumnElement, literal_column

from protos.timeline.v1 import timeline_pb2 as pb
from services.kit.timeline import Source, changes_of
from services.session.tables import SUCCESS, TIMEOUT, hero_grant, purchase, session, trail

_CANCEL = literal_column("'cancel'::session_status", session.c.status.type)


def _ended(
    kind: pb.Kind.ValueType, status: ColumnElement[Any], **told: ColumnElement[Any]
) -> Source:
    row = session.c
    return Source(
        kind,
        player=row.user_id,
        at=row.ended_at,
        of=row.id,
        where=[row.status == status],
        **told,
    )


def _purchase(kind: pb.Kind.ValueType, at: ColumnElement[Any]) -> Source:
    row = purchase.c
    return Source(
        kind, player=row.user_id, at=at, of=row.id, item_id=row.item_id, gold=row.price_gold
    )


SOURCES = (
    # Nothing of the seed: while a session is pending, it foretells the drop.
    Source(
        pb.KIND_SESSION_STARTED,
        player=session.c.user_id,
        at=session.c.started_at,
        of=session.c.id,
        task_name=session.c.task_name,
        category=session.c.category,
        room=session.c.room,
        duration_minutes=session.c.duration_minutes,
    ),
    _ended(
        pb.KIND_SESSION_COMPLETED,
        SUCCESS,
        exp=session.c.reward_exp,
        gold=session.c.reward_gold,
        levels_gained=session.c.levels_gained,
        # What its receipt is made of: see receipts.py.
        duration_minutes=session.c.duration_minutes,
        started_at=session.c.started_at,
        rules_version=session.c.rules_version,
    ),
    _ended(pb.KIND_SESSION_CANCELLED, _CANCEL),
    _ended(pb.KIND_SESSION_TIMED_OUT, TIMEOUT),
    _purchase(pb.KIND_ITEM_BOUGHT, purchase.c.bought_at),
    _purchase(pb.KIND_PURCHASE_REFUNDED, purchase.c.refunded_at),
    Source(
        pb.KIND_REWARD_GRANTED,
        player=hero_grant.c.user_id,
        at=hero_grant.c.granted_at,
        of=hero_grant.c.id,
        exp=hero_grant.c.exp,
        gold=hero_grant.c.gold,
        source=hero_grant.c.source,
    ),
    changes_of(trail),
)
