"""The statements about signing keys: the transaction's connection first, rows out."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Interval, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.tables import EDDSA, ID, INSTANT, signing_key
from services.kit.database import Connection
from services.kit.statements import Command, Found, Query, Timed, given


class KeyRow(NamedTuple):
    """A signing key; `private_key` is encrypted, `public_key` the raw 32 bytes.

    It signs from `signs_from` until `retired_at`, when its successor does.
    """

    kid: str
    algorithm: str
    private_key: bytes
    public_key: bytes
    created_at: datetime
    signs_from: datetime
    renew_at: datetime
    retired_at: datetime | None = None
    revoked_at: datetime | None = None


_KEY = [signing_key.c[name] for name in KeyRow._fields]

_LOCK_NEWEST_KEY = Query(
    select(*_KEY)
    .where(signing_key.c.algorithm == EDDSA, signing_key.c.retired_at.is_(None))
    .with_for_update(),
    KeyRow,
)
_added_key = given(*_KEY)
_ADD_KEY = Command(
    insert(signing_key)
    .from_select([c.name for c in _KEY], select(_added_key))
    .on_conflict_do_nothing(
        index_elements=["algorithm"], index_where=signing_key.c.retired_at.is_(None)
    )
)
_RETIRE_KEY = Command(
    update(signing_key)
    .values(retired_at=bindparam("at", type_=INSTANT))
    .where(signing_key.c.kid == bindparam("key", type_=ID))
)
_PUBLISHED_KEYS = Timed(
    select(*_KEY)
    .where(
        signing_key.c.revoked_at.is_(None),
        signing_key.c.retired_at.is_(None)
        | (signing_key.c.retired_at > func.now() - bindparam("for_", type_=Interval)),
    )
    .order_by(signing_key.c.signs_from.desc(), signing_key.c.kid.desc()),
    KeyRow,
)


def lock_newest_key(connection: Connection) -> KeyRow | None:
    """The key that has no successor, locked."""
    return _LOCK_NEWEST_KEY.one(connection)


def add_key(connection: Connection, row: KeyRow) -> bool:
    """Stores a signing key, unless there is another one without successor; tells whether it did."""
    return _ADD_KEY.run(connection, rows=[row]) > 0


def retire_key(connection: Connection, kid: str, *, at: datetime) -> None:
    """Lets a locked key sign no longer from then on."""
    _RETIRE_KEY.run(connection, key=kid, at=at)


def published_keys(connection: Connection, *, published_for: timedelta) -> Found[KeyRow]:
    """The keys that sign, will sign, or were retired no longer ago than that; the newest first."""
    return _PUBLISHED_KEYS.all(connection, for_=published_for)
