"""What operators see of the outboxes: what is paid and not settled, of all players.

They read without a lock, and change one row alone, which its player bounds.
"""

from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Text, and_, bindparam, case, literal, select, update

from services.kit.audit import Act, Warrant, differences
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.statements import Command, Query, of_users, where_given
from services.session.failures import DeliveryUnknown
from services.session.outbox import SESSIONS, OutboxTable
from services.session.purchase_store import PURCHASES
from services.session.store import Undelivered
from services.session.tables import ID, INSTANT, purchase, session, trail


class Wanted(NamedTuple):
    """Which rows to read: None means no bound."""

    state: str | None
    before: str | None
    limit: int


class _Kind:
    """One outbox's statements."""

    def __init__(self, name: str, outbox: OutboxTable[Any], since: Column[Any]) -> None:
        column = outbox.table.c
        state = case(
            (column.settle_after.is_(None), "dead"),
            (column.settle_refusals > 0, "failing"),
            else_="waiting",
        )
        rows = select(
            column.user_id,
            column.id,
            literal(name, Text).label("kind"),
            state.label("state"),
            column.settle_attempts.label("attempts"),
            column.settle_refusals.label("refusals"),
            column.settle_after,
            since.label("since"),
        ).where(outbox.is_waiting)
        is_this = column.id == bindparam("id", type_=ID)
        self.page = Query(
            rows.where(
                where_given("state", Text(), lambda p: state == p),
                where_given("before", ID, lambda p: column.id < p),
            )
            .order_by(column.id.desc())
            .limit(bindparam("limit", type_=BigInteger)),
            Undelivered,
        )
        # Among the few that wait, which a partial index knows: whose it is, is not known yet.
        self.find = Query(rows.where(is_this), Undelivered)
        of_player = and_(of_users(column.user_id), is_this)
        self.lock = Query(rows.where(of_player).with_for_update(), Undelivered)
        self.put_back = Command(
            update(outbox.table)
            .values(
                settle_after=bindparam("now", type_=INSTANT), settle_attempts=0, settle_refusals=0
            )
            .where(of_player)
        )


_KINDS = (
    _Kind("session", SESSIONS, session.c.ended_at),
    _Kind("purchase", PURCHASES, purchase.c.bought_at),
)


class OpenDeliveries:
    """The deliveries that are not done. Every method raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wish: Wanted) -> list[Undelivered]:
        """Deliveries of all players, the newest first."""
        with self._database.read() as connection:
            found = [row for kind in _KINDS for row in kind.page.all(connection, **wish._asdict())]
        return sorted(found, key=lambda row: row.id, reverse=True)[: wish.limit]

    def retry(self, delivery_id: str, warrant: Warrant) -> Undelivered:
        """The delivery, due at once as if never tried; untouched when it is. Raises DeliveryUnknown."""
        with self._database.read() as connection:
            every = [(kind, kind.find.one(connection, id=delivery_id)) for kind in _KINDS]
        for kind, row in every:
            if row is not None:
                put_back = partial(_put_back, kind=kind, found=row, warrant=warrant)
                return self._database.transact(put_back)
        raise DeliveryUnknown


def _put_back(
    connection: Connection, *, kind: _Kind, found: Undelivered, warrant: Warrant
) -> Undelivered:
    key = {"users": [found.user_id], "id": found.id}
    row = kind.lock.one(connection, **key)
    if row is None:
        # Delivered since it was found.
        raise DeliveryUnknown
    if row.state == "waiting" and not row.attempts:
        return row
    now = database_now(connection)
    due = row._replace(state="waiting", attempts=0, refusals=0, settle_after=now)
    kind.put_back.run(connection, now=now, **key)
    changes = differences(row, due, ("state", "attempts", "refusals"))
    act = Act("delivery.retry", row.user_id, row.id, changes)
    trail.add(connection, warrant, act, now=now)
    return due
