"""Tables as outboxes: what is due, leased to one sweeper at a time, until it is marked.

The statements over all players only read, without a lock; whatever changes is
bounded by the players, locks in order, and says what it must find.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple

import structlog
from sqlalchemy import BigInteger, Column, ColumnElement, Table, and_, bindparam, func, select
from sqlalchemy import update as sql_update

from services.kit.clock import database_now
from services.kit.database import Database
from services.kit.shards import by_shard
from services.kit.statements import Command, Query, given, of_users
from services.session.settle import BATCH, Row, leased, refused
from services.session.store import Key, SessionRow, in_order
from services.session.tables import INSTANT, SUCCESS, session

log = structlog.get_logger(__name__)


class Mark(NamedTuple):
    """A row whose effects are known to those who were told; what it brought, as JSON."""

    user_id: str
    id: str
    brought: str | None


class Backlog(NamedTuple):
    """How many rows wait for their first tries, how many were refused, how many are dead."""

    waiting: int
    failing: int
    dead: int


class OutboxTable(Generic[Row]):
    """One table as an outbox, and its statements.

    `is_waiting` is the condition of its partial index on settle_after; `brought`
    is the column that keeps what the receivers gave.
    """

    def __init__(
        self, table: Table, row: type[Row], *, is_waiting: ColumnElement[bool], brought: Column[Any]
    ) -> None:
        columns = [table.c[name] for name in row._fields]
        self.table, self.is_waiting = table, is_waiting
        self.unsettled = Query(
            select(*columns)
            .where(is_waiting, table.c.settle_after <= bindparam("now", type_=INSTANT))
            .order_by(table.c.settle_after)
            .limit(bindparam("limit", type_=BigInteger)),
            row,
        )
        self.lease = Query(_leasing(table), Key)
        self.refuse = Command(_refusing(table))
        self.mark = Query(_marking(table, brought), Key)
        self.backlog = Query(_counting(table, is_waiting), Backlog)


class PostgresOutbox(Generic[Row]):
    """The outbox of one table: `Outbox` of settle.py. Any number of replicas may use it at once."""

    def __init__(self, database: Database, table: OutboxTable[Row]) -> None:
        self._database = database
        self._table = table

    def due(self) -> list[list[Row]]:
        """Up to a page of rows that are due, the longest due first, leased to us."""
        with self._database.read() as connection:
            now = database_now(connection)
            rows = self._table.unsettled.all(connection, now=now, limit=BATCH)
        batches = [self._leased([leased(row, now=now) for row in b]) for b in by_shard(rows)]
        return [batch for batch in batches if batch]

    def mark(self, done: Mapping[Key, Any]) -> set[Key]:
        """Takes rows out, each with what it brought; those that nobody had taken out before."""
        if not done:
            return set()
        marks = [Mark(k.user_id, k.id, json.dumps(v) if v else None) for k, v in done.items()]
        with self._database.read() as connection:
            return set(self._table.mark.all(connection, rows=in_order(marks)))

    def refuse(self, rows: Sequence[Row]) -> None:
        """Counts a refusal of each leased row, unless somebody else leased it since."""
        after = in_order(refused(row) for row in rows)
        with self._database.read() as connection:
            self._table.refuse.run(connection, rows=after)
        for row in after:
            if row.settle_after is None:
                log.error("delivery_dead", player=row.user_id, id=row.id)

    def backlog(self) -> Backlog:
        """What is not settled yet."""
        with self._database.read() as connection:
            return self._table.backlog.all(connection)[0]

    def _leased(self, rows: list[Row]) -> list[Row]:
        """Those that nobody leased before us."""
        with self._database.read() as connection:
            ours = set(self._table.lease.all(connection, rows=in_order(rows)))
        return [row for row in rows if row.key in ours]


def _locked(
    table: Table, *known: Column[Any], where: Callable[[Any], ColumnElement[bool]] | None = None
) -> Any:
    """Locks the given unsettled rows in order, within the very statement that changes them.

    An UPDATE alone locks in whatever order its plan meets the rows, and so may
    wait in a ring with a transaction that locks the same rows in ours.
    """
    these = given(table.c.user_id, table.c.id, *known, name="these")
    conditions = [of_users(table.c.user_id), table.c.settled_at.is_(None)]
    return (
        select(table.c.user_id, table.c.id)
        .join(these, and_(table.c.user_id == these.c.user_id, table.c.id == these.c.id))
        .where(*conditions, *([where(these)] if where else []))
        .order_by(table.c.user_id, table.c.id)
        .with_for_update(of=table)
        .cte("locked")
    )


def _update(table: Table, row: Any, locked: Any) -> Any:
    return sql_update(table).where(
        of_users(table.c.user_id),
        table.c.user_id == locked.c.user_id,
        table.c.id == locked.c.id,
        locked.c.user_id == row.c.user_id,
        locked.c.id == row.c.id,
    )


def _leasing(table: Table) -> Any:
    row = given(table.c.user_id, table.c.id, table.c.settle_after, table.c.settle_attempts)
    locked = _locked(
        table,
        table.c.settle_attempts,
        where=lambda these: table.c.settle_attempts == these.c.settle_attempts - 1,
    )
    return (
        _update(table, row, locked)
        .values(settle_after=row.c.settle_after, settle_attempts=row.c.settle_attempts)
        .returning(table.c.user_id, table.c.id)
    )


def _refusing(table: Table) -> Any:
    row = given(table.c.user_id, table.c.id, table.c.settle_after, table.c.settle_refusals)
    locked = _locked(
        table,
        table.c.settle_attempts,
        where=lambda these: table.c.settle_attempts == these.c.settle_attempts,
    )
    return _update(table, row, locked).values(
        settle_after=row.c.settle_after, settle_refusals=row.c.settle_refusals
    )


def _marking(table: Table, brought: Column[Any]) -> Any:
    row = given(table.c.user_id, table.c.id, Column("brought", brought.type))
    return (
        _update(table, row, _locked(table))
        # The statement's own time: nothing is decided by it, and no round trip spent on it.
        .values({table.c.settled_at: func.now(), brought: row.c.brought})
        .returning(table.c.user_id, table.c.id)
    )


def _counting(table: Table, is_waiting: ColumnElement[bool]) -> Any:
    is_dead = table.c.settle_after.is_(None)
    was_refused = and_(table.c.settle_refusals > 0, table.c.settle_after.is_not(None))
    is_fresh = and_(table.c.settle_refusals == 0, table.c.settle_after.is_not(None))
    return (
        select(
            func.count().filter(is_fresh).label("waiting"),
            func.count().filter(was_refused).label("failing"),
            func.count().filter(is_dead).label("dead"),
        )
        .select_from(table)
        .where(is_waiting)
    )


# Paid, and not everybody knows.
SESSIONS = OutboxTable(
    session,
    SessionRow,
    is_waiting=and_(session.c.status == SUCCESS, session.c.settled_at.is_(None)),
    brought=session.c.dropped_item,
)
