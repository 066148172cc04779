"""After a session is paid: tell world and inventory, and repeat until both know.

The session row itself is the outbox: `success` and not settled. Both services
take the session's id as the key of what they do, so telling them twice is as
good as once. Whoever completes settles at once; what could not be settled then,
the sweeper settles with the same code.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.client import Client, finish
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Failure, Refused
from services.kit.shards import shard_of
from services.kit.times import wire
from services.session import rules, store
from services.session.messages import item_stored
from services.session.rules import Rules
from services.session.store import Key, Mark, SessionRow

# Within this the player waits for world and inventory; afterwards the answer
# says `settled: false` and the sweeper goes on.
SETTLE_S = 1.0
# The sweeper leaves a session alone for so long after it was paid: longer than
# the settling that its completion does itself.
FIRST_SWEEP = timedelta(seconds=3)
# Back-off between tries doubles up to this, so that a healed fault is settled
# well within the promised 30 s.
LONGEST_BACK_OFF_S = 16
SWEEP_EVERY_S = 1.0
SWEEP_TIMEOUT_S = 5.0
BATCH = 128
# Pages in one sweep: 5,120 sessions, so that a backlog is gone soon after a fault heals.
PAGES = 40

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is known of a paid session's effects; `world` is None where unknown."""

    world: world_pb2.World | None
    rooms_upgraded: tuple[world_pb2.Room.ValueType, ...]
    item: dict[str, Any] | None
    is_settled: bool


class Settler:
    """Tells world and inventory what successful sessions bring."""

    def __init__(self, database: Database, inventory: Client, world: Client) -> None:
        self._database = database
        self._inventory = inventory
        self._world = world
        self._drops = inventory_pb2_grpc.InventoryServiceStub(inventory.channel)
        self._credits = world_pb2_grpc.WorldServiceStub(world.channel)

    def settle(self, rows: Sequence[SessionRow], *, timeout_s: float) -> dict[Key, Settlement]:
        """Settles paid sessions of one shard, as far as the two services answer.

        Both are told at once, with the whole batch each. Safe to repeat; never
        raises for a service that is away or for one item that it refuses.
        """
        dropping = [row for row in rows if row.dropped and row.settled_at is None]
        credits_call = self._world.begin(
            self._credits.BatchCreditSessions, _credits(rows), timeout_s=timeout_s
        )
        drops_call = dropping and self._inventory.begin(
            self._drops.BatchGrantDrops, _drops(dropping), timeout_s=timeout_s
        )
        credited = _succeeded(credits_call, rows, "credited")
        granted = _succeeded(drops_call, dropping, "granted") if drops_call else {}
        known = {_key(row): _settlement(row, credited, granted) for row in rows}
        self._mark([row for row in rows if row.settled_at is None], known)
        return known

    def _mark(self, rows: Sequence[SessionRow], known: dict[Key, Settlement]) -> None:
        settled = [row for row in rows if known[_key(row)].is_settled]
        if not settled:
            return
        marks = [Mark.of(row, known[_key(row)].item) for row in settled]
        try:
            with self._database.read() as connection:
                store.mark_settled(connection, marks)
        except Failure as failure:
            # Nothing is lost: the sweeper repeats what was done, and marks it then.
            log.warning("mark_postponed", sessions=len(settled), reason=failure.reason)


