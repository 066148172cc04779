"""Giving the drops that the session service has decided, each exactly once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.inventory import store
from services.inventory.failures import LuckMalformed
from services.inventory.rules import LUCK_BYTES, Item, RarityWeights, dropped, players_now
from services.inventory.store import Acquisition, DropKey, Grant, WardrobeRow
from services.kit.clock import database_now
from services.kit.database import Connection
from services.kit.failpoints import reach
from services.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class Drop:
    """A session that drops, and the luck that chooses the item."""

    user_id: str
    session_id: str
    luck: bytes

    @property
    def key(self) -> DropKey:
        """What it is given once for."""
        return DropKey(self.user_id, self.session_id)


@dataclass(frozen=True, slots=True)
class DropTable:
    """What can drop, and how often; the sandbox lets players' clocks run ahead."""

    items: Sequence[Item]
    weights: RarityWeights
    is_sandbox: bool


def give(
    connection: Connection, drops: Sequence[Drop], table: DropTable
) -> list[Grant | LuckMalformed]:
    """What each drop gave, in the order of `drops`; within a transaction.

    A session that was told before, or twice in one batch, gets the same grant
    again.
    """
    wardrobes = store.lock_wardrobes(connection, [drop.user_id for drop in drops])
    keys = list(dict.fromkeys(drop.key for drop in drops))
    told = {DropKey(g.user_id, g.session_id): g for g in store.read_grants(connection, keys)}
    fresh = {d.key: d for d in drops if d.key not in told and len(d.luck) == LUCK_BYTES}
    if fresh:
        grants = _decide(connection, list(fresh.values()), table, wardrobes)
        _save(connection, grants)
        reach("inventory.drop.before_commit")
        told |= {DropKey(g.user_id, g.session_id): g for g in grants}
    return [told.get(drop.key) or LuckMalformed() for drop in drops]


def _decide(
    connection: Connection,
    drops: Sequence[Drop],
    table: DropTable,
    wardrobes: Mapping[str, WardrobeRow],
) -> list[Grant]:
    """One by one, because each item that a player gets is one less for the next drop."""
    held = store.read_held(connection, wardrobes)
    now = database_now(connection)
    grants = []
    for drop in drops:
        mine = held[drop.user_id]
        item = dropped(drop.luck, table.items, owned=mine, weights=table.weights)
        offset = wardrobes[drop.user_id].clock_offset_seconds
        at = players_now(now, offset, is_sandbox=table.is_sandbox)
        grants.append(Grant(drop.user_id, drop.session_id, item.id if item else None, at))
        mine.update([item.id] if item else [])
    return grants


def _save(connection: Connection, grants: Sequence[Grant]) -> None:
    acquired = [
        Acquisition(g.user_id, g.item_id, uuid7(g.obtained_at), g.obtained_at, "drop", g.session_id)
        for g in grants
        if g.item_id
    ]
    store.acquire(connection, acquired)
    store.add_grants(connection, grants)
