"""The statements about purchases. See store.py for sessions, outbox.py for what is due.

A player's purchases are made and paid back under the lock of the hero; rows are
locked in (user_id, id) order, after the heroes of the same transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, insert, select, update

from services.kit.database import Connection
from services.kit.statements import Command, Query, given, of_users
from services.session.outbox import OutboxTable
from services.session.store import Key, in_order
from services.session.tables import ID, INSTANT, purchase


class PurchaseRow(NamedTuple):
    """An item that was paid for; see tables.py. Settled is delivered, or refunded."""

    user_id: str
    id: str
    item_id: str
    price_gold: int
    rotation_id: str
    rules_version: str
    bought_at: datetime
    item: dict[str, Any] | None = None
    refunded_at: datetime | None = None
    settled_at: datetime | None = None
    settle_after: datetime | None = None
    settle_attempts: int = 0
    settle_refusals: int = 0

    @property
    def key(self) -> Key:
        """Names it."""
        return Key(self.user_id, self.id)


# Paid, and neither delivered nor refunded.
PURCHASES = OutboxTable(
    purchase, PurchaseRow, is_waiting=purchase.c.settled_at.is_(None), brought=purchase.c.item
)

_PURCHASE = [purchase.c[name] for name in PurchaseRow._fields]

_READ = Query(
    select(*_PURCHASE).where(
        purchase.c.user_id == bindparam("user_id", type_=ID),
        purchase.c.id == bindparam("purchase_id", type_=ID),
    ),
    PurchaseRow,
)
_READ_OF_ITEM = Query(
    select(*_PURCHASE).where(
        purchase.c.user_id == bindparam("user_id", type_=ID),
        purchase.c.item_id == bindparam("item_id", type_=ID),
        purchase.c.refunded_at.is_(None),
    ),
    PurchaseRow,
)
_PAID = [
    purchase.c[name]
    for name in (
        "user_id",
        "id",
        "item_id",
        "price_gold",
        "rotation_id",
        "rules_version",
        "bought_at",
        "settle_after",
    )
]
_ADD = Command(insert(purchase).from_select([c.name for c in _PAID], select(given(*_PAID))))

_these = given(purchase.c.user_id, purchase.c.id)
_is_one_of_these = and_(purchase.c.user_id == _these.c.user_id, purchase.c.id == _these.c.id)
_LOCK_UNSETTLED = Query(
    select(*_PURCHASE)
    .join(_these, _is_one_of_these)
    .where(of_users(purchase.c.user_id), purchase.c.settled_at.is_(None))
    .order_by(purchase.c.user_id, purchase.c.id)
    .with_for_update(of=purchase),
    PurchaseRow,
)
_REFUND = Command(
    update(purchase)
    .values(refunded_at=bindparam("now", type_=INSTANT), settled_at=bindparam("now", type_=INSTANT))
    .where(of_users(purchase.c.user_id), _is_one_of_these)
)


def read_purchase(connection: Connection, key: Key) -> PurchaseRow:
    """A purchase that exists."""
    return _READ.all(connection, user_id=key.user_id, purchase_id=key.id)[0]


def read_purchase_of(connection: Connection, user_id: str, item_id: str) -> PurchaseRow | None:
    """The player's purchase of an item, unless it was refunded: there is one at most."""
    return _READ_OF_ITEM.one(connection, user_id=user_id, item_id=item_id)


def add_purchase(connection: Connection, row: PurchaseRow) -> None:
    """Records a purchase. The database refuses a second one of an item."""
    _ADD.run(connection, rows=[row])


def lock_unsettled(connection: Connection, keys: Iterable[Key]) -> list[PurchaseRow]:
    """The purchases among `keys` that are neither delivered nor refunded, locked."""
    return _LOCK_UNSETTLED.all(connection, rows=in_order(set(keys)))


def refund_purchases(connection: Connection, rows: Sequence[PurchaseRow], *, now: datetime) -> None:
    """Marks locked purchases as refunded, and takes them out of the outbox."""
    if rows:
        _REFUND.run(connection, rows=in_order(rows), now=now)
