"""The catalogue: what the town ships with, stored at start, kept in memory.

It is small and seldom changes, so every call uses the copy in memory instead of
joining the table.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from services.inventory import catalogue_store
from services.inventory.catalogue_file import BadCatalogue
from services.inventory.catalogue_store import ItemRow
from services.inventory.rules import Item, display_order
from services.kit.database import Connection, Database
from services.kit.errors import Unavailable

# An item that another process retires can be obtained from this one for so long, should
# `follow` not get through; else for as long as between two sweeps, 1 s.
FRESH_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The catalogue at one instant: every item by its id, and what can be obtained, in order."""

    read_at: float
    items: Mapping[str, Item]
    obtainable: tuple[Item, ...]


class Catalogue:
    """The items of the town, as the database knows them.

    Whoever asks first stores the shipped items. Every method raises Unavailable
    when the database is needed and away.
    """

    def __init__(
        self,
        database: Database,
        shipped: Sequence[Item],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._shipped = shipped
        self._clock = clock
        self._snapshot: Snapshot | None = None

    def current(self) -> Snapshot:
        """The catalogue: about 1 s old, and at most 30 s."""
        snapshot = self._snapshot
        if snapshot is None or self._clock() - snapshot.read_at > FRESH_S:
            return self.refreshed()
        return snapshot

    def with_items(self, ids: Iterable[str]) -> Snapshot:
        """The catalogue with these items in it, where the town has them.

        An id that is not known here was perhaps added by another process since.
        """
        snapshot = self.current()
        if all(item_id in snapshot.items for item_id in ids):
            return snapshot
        return self.refreshed()

    def item(self, item_id: str) -> Item | None:
        """The item, retired or not; None when the town has no such item."""
        return self.with_items([item_id]).items.get(item_id)

    def follow(self) -> bool:
        """Learns what other processes changed: a step of a Sweeper, so that no call waits for it."""
        self.refreshed()
        return False

    def is_known(self) -> bool:
        """Whether the catalogue is stored and in memory; tries now, if it is not."""
        try:
            self.current()
        except Unavailable:
            return False
        return True

    def refreshed(self) -> Snapshot:
        """The catalogue as it is now.

        Threads that come at once all read: that is harmless, and costs less than a lock.
        """
        read_at = self._clock()
        if self._snapshot is None:
            rows = self._database.transact(self._stored)
            log.info("catalogue_stored", shipped=len(self._shipped), items=len(rows))
        else:
            with self._database.read() as connection:
                rows = catalogue_store.read_items(connection)
        self._snapshot = snapshot = _snapshot(read_at, rows)
        return snapshot

    def _stored(self, connection: Connection) -> list[ItemRow]:
        catalogue_store.store_items(connection, self._shipped)
        rows = catalogue_store.read_items(connection)
        types = {row.id: row.type for row in rows}
        for item in self._shipped:
            if item.id not in types:
                log.error("shipped_item_left_out", item=item.id, taken=item.sprite_key)
            elif types[item.id] != item.type:
                message = f"{item.name} ({item.id}) is already stored as {types[item.id]}"
                raise BadCatalogue(message)
        return rows


def _snapshot(read_at: float, rows: Sequence[ItemRow]) -> Snapshot:
    obtainable = (row.item for row in rows if row.retired_at is None)
    return Snapshot(
        read_at=read_at,
        items={row.id: row.item for row in rows},
        obtainable=tuple(sorted(obtainable, key=display_order)),
    )
