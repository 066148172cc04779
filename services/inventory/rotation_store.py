"""The statements about what the shop offered when, a small table that belongs to no player.

Rows are added under a lock of the whole table, and never changed. See store.py for what
players own.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from services.inventory.events import Period
from services.inventory.tables import INSTANT, shop_rotation
from services.kit.database import Connection
from services.kit.statements import Command, Query


class Price(TypedDict):
    """An offer as it is recorded."""

    item_id: str
    price_gold: int


class RotationRow(NamedTuple):
    """What the shop offers in one period, for ever."""

    begins_at: datetime
    until: datetime
    rotation_id: str
    offers: Sequence[Price]
    rules_version: str
    recorded_at: datetime

    @property
    def period(self) -> Period:
        """For how long."""
        return Period(self.begins_at, self.until)


class _Neighbours(NamedTuple):
    """Where the records around an instant end and begin."""

    ended: datetime | None
    begins: datetime | None


_AT = bindparam("at", type_=INSTANT)
_LOCK = "LOCK TABLE shop_rotation IN SHARE ROW EXCLUSIVE MODE"
_READ = Query(
    select(*shop_rotation.c).where(shop_rotation.c.begins_at <= _AT, shop_rotation.c.until > _AT),
    RotationRow,
)
_NEIGHBOURS = Query(
    select(
        func.max(shop_rotation.c.until).filter(shop_rotation.c.until <= _AT).label("ended"),
        func.min(shop_rotation.c.begins_at).filter(shop_rotation.c.begins_at > _AT).label("begins"),
    ),
    _Neighbours,
)
_ADD = Command(
    insert(shop_rotation)
    .values({c.name: bindparam(c.name, type_=c.type) for c in shop_rotation.c})
    .on_conflict_do_nothing(index_elements=["begins_at"])
)


def lock_rotations(connection: Connection) -> None:
    """Nobody else records anything before the transaction ends; whoever reads does not wait."""
    connection.execute(_LOCK)


def read_rotation(connection: Connection, at: datetime) -> RotationRow | None:
    """What is recorded of the period in which an instant lies."""
    return _READ.one(connection, at=at)


def free_around(connection: Connection, at: datetime, period: Period) -> Period:
    """As much of a period around an instant as no record speaks of; none speaks of `at`."""
    found = _NEIGHBOURS.all(connection, at=at)[0]
    return Period(
        max(period.begins_at, found.ended or period.begins_at),
        min(period.until, found.begins or period.until),
    )


def add_rotation(connection: Connection, row: RotationRow) -> None:
    """Records a rotation under the lock."""
    _ADD.run(connection, **row._asdict() | {"offers": json.dumps(row.offers)})
