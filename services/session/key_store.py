"""The statements about idempotency keys: see once.py.

Keys are taken in (user_id, route, key) order, before any other row of the same
transaction is locked.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.kit.database import Connection
from services.kit.statements import Command, Query, given, of_users
from services.session.tables import INSTANT, idempotency_key


class KeyName(NamedTuple):
    """Names one try of one player at one call."""

    user_id: str
    route: str
    key: str


class KeyRow(NamedTuple):
    """A key, what was asked with it, and the serialized outcome: empty until there is one."""

    user_id: str
    route: str
    key: str
    fingerprint: bytes
    answer: bytes = b""

    @property
    def name(self) -> KeyName:
        """Names the key."""
        return KeyName(self.user_id, self.route, self.key)


_key = idempotency_key.c
_NAME = (_key.user_id, _key.route, _key.key)
_KEY = [idempotency_key.c[name] for name in KeyRow._fields]


def _named(other: Any) -> Any:
    """The keys that `other` names."""
    return and_(*(column == other.c[column.name] for column in _NAME))


_new = given(*_NAME, _key.fingerprint)
_CLAIM = Query(
    upsert(idempotency_key)
    .from_select(
        [*_new.c.keys(), "answer", "answered_at"],
        select(_new, literal_column("''::bytea"), func.now()),
    )
    .on_conflict_do_nothing(index_elements=_NAME)
    .returning(*_NAME),
    KeyName,
)
_wanted = given(*_NAME)
_READ = Query(
    select(*_KEY).join(_wanted, _named(_wanted)).where(of_users(_key.user_id)),
    KeyRow,
)
_answered = given(*_NAME, _key.answer)
_ANSWER = Command(
    update(idempotency_key)
    .values(answer=_answered.c.answer)
    .where(of_users(_key.user_id), _named(_answered))
)


def _forgetting(*conditions: Any) -> Command:
    """Deletes the given keys that meet the conditions, locked in order before."""
    these = given(*_NAME)
    locked = (
        select(*_NAME)
        .join(these, _named(these))
        .where(of_users(_key.user_id), *conditions)
        .order_by(*_NAME)
        .with_for_update(of=idempotency_key)
        .cte("locked")
    )
    return Command(delete(idempotency_key).where(of_users(_key.user_id), _named(locked)))


_before = _key.answered_at < bindparam("before", type_=INSTANT)
_RELEASE = _forgetting()
PURGE = _forgetting(_before)
# Over all players, without a lock: see purge.py.
_EXPIRED = Query(
    select(*_NAME)
    .where(_before)
    .order_by(_key.answered_at)
    .limit(bindparam("limit", type_=BigInteger)),
    KeyName,
)


def claim(connection: Connection, rows: Collection[KeyRow]) -> set[KeyName]:
    """Takes those of the keys that are free, and names them.

    Waits while another transaction is taking one of them, and raises
    psycopg.errors.LockNotAvailable when that takes too long.
    """
    in_order = sorted(rows, key=lambda row: row.name)
    return set(_CLAIM.all(connection, rows=in_order)) if rows else set()


def read(connection: Connection, names: Collection[KeyName]) -> dict[KeyName, KeyRow]:
    """The keys that exist among `names`."""
    rows = _READ.all(connection, rows=list(names)) if names else []
    return {row.name: row for row in rows}


def answer(connection: Connection, rows: Sequence[KeyRow]) -> None:
    """Stores the outcomes of keys that this transaction has taken."""
    if rows:
        _ANSWER.run(connection, rows=rows)


def release(connection: Connection, names: Collection[KeyName]) -> None:
    """Gives keys back that this transaction has taken."""
    if names:
        _RELEASE.run(connection, rows=list(names))


def expired(connection: Connection, *, before: datetime, limit: int) -> list[KeyName]:
    """Keys of all players that were answered before `before`, the oldest first."""
    return _EXPIRED.all(connection, before=before, limit=limit)


def purge(connection: Connection, names: Sequence[KeyName], *, before: datetime) -> None:
    """Deletes keys; one that was taken anew since `before` stays."""
    PURGE.run(connection, rows=names, before=before)