class Sweeper:
    """Settles what was left, and times out what nobody completed.

    Any number of replicas may sweep at once: every step is safe to repeat.
    """

    def __init__(self, database: Database, settler: Settler, numbers: Rules) -> None:
        self._database = database
        self._settler = settler
        self._rules = numbers

    def run(self, stopping: threading.Event) -> None:
        """Sweeps about every second until `stopping` is set."""
        while not stopping.wait(SWEEP_EVERY_S):
            try:
                self.sweep()
            except Failure as failure:
                log.warning("sweep_postponed", reason=failure.reason)
            except Exception:
                # A bug must not end the sweeping: it would strand every player.
                log.exception("sweep_broke")

    def sweep(self) -> None:
        """Settles what is due, page by page while that goes well; then times out a page.

        Raises Unavailable.
        """
        for _ in range(PAGES):
            if not self._settled_a_full_page():
                break
        self._time_out()

    def _settled_a_full_page(self) -> bool:
        """Whether a page was full, so that more is due, and anything of it could be settled."""
        tried = 0
        settled = False
        for batch in self._due():
            known = self._settler.settle(batch, timeout_s=SWEEP_TIMEOUT_S)
            tried += len(batch)
            settled |= any(settlement.is_settled for settlement in known.values())
        return settled and tried >= BATCH

    def _due(self) -> list[list[SessionRow]]:
        """Due sessions by shard, put back in the queue before they are tried.

        A delivery that fails, or a replica that dies with it, then waits longer
        each time and never holds up the others.
        """
        with self._database.read() as connection:
            now = database_now(connection)
            due = store.unsettled(connection, now=now, limit=BATCH)
            batches = _by_shard(due)
        for batch in batches:
            later = [_postponed(row, now=now) for row in batch]
            with self._database.read() as connection:
                store.postpone(connection, later)
        return batches

    def _time_out(self) -> None:
        with self._database.read() as connection:
            now = database_now(connection)
            window = timedelta(hours=self._rules.completable_hours)
            overdue = store.overdue(connection, ended=now - window, limit=BATCH)
        for batch in _by_shard(overdue):
            self._database.transact(partial(self._close_overdue, keys=[_key(r) for r in batch]))

    def _close_overdue(self, connection: Connection, *, keys: Sequence[Key]) -> None:
        """Times out those that are still pending, as they are under the lock."""
        rows = store.lock_sessions(connection, keys).values()
        pending = [row for row in rows if row.status == "pending"]
        store.close_sessions(connection, [timed_out(row, self._rules) for row in pending])


def timed_out(row: SessionRow, numbers: Rules) -> SessionRow:
    """A session that nobody completed in time; it pays nothing."""
    return replace(
        row,
        status="timeout",
        ended_at=rules.completable_until(row.ends_at, numbers),
        reward_exp=0,
        reward_gold=0,
    )


def _key(row: SessionRow) -> Key:
    return Key(row.user_id, row.id)


def _credits(rows: Sequence[SessionRow]) -> world_pb2.BatchCreditSessionsRequest:
    credits_ = [
        world_pb2.Credit(user_id=row.user_id, session_id=row.id, ends_at=wire(row.ends_at))
        for row in rows
    ]
    return world_pb2.BatchCreditSessionsRequest(credits=credits_)


def _drops(rows: Sequence[SessionRow]) -> inventory_pb2.BatchGrantDropsRequest:
    drops = [
        inventory_pb2.Drop(
            user_id=row.user_id, session_id=row.id, luck=rules.luck(row.seed, row.id).choice
        )
        for row in rows
    ]
    return inventory_pb2.BatchGrantDropsRequest(drops=drops)


def _succeeded(call: Any, rows: Sequence[SessionRow], outcome: str) -> dict[Key, Any]:
    """The outcome of each session for which the call succeeded."""
    try:
        results = finish(call).results
    except Failure as failure:
        log.warning("settle_postponed", outcome=outcome, reason=failure.reason)
        return {}
    done = {}
    for row, result in zip(rows, results, strict=True):
        if result.HasField(outcome):
            done[_key(row)] = getattr(result, outcome)
        else:
            refused = Refused.from_item(result.failure)
            log.warning("delivery_refused", session=row.id, reason=refused.reason)
    return done


def _settlement(
    row: SessionRow,
    credited: dict[Key, world_pb2.Credited],
    granted: dict[Key, inventory_pb2.Granted],
) -> Settlement:
    credit, grant = credited.get(_key(row)), granted.get(_key(row))
    item = row.dropped_item
    if grant is not None and grant.HasField("item"):
        item = item_stored(grant.item)
    drop_is_done = not row.dropped or row.settled_at is not None or grant is not None
    return Settlement(
        world=credit.world if credit else None,
        rooms_upgraded=tuple(credit.rooms_upgraded) if credit else (),
        item=item,
        is_settled=credit is not None and drop_is_done,
    )


def _postponed(row: SessionRow, *, now: Any) -> SessionRow:
    wait = timedelta(seconds=min(2**row.settle_attempts, LONGEST_BACK_OFF_S))
    return replace(row, settle_after=now + wait, settle_attempts=row.settle_attempts + 1)


def _by_shard(rows: Sequence[SessionRow]) -> list[list[SessionRow]]:
    groups: dict[int, list[SessionRow]] = {}
    for row in rows:
        groups.setdefault(shard_of(row.user_id), []).append(row)
    return list(groups.values())
