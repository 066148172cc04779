"""The inventory service's statements, in Python: see sql.py."""

from collections.abc import Mapping
from typing import Any

from services.inventory import catalogue_store
from services.inventory import store as inventory_store
from services.inventory.catalogue_store import ItemRow
from services.inventory.store import Acquisition, Grant, HeldRow, WardrobeRow
from services.inventory.tables import drop_grant, inventory, wardrobe
from tests.simulation.postgres import Statement, Transaction
from tests.simulation.sql import Parameters, given, timed, users_of


def make_wardrobes(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, (wardrobe.c.user_id,)):
        transaction.insert("wardrobe", (columns["user_id"],), WardrobeRow(**columns))


def lock_wardrobes(transaction: Transaction, parameters: Parameters) -> Any:
    there = transaction.rows("wardrobe", users_of(parameters))
    return timed(transaction, [transaction.lock("wardrobe", (row.user_id,)) for row in there])


def read_wardrobes(transaction: Transaction, parameters: Parameters) -> Any:
    return transaction.rows("wardrobe", users_of(parameters))


def read_held(transaction: Transaction, parameters: Parameters) -> Any:
    owned = transaction.rows("owned", users_of(parameters))
    return [HeldRow(row.user_id, row.item_id) for row in owned]


def read_grants(transaction: Transaction, parameters: Parameters) -> Any:
    keys = given(parameters, (drop_grant.c.user_id, drop_grant.c.session_id))
    found = [transaction.get("grant", (key["user_id"], key["session_id"])) for key in keys]
    return [row for row in found if row is not None]


def give(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, inventory_store._GRANT):
        row = Grant(**columns)
        transaction.postgres.weather.strike_poisoned("inventory", row.session_id)
        transaction.insert_only("grant", row.key, row)
    own(transaction, parameters)


def own(transaction: Transaction, parameters: Parameters) -> None:
    """What a grant adds beside its own row."""
    for columns in given(parameters, (*inventory_store._GRANT, inventory.c.id)):
        if columns["item_id"] is not None:
            owned = {k: v for k, v in columns.items() if k in Acquisition._fields}
            row = Acquisition(**owned, source="drop")
            transaction.insert_only("owned", (row.user_id, row.item_id), row)


def lock_items(transaction: Transaction, _: Parameters) -> Any:
    transaction.lock("item", ())


def store_items(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, catalogue_store._SHIPPED):
        transaction.put("item", (columns["id"],), ItemRow(**columns))


def read_items(transaction: Transaction, _: Parameters) -> Any:
    return transaction.rows("item")


MEANING: Mapping[str, Statement] = {
    inventory_store._MAKE_WARDROBES.sql: make_wardrobes,
    inventory_store._LOCK_WARDROBES.sql: lock_wardrobes,
    inventory_store._READ_WARDROBES.sql: read_wardrobes,
    inventory_store._READ_HELD.sql: read_held,
    inventory_store._READ_GRANTS.sql: read_grants,
    inventory_store._GIVE.sql: give,
    catalogue_store._LOCK_ITEMS: lock_items,
    catalogue_store._STORE_ITEMS.sql: store_items,
    catalogue_store._READ_ITEMS.sql: read_items,
}
