"""Giving the drops that the session service has decided, each exactly once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.inventory import store
from services.inventory.failures import LuckMalformed
from services.inventory.rules import LUCK_BYTES, Item, RarityWeights, dropped, players_now
from services.inventory.store import DropKey, Grant, NewGrant, WardrobeRow
from services.kit.database import Connection
from services.kit.failpoints import reach
from services.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class DropTable:
    """What can drop, and how often, by one version of the rules."""

    items: Sequence[Item]
    weights: RarityWeights
    rules_version: str


class Drop(NamedTuple):
    """A session that drops, the luck that chooses the item, and what there is to choose from."""

    key: DropKey
    luck: bytes
    table: DropTable


def give(
    connection: Connection,
    wardrobes: Mapping[str, WardrobeRow],
    drops: Sequence[Drop],
    *,
    is_sandbox: bool,
    now: datetime,
) -> list[Grant | LuckMalformed]:
    """What each drop gave, in the order of `drops`; `wardrobes` are locked.

    A session that was told before, or twice in one batch, gets the same grant
    again.
    """
    told = store.read_grants(connection, list({drop.key for drop in drops}))
    fresh = {d.key: d for d in drops if d.key not in told and len(d.luck) == LUCK_BYTES}
    if fresh:
        held = store.read_held(connection, wardrobes)
        nows = {
            user: players_now(now, row.clock_offset_seconds, is_sandbox=is_sandbox)
            for user, row in wardrobes.items()
        }
        grants = _decide(fresh.values(), held, nows)
        store.give(connection, [NewGrant(*grant, uuid7(grant.obtained_at)) for grant in grants])
        reach("inventory.drop.before_commit")
        told |= {grant.key: grant for grant in grants}
    return [told.get(drop.key) or LuckMalformed() for drop in drops]


def _decide(
    drops: Iterable[Drop],
    held: Mapping[str, set[str]],
    nows: Mapping[str, datetime],
) -> list[Grant]:
    """One by one, because each item that a player gets is one less for the next drop."""
    grants = []
    for (user, session_id), luck, table in drops:
        item = dropped(luck, table.items, owned=held[user], weights=table.weights)
        item_id = item.id if item else None
        grants.append(Grant(user, session_id, item_id, nows[user], table.rules_version))
        if item:
            held[user].add(item.id)
    return grants
