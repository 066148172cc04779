"""After a session is paid: tell world and inventory, and repeat until both know.

The session row itself is the outbox: `success` and not settled. Both services
take the session's id as the key of what they do, so telling them twice is as
good as once. Whoever completes settles at once; what could not be settled then,
the sweeper settles with the same code.

This is the protocol alone, between an outbox (outbox.py, PostgreSQL) and those
who are told (receivers.py, gRPC): the simulation runs it between others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog

from protos.inventory.v1 import inventory_pb2
from protos.world.v1 import world_pb2
from services.kit.failpoints import reach
from services.kit.shards import ShardsMixed
from services.session.marks import Marks
from services.session.messages import item_stored
from services.session.store import Key, SessionRow

# Within this the player waits for world and inventory; afterwards the answer
# says `settled: false` and the sweeper goes on.
SETTLE_S = 1.0
# The sweeper leaves a session alone for so long after it was paid: longer than
# the settling that its completion does itself.
FIRST_SWEEP = timedelta(seconds=3)
# Back-off between tries doubles up to this, so that a healed fault is settled
# well within the promised 30 s.
LONGEST_BACK_OFF_S = 16
# A receiver that was there and said no so often will not say yes by itself.
REFUSALS = 10
SWEEP_TIMEOUT_S = 5.0
BATCH = 128

log = structlog.get_logger(__name__)


# A row of an outbox: with a `key`, and the settle_ columns of tables.py.
Row = TypeVar("Row", bound=Any)


class Outbox(Protocol[Row]):
    """Rows of which others must be told. Every method raises Unavailable."""

    def due(self) -> list[list[Row]]:
        """Up to a page of rows that are due, by shard, leased: see `leased`."""

    def mark(self, done: Mapping[Key, Any]) -> set[Key]:
        """Takes rows out, each with what it brought; those that nobody had taken out before."""

    def refuse(self, rows: Sequence[Row]) -> None:
        """Counts a refusal of each leased row, unless somebody else leased it since."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a batch: which rows are settled, and which were refused."""

    settled: frozenset[Key]
    refused: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Told:
    """What the receivers said: by session what it brought, or that it was refused.

    `wardrobes` are by player, where they were asked for. What is in none of them is
    unknown: nobody answered.
    """

    credited: Mapping[Key, world_pb2.Credited]
    granted: Mapping[Key, inventory_pb2.Granted]
    refused: frozenset[Key]
    wardrobes: Mapping[str, inventory_pb2.Wardrobe] = field(default_factory=dict)


_NOTHING = Told({}, {}, frozenset())


class Receivers(Protocol):
    """World and inventory."""

    def tell(
        self, rows: Sequence[SessionRow], *, timeout_s: float, asks_wardrobes: bool = False
    ) -> Told:
        """Tells both of sessions of one shard, each keyed by the session. Never raises."""


class Settlement(NamedTuple):
    """What is known of a paid session's effects; None where world or wardrobe are unknown."""

    world: world_pb2.World | None
    wardrobe: inventory_pb2.Wardrobe | None
    rooms_upgraded: tuple[world_pb2.Room.ValueType, ...]
    item: dict[str, Any] | None
    is_settled: bool


class Settler:
    """Tells world and inventory what successful sessions bring."""

    def __init__(
        self, outbox: Outbox[SessionRow], receivers: Receivers, marks: Marks | None = None
    ) -> None:
        self._outbox = outbox
        self._receivers = receivers
        self._marks = marks or Marks(outbox)

    def settle(self, rows: Sequence[SessionRow], *, timeout_s: float) -> dict[Key, Settlement]:
        """Settles paid sessions of one shard, as far as the two services answer.

        Safe to repeat; never raises, whatever breaks on the way: the sessions are
        paid, and the sweeper goes on.
        """
        try:
            known, _ = self._settle(rows, timeout_s, asks_wardrobes=True)
        except ShardsMixed:
            raise
        except Exception:
            log.exception("settle_broke", sessions=len(rows))
            return {row.key: _settlement(row.key, row, _NOTHING) for row in rows}
        return known

    def catch_up(self, user_id: str) -> None:
        """Has stored what this process knows of a player's settled sessions. Never raises."""
        self._marks.catch_up(user_id)

    def settle_due(self) -> bool:
        """Settles a page of what was left; whether to go on at once. Raises Unavailable."""
        return settle_page(self._outbox, self._swept)

    def _swept(self, rows: Sequence[SessionRow]) -> Tried:
        known, refused = self._settle(rows, SWEEP_TIMEOUT_S, asks_wardrobes=False)
        settled = frozenset(key for key, settlement in known.items() if settlement.is_settled)
        return Tried(settled, refused)

    def _settle(
        self, rows: Sequence[SessionRow], timeout_s: float, *, asks_wardrobes: bool
    ) -> tuple[dict[Key, Settlement], frozenset[Key]]:
        reach("settle.before_tell")
        told = self._receivers.tell(rows, timeout_s=timeout_s, asks_wardrobes=asks_wardrobes)
        reach("settle.after_tell")
        known: dict[Key, Settlement] = {}
        settled: dict[Key, dict[str, Any] | None] = {}
        for row in rows:
            key = row.key
            known[key] = settlement = _settlement(key, row, told)
            if settlement.is_settled and row.settled_at is None:
                settled[key] = settlement.item
        self._marks.add(settled)
        return known, told.refused


def settle_page(outbox: Outbox[Row], settle: Callable[[Sequence[Row]], Tried]) -> bool:
    """Settles a page of what is due, batch by batch; whether to go on at once.

    Raises Unavailable.
    """
    tried, has_settled = 0, False
    for batch in outbox.due():
        reach("sweep.after_lease")
        outcome = settle(batch)
        if rows := [row for row in batch if row.key in outcome.refused]:
            outbox.refuse(rows)
        tried += len(batch)
        has_settled |= bool(outcome.settled)
    # More of what nobody answers would only wait as well.
    return has_settled and tried >= BATCH


def leased(row: Row, *, now: datetime) -> Row:
    """The row, put back in the queue before it is tried.

    A delivery that fails, or a replica that dies with it, then waits longer each
    time and never holds up the others. The number of attempts is the lease: who
    stores it finds the one before it, or somebody else was faster.
    """
    wait = timedelta(seconds=min(2**row.settle_attempts, LONGEST_BACK_OFF_S))
    lease: Row = row._replace(settle_after=now + wait, settle_attempts=row.settle_attempts + 1)
    return lease


def refused(row: Row) -> Row:
    """The leased row after one more refusal; after the tenth a dead letter, never due again."""
    after: Row = row._replace(settle_refusals=row.settle_refusals + 1)
    if after.settle_refusals >= REFUSALS:
        after = after._replace(settle_after=None)
    return after


def _settlement(key: Key, row: SessionRow, told: Told) -> Settlement:
    credit, grant = told.credited.get(key), told.granted.get(key)
    item = row.dropped_item
    if grant is not None and grant.HasField("item"):
        item = item_stored(grant.item)
    drop_is_done = not row.dropped or row.settled_at is not None or grant is not None
    return Settlement(
        world=credit.world if credit else None,
        wardrobe=told.wardrobes.get(row.user_id),
        rooms_upgraded=tuple(credit.rooms_upgraded) if credit else (),
        item=item,
        is_settled=credit is not None and drop_is_done,
    )
