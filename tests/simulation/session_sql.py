"""The session service's statements, in Python: see sql.py."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column

from services.session import completion_store, player_store
from services.session import store as session_store
from services.session.outbox import SESSIONS
from services.session.store import Key, SessionRow
from services.session.tables import session
from tests.simulation.postgres import Statement, Transaction
from tests.simulation.sql import Parameters, given, timed, users_of

_KEY = (session.c.user_id, session.c.id)


def lock_sessions(transaction: Transaction, parameters: Parameters) -> Any:
    keys = [(row["user_id"], row["id"]) for row in given(parameters, _KEY)]
    there = [key for key in keys if transaction.get("session", key) is not None]
    return [transaction.lock("session", key) for key in there]


def lock_sessions_and_heroes(transaction: Transaction, parameters: Parameters) -> Any:
    keys = [(row["user_id"], row["id"]) for row in given(parameters, _KEY)]
    there = [key for key in keys if transaction.get("session", key) is not None]
    pairs = [
        (*transaction.lock("session", key), *transaction.lock("hero", key[:1])) for key in there
    ]
    return timed(transaction, pairs)


def save_sessions_and_heroes(transaction: Transaction, parameters: Parameters) -> Any:
    close_sessions(transaction, parameters)
    for columns in given(parameters, (*_KEY, *completion_store._GROWN)):
        grown = {c.name.removeprefix("hero_"): columns[c.name] for c in completion_store._GROWN}
        transaction.update("hero", (columns["user_id"],), **grown)


def _pending(transaction: Transaction, parameters: Parameters) -> list[SessionRow]:
    rows = transaction.rows("session", users_of(parameters))
    return [row for row in rows if row.status == "pending"]


def read_pending(transaction: Transaction, parameters: Parameters) -> Any:
    return _pending(transaction, parameters)


def lock_pending(transaction: Transaction, parameters: Parameters) -> Any:
    found = _pending(transaction, parameters)
    locked = [transaction.lock("session", (row.user_id, row.id)) for row in found]
    return timed(transaction, [row for row in locked if row.status == "pending"])


def open_sessions(transaction: Transaction, parameters: Parameters) -> Any:
    opened = []
    for columns in given(parameters, session_store._OPENED):
        row = SessionRow(**columns)
        # The partial unique index: one pending session of a player.
        transaction.lock("one pending session", (row.user_id,))
        if not any(r.status == "pending" for r in transaction.rows("session", {row.user_id})):
            transaction.insert_only("session", (row.user_id, row.id), row)
            opened.append(row.key)
    return opened


def close_sessions(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, session_store.CLOSED):
        key = (columns["user_id"], columns["id"])
        if transaction.lock("session", key).status == "pending":
            transaction.update("session", key, **columns)


def read_overdue(transaction: Transaction, parameters: Parameters) -> Any:
    after = (parameters["after_ends_at"], parameters["after_id"])
    found = [
        row
        for row in transaction.rows("session")
        if row.status == "pending"
        and row.ends_at < parameters["ended"]
        and (row.ends_at, row.id) > after
    ]
    return sorted(found, key=lambda row: (row.ends_at, row.id))[: parameters["limit"]]


def read_heroes(transaction: Transaction, parameters: Parameters) -> Any:
    return transaction.rows("hero", users_of(parameters))


def lock_heroes(transaction: Transaction, parameters: Parameters) -> Any:
    there = transaction.rows("hero", users_of(parameters))
    return [transaction.lock("hero", (row.user_id,)) for row in there]


def save_heroes(transaction: Transaction, parameters: Parameters) -> Any:
    for columns in given(parameters, player_store._GROWN):
        transaction.update("hero", (columns["user_id"],), **columns)


def read_tasks(transaction: Transaction, parameters: Parameters) -> Any:
    keys = [(row["user_id"], row["id"]) for row in given(parameters, _KEY)]
    found = [row for key in keys if (row := transaction.get("task", key)) is not None]
    return [(row, transaction.get("hero", (row.user_id,))) for row in found]


def read_unsettled(transaction: Transaction, parameters: Parameters) -> Any:
    due = [
        row
        for row in transaction.rows("session")
        if row.status == "success"
        and row.settled_at is None
        and row.settle_after is not None
        and row.settle_after <= parameters["now"]
    ]
    return sorted(due, key=lambda row: row.settle_after)[: parameters["limit"]]


def lease(transaction: Transaction, parameters: Parameters) -> Any:
    leased = []
    for columns in given(parameters, (*_KEY, session.c.settle_after, session.c.settle_attempts)):
        key = (columns["user_id"], columns["id"])
        row = transaction.lock("session", key)
        if row.settled_at is None and row.settle_attempts == columns["settle_attempts"] - 1:
            transaction.update("session", key, **columns)
            leased.append(Key(*key))
    return leased


def refuse(transaction: Transaction, parameters: Parameters) -> Any:
    columns_ = ("settle_after", "settle_attempts", "settle_refusals")
    for columns in given(parameters, (*_KEY, *(session.c[name] for name in columns_))):
        key = (columns["user_id"], columns["id"])
        row = transaction.lock("session", key)
        if row.settled_at is None and row.settle_attempts == columns["settle_attempts"]:
            transaction.update("session", key, **columns)


def mark(transaction: Transaction, parameters: Parameters) -> Any:
    brought = Column("brought", session.c.dropped_item.type)
    taken_out = []
    for columns in given(parameters, (*_KEY, brought)):
        key = (columns["user_id"], columns["id"])
        if transaction.lock("session", key).settled_at is None:
            marked = {"settled_at": transaction.now(), "dropped_item": columns["brought"]}
            transaction.update("session", key, **marked)
            taken_out.append(Key(*key))
    return taken_out


MEANING: Mapping[str, Statement] = {
    session_store._LOCK_SESSIONS.sql: lock_sessions,
    completion_store._LOCK.sql: lock_sessions_and_heroes,
    completion_store._SAVE.sql: save_sessions_and_heroes,
    session_store._READ_PENDING.sql: read_pending,
    session_store._LOCK_PENDING.sql: lock_pending,
    session_store._OPEN.sql: open_sessions,
    session_store._CLOSE.sql: close_sessions,
    session_store._OVERDUE.sql: read_overdue,
    player_store._READ_HEROES.sql: read_heroes,
    player_store._LOCK_HEROES.sql: lock_heroes,
    player_store._SAVE_HEROES.sql: save_heroes,
    player_store._READ_TASKS.sql: read_tasks,
    SESSIONS.unsettled.sql: read_unsettled,
    SESSIONS.lease.sql: lease,
    SESSIONS.refuse.sql: refuse,
    SESSIONS.mark.sql: mark,
}
