"""The statements about what was bought. See store.py for the rest.

A purchase is delivered by `acquire` of store.py, under the lock of the wardrobe.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, select

from services.inventory.tables import inventory
from services.kit.database import Connection
from services.kit.statements import Query, given, of_users


class PurchaseKey(NamedTuple):
    """Names one purchase."""

    user_id: str
    purchase_id: str


class Delivery(NamedTuple):
    """What one purchase brought, for ever."""

    user_id: str
    purchase_id: str
    item_id: str
    obtained_at: datetime


_paid = given(inventory.c.user_id, inventory.c.purchase_id)
_READ_DELIVERIES = Query(
    select(
        inventory.c.user_id, inventory.c.purchase_id, inventory.c.item_id, inventory.c.obtained_at
    )
    .join(
        _paid,
        and_(
            inventory.c.user_id == _paid.c.user_id, inventory.c.purchase_id == _paid.c.purchase_id
        ),
    )
    .where(of_users(inventory.c.user_id)),
    Delivery,
)


def read_deliveries(connection: Connection, keys: Sequence[PurchaseKey]) -> list[Delivery]:
    """What these purchases brought, where they were told before."""
    return _READ_DELIVERIES.all(connection, rows=keys)
