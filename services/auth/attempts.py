"""Guessing passwords: ten tries in fifteen minutes, for one account by one address.

A try is counted before the password is looked at, so that tries at the same time are
counted as well; a right one clears the count. Nobody else is locked out by it, and
nobody for longer than the window. Letters to a mailbox are counted in the same way.
"""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, case, delete
from sqlalchemy.dialects.postgresql import BYTEA, insert

from services.auth import rules
from services.auth.failures import LoginThrottled
from services.auth.tables import INSTANT, attempt
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.statements import Command, Query


class _Counted(NamedTuple):
    tries: int
    since: datetime


_key = bindparam("key", type_=BYTEA)
_now = bindparam("now", type_=INSTANT)
_is_over = attempt.c.since <= bindparam("window_began", type_=INSTANT)
_COUNT = Query(
    insert(attempt)
    .values(key=_key, count=bindparam("one", 1, type_=BigInteger), since=_now)
    .on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": case((_is_over, 1), else_=attempt.c.count + 1),
            "since": case((_is_over, _now), else_=attempt.c.since),
        },
    )
    .returning(attempt.c.count.label("tries"), attempt.c.since),
    _Counted,
)
_CLEAR = Command(delete(attempt).where(attempt.c.key == _key))
_PURGE = Command(delete(attempt).where(attempt.c.since < bindparam("before", type_=INSTANT)))


def key_of(account: str, address: str) -> bytes:
    """What is counted by: an account and a client's address, or a letter and a mailbox."""
    return hashlib.sha256(f"{account}\0{address}".encode()).digest()


def require_left(database: Database, key: bytes) -> None:
    """Counts a try. Raises LoginThrottled when there were too many before it."""
    counted, now = database.transact(lambda connection: _counted(connection, key))
    if counted.tries > rules.TRIES:
        left = counted.since + rules.TRIES_WINDOW - now
        raise LoginThrottled(retry_after=str(max(left, timedelta(seconds=1)).total_seconds()))


def are_left(connection: Connection, key: bytes, *, at_most: int) -> bool:
    """Counts one more; says whether there were fewer than `at_most` before it in the window."""
    counted, _ = _counted(connection, key)
    return counted.tries <= at_most


def clear(connection: Connection, key: bytes) -> None:
    """Forgets the tries: the password was right."""
    _CLEAR.run(connection, key=key)


def purge(connection: Connection, *, now: datetime) -> int:
    """Forgets what no longer counts; says how many."""
    return _PURGE.run(connection, before=now - rules.TRIES_WINDOW)


def _counted(connection: Connection, key: bytes) -> tuple[_Counted, datetime]:
    now = database_now(connection)
    row = _COUNT.all(connection, key=key, now=now, window_began=now - rules.TRIES_WINDOW)[0]
    return row, now
