"""The statements about the catalogue, a small table that belongs to no player.

It is changed under a lock of the whole table. See store.py for what players own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, exists, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from services.inventory.rules import Item
from services.inventory.tables import item
from services.kit.database import Connection
from services.kit.statements import Command, Query, given


class ItemRow(NamedTuple):
    """An item of the catalogue.

    `retired_at` is None while it can be obtained, `edited_at` while it is as shipped.
    """

    id: str
    name: str
    type: str
    rarity: str
    sprite_key: str
    retired_at: datetime | None = None
    edited_at: datetime | None = None

    @property
    def item(self) -> Item:
        """What players see of it."""
        return Item(self.id, self.name, self.type, self.rarity, self.sprite_key)


# Two services that start at once would insert the same rows, and ON CONFLICT
# waits for one of the two unique keys only. Players' rows refer to items
# meanwhile without any wait.
_LOCK_ITEMS = "LOCK TABLE item IN SHARE ROW EXCLUSIVE MODE"
_ITEM = [item.c[name] for name in ItemRow._fields]
_READ_ITEMS = Query(select(*_ITEM).order_by(item.c.id), ItemRow)
# Never the type, which says where the item is worn, nor whether it is retired.
_CHANGING = ("name", "rarity", "sprite_key")
_SHIPPED = [item.c[name] for name in ("id", "name", "type", "rarity", "sprite_key")]
_shipped = given(*_SHIPPED)
_other = item.alias("other")
# What an operator gave the same sprite key stands; the shipped item has to wait.
_has_taken_key = exists().where(
    _other.c.sprite_key == _shipped.c.sprite_key,
    _other.c.id != _shipped.c.id,
    _other.c.edited_at.is_not(None),
)
_insert_items = upsert(item).from_select(
    [c.name for c in _SHIPPED], select(_shipped).where(~_has_taken_key).order_by(_shipped.c.id)
)
_STORE_ITEMS = Command(
    _insert_items.on_conflict_do_update(
        index_elements=["id"],
        set_={name: _insert_items.excluded[name] for name in _CHANGING},
        where=and_(
            item.c.edited_at.is_(None),
            tuple_(*(item.c[name] for name in _CHANGING)).is_distinct_from(
                tuple_(*(_insert_items.excluded[name] for name in _CHANGING))
            ),
        ),
    )
)
_edited = given(*_ITEM)
_insert_edited = upsert(item).from_select([c.name for c in _ITEM], select(_edited))
_SAVE_ITEM = Command(
    _insert_edited.on_conflict_do_update(
        index_elements=["id"],
        set_={
            name: _insert_edited.excluded[name] for name in (*_CHANGING, "retired_at", "edited_at")
        },
    )
)


def store_items(connection: Connection, items: Sequence[Item]) -> None:
    """Adds the items that are new and changes those that differ, but for their type.

    Takes nothing away, and leaves alone what an operator edited. Safe to repeat, and
    for several processes at once.
    """
    connection.execute(_LOCK_ITEMS)
    _STORE_ITEMS.run(connection, rows=items)


def read_items(connection: Connection) -> list[ItemRow]:
    """The whole catalogue, retired items too."""
    return _READ_ITEMS.all(connection)


def lock_items(connection: Connection) -> dict[str, ItemRow]:
    """The whole catalogue, which nobody else changes before the transaction ends."""
    connection.execute(_LOCK_ITEMS)
    return {row.id: row for row in read_items(connection)}


def save_item(connection: Connection, row: ItemRow) -> None:
    """Stores an item of the locked catalogue, new or changed; its type only once."""
    _SAVE_ITEM.run(connection, rows=[row])
