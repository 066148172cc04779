"""What operators do to the catalogue: lock it, decide, save, each with its entry in the trail.

What an operator has made or changed is the operator's: no later version of the shipped
catalogue changes it back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.inventory import catalogue_store
from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_store import ItemRow
from services.inventory.failures import ItemUnknown, SpriteKeyTaken
from services.inventory.rules import display_order
from services.inventory.tables import trail
from services.kit.audit import NOBODY, Act, Changes, Warrant, differences
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.ids import uuid7

_FIELDS = ("name", "rarity", "sprite_key", "retired_at")


@dataclass(frozen=True, slots=True)
class New:
    """An item to add."""

    name: str
    type: str
    rarity: str
    sprite_key: str


class Edits:
    """Changes the catalogue. This process sees a change at once, the others within about 1 s.

    Every method raises Unavailable.
    """

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    def listed(self) -> list[ItemRow]:
        """The whole catalogue as it is now, retired items too, in the order of display."""
        with self._database.read() as connection:
            rows = catalogue_store.read_items(connection)
        return sorted(rows, key=lambda row: display_order(row.item))

    def created(self, wish: New, warrant: Warrant) -> tuple[ItemRow, bool]:
        """The item, and whether it is new: the very same may be there. Raises SpriteKeyTaken."""

        def work(connection: Connection) -> tuple[ItemRow, bool]:
            for row in catalogue_store.lock_items(connection).values():
                if row.sprite_key == wish.sprite_key:
                    return _the_same(row, wish), False
            return _created(connection, wish, warrant), True

        outcome = self._database.transact(work)
        self._catalogue.refreshed()
        return outcome

    def changed(
        self, item_id: str, given: Mapping[str, Any], warrant: Warrant, *, retired: bool | None
    ) -> ItemRow:
        """The item with the fields that are given; None neither retires it nor brings it back.

        Untouched when nothing differs. Raises ItemUnknown, SpriteKeyTaken.
        """

        def work(connection: Connection) -> ItemRow:
            items = catalogue_store.lock_items(connection)
            now = database_now(connection)
            row = items.pop(item_id, None)
            if row is None:
                raise ItemUnknown
            wanted = _retired(row._replace(**given), retired=retired, now=now)
            _require_free(wanted.sprite_key, items.values())
            return _changed(connection, row, wanted, warrant, now=now)

        outcome = self._database.transact(work)
        self._catalogue.refreshed()
        return outcome


def _the_same(row: ItemRow, wish: New) -> ItemRow:
    if (row.name, row.type, row.rarity, row.retired_at) != (
        wish.name,
        wish.type,
        wish.rarity,
        None,
    ):
        raise SpriteKeyTaken
    return row


def _require_free(sprite_key: str, others: Iterable[ItemRow]) -> None:
    if any(other.sprite_key == sprite_key for other in others):
        raise SpriteKeyTaken


def _created(connection: Connection, wish: New, warrant: Warrant) -> ItemRow:
    now = database_now(connection)
    row = ItemRow(uuid7(now), wish.name, wish.type, wish.rarity, wish.sprite_key, edited_at=now)
    catalogue_store.save_item(connection, row)
    fields = ("name", "type", "rarity", "sprite_key")
    changes: Changes = {field: [None, getattr(row, field)] for field in fields}
    trail.add(connection, warrant, Act("item.create", NOBODY, row.id, changes), now=now)
    return row


def _retired(row: ItemRow, *, retired: bool | None, now: datetime) -> ItemRow:
    if retired is None or retired == (row.retired_at is not None):
        return row
    return row._replace(retired_at=now if retired else None)


def _changed(
    connection: Connection, row: ItemRow, wanted: ItemRow, warrant: Warrant, *, now: datetime
) -> ItemRow:
    changes = differences(row, wanted, _FIELDS)
    if not changes:
        return row
    wanted = wanted._replace(edited_at=now)
    catalogue_store.save_item(connection, wanted)
    trail.add(connection, warrant, Act("item.update", NOBODY, row.id, changes), now=now)
    return wanted
