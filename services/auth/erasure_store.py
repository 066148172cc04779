"""The statements of erasing accounts: the transaction's connection first, rows out."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.auth.store import UserRow
from services.auth.tables import (
    ID,
    INSTANT,
    erasure,
    mail,
    mail_token,
    refresh_family,
    refresh_token,
    trail,
    user,
)
from services.kit.database import Connection
from services.kit.statements import Command, Query, given


class ErasureRow(NamedTuple):
    """The receipt of an account that is erased, or about to be."""

    user_id: str
    requested_at: datetime
    ask_at: datetime | None
    erased_at: datetime | None
    rows: int


_USER = [user.c[name] for name in UserRow._fields]
_ERASURE = [erasure.c[name] for name in ErasureRow._fields]
_owner = bindparam("owner", type_=ID)

# Without a lock on the account: whoever logs in at the last moment is told that it is too late.
_DUE_USERS = Query(
    select(*_USER)
    .where(user.c.deletes_at <= bindparam("now", type_=INSTANT))
    .where(~select(erasure.c.user_id).where(erasure.c.user_id == user.c.id).exists())
    .limit(bindparam("limit", type_=BigInteger)),
    UserRow,
)
_OPEN = Command(
    upsert(erasure)
    .from_select([c.name for c in _ERASURE], select(given(*_ERASURE)))
    .on_conflict_do_nothing(index_elements=["user_id"])
)
_LOCK_DUE = Query(
    select(*_ERASURE)
    .where(erasure.c.ask_at <= bindparam("now", type_=INSTANT))
    .order_by(erasure.c.ask_at)
    .limit(bindparam("limit", type_=BigInteger))
    .with_for_update(),
    ErasureRow,
)
_LOCK = Query(select(*_ERASURE).where(erasure.c.user_id == _owner).with_for_update(), ErasureRow)
_SAVE = Command(
    update(erasure)
    .values(
        ask_at=bindparam("ask", type_=INSTANT),
        erased_at=bindparam("erased", type_=INSTANT),
        rows=bindparam("all_rows", type_=BigInteger),
    )
    .where(erasure.c.user_id == _owner)
)
_families = select(refresh_family.c.id).where(refresh_family.c.user_id == _owner)
_ACCOUNT = (
    Command(delete(refresh_token).where(refresh_token.c.family_id.in_(_families))),
    Command(delete(refresh_family).where(refresh_family.c.user_id == _owner)),
    Command(delete(mail_token).where(mail_token.c.user_id == _owner)),
    Command(
        delete(mail).where(
            mail.c.email_key.in_(select(user.c.email_key).where(user.c.id == _owner))
        )
    ),
    # What an operator did to the account; what its owner did as one stays with those it was done to.
    Command(delete(trail.table).where(trail.table.c.user_id == _owner)),
    Command(delete(user).where(user.c.id == _owner)),
)


def due_users(connection: Connection, *, now: datetime, limit: int) -> Sequence[UserRow]:
    """Accounts that can no longer be restored, and have no receipt yet."""
    return _DUE_USERS.all(connection, now=now, limit=limit)


def open_erasure(connection: Connection, row: ErasureRow) -> None:
    """Opens a receipt, unless there is one."""
    _OPEN.run(connection, rows=[row])


def lock_due(connection: Connection, *, now: datetime, limit: int) -> Sequence[ErasureRow]:
    """Receipts that are due, locked."""
    return _LOCK_DUE.all(connection, now=now, limit=limit)


def lock(connection: Connection, user_id: str) -> ErasureRow | None:
    """A receipt, locked."""
    return _LOCK.one(connection, owner=user_id)


def save(connection: Connection, row: ErasureRow) -> None:
    """Stores a locked receipt."""
    _SAVE.run(
        connection,
        owner=row.user_id,
        ask=row.ask_at,
        erased=row.erased_at,
        all_rows=row.rows,
    )


def erase_account(connection: Connection, user_id: str) -> int:
    """Takes a locked account and all that hangs on it out of auth; says how many rows."""
    return sum(command.run(connection, owner=user_id) for command in _ACCOUNT)
