"""The auth service's statements: the transaction's connection first, rows out.

Locks are taken in one order: user, then families by id.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import BYTEA

from services.auth.tables import (
    END_REASON,
    ID,
    INSTANT,
    refresh_family,
    refresh_token,
    user,
)
from services.kit.database import Connection
from services.kit.statements import Command, Query, given


class UserRow(NamedTuple):
    """An account."""

    id: str
    email: str
    email_key: str
    hashed_password: str
    is_active: bool
    is_superuser: bool
    is_verified: bool
    full_name: str | None
    profile_picture: str | None
    created_at: datetime
    updated_at: datetime | None
    deletes_at: datetime | None


class FamilyRow(NamedTuple):
    """One login on one device."""

    id: str
    user_id: str
    created_at: datetime
    ended_at: datetime | None = None
    end_reason: str | None = None
    device: str | None = None


class OpenLogin(NamedTuple):
    """A family that has neither ended nor run out; `seen_at` is when it last got tokens."""

    id: str
    device: str | None
    created_at: datetime
    seen_at: datetime


class TokenRow(NamedTuple):
    """A refresh token, by its SHA-256; the first generation of a family is 1."""

    token_hash: bytes
    family_id: str
    generation: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class Ended(NamedTuple):
    """A family that ended, and when."""

    id: str
    ended_at: datetime


def _columns(table: Table, row: type[Any]) -> list[Any]:
    return [table.c[name] for name in row._fields]


_USER = _columns(user, UserRow)
_FAMILY = _columns(refresh_family, FamilyRow)
_TOKEN = _columns(refresh_token, TokenRow)


def _adding(table: Table, columns: list[Any]) -> Any:
    return insert(table).from_select([c.name for c in columns], select(given(*columns)))


_READ_USERS = Query(
    select(*_USER).where(user.c.id == bindparam("ids", type_=ARRAY(ID)).any_()), UserRow
)
_FIND_USER = Query(select(*_USER).where(user.c.email_key == bindparam("email_key")), UserRow)
_LOCK_USER = Query(
    select(*_USER).where(user.c.id == bindparam("user_id", type_=ID)).with_for_update(), UserRow
)
_ADD_USER = Command(_adding(user, _USER))
_saved = given(*_USER)
_SAVE_USER = Command(
    update(user)
    .values({c.name: _saved.c[c.name] for c in _USER if c.name not in ("id", "created_at")})
    .where(user.c.id == _saved.c.id)
)
_SAVE_PASSWORD = Command(
    update(user)
    .values(hashed_password=bindparam("hashed"))
    .where(user.c.id == bindparam("user_id", type_=ID))
)

_hash = bindparam("token_hash", type_=BYTEA)
_LOCK_FAMILY_OF = Query(
    select(*_FAMILY)
    .where(
        refresh_family.c.id
        == select(refresh_token.c.family_id)
        .where(refresh_token.c.token_hash == _hash)
        .scalar_subquery()
    )
    .with_for_update(of=refresh_family),
    FamilyRow,
)
_LOCK_OPEN_FAMILIES = Query(
    select(*_FAMILY)
    .where(
        refresh_family.c.user_id == bindparam("user_id", type_=ID),
        refresh_family.c.ended_at.is_(None),
    )
    .order_by(refresh_family.c.id)
    .with_for_update(),
    FamilyRow,
)
_LOCK_FAMILY = Query(
    select(*_FAMILY)
    .where(refresh_family.c.id == bindparam("family_id", type_=ID))
    .with_for_update(),
    FamilyRow,
)
_OPEN_LOGINS = Query(
    select(
        refresh_family.c.id,
        refresh_family.c.device,
        refresh_family.c.created_at,
        func.max(refresh_token.c.created_at).label("seen_at"),
    )
    .join(refresh_token, refresh_token.c.family_id == refresh_family.c.id)
    .where(
        refresh_family.c.user_id == bindparam("user_id", type_=ID),
        refresh_family.c.ended_at.is_(None),
    )
    .group_by(refresh_family.c.id)
    .having(func.max(refresh_token.c.expires_at) > bindparam("now", type_=INSTANT))
    .order_by(refresh_family.c.id.desc()),
    OpenLogin,
)
_ADD_FAMILY = Command(_adding(refresh_family, _FAMILY))
_END_FAMILIES = Command(
    update(refresh_family)
    .values(
        ended_at=bindparam("now", type_=INSTANT), end_reason=bindparam("reason", type_=END_REASON)
    )
    .where(
        refresh_family.c.id == bindparam("ids", type_=ARRAY(ID)).any_(),
        refresh_family.c.ended_at.is_(None),
    )
)
_ENDED = Query(
    select(refresh_family.c.id, refresh_family.c.ended_at)
    .where(refresh_family.c.ended_at >= bindparam("since", type_=INSTANT))
    .order_by(refresh_family.c.ended_at, refresh_family.c.id)
    .limit(bindparam("limit", type_=BigInteger)),
    Ended,
)

_READ_TOKEN = Query(select(*_TOKEN).where(refresh_token.c.token_hash == _hash), TokenRow)
_NEWEST_TOKEN = Query(
    select(*_TOKEN)
    .where(refresh_token.c.family_id == bindparam("family_id", type_=ID))
    .order_by(refresh_token.c.generation.desc())
    .limit(1),
    TokenRow,
)
_ADD_TOKEN = Command(_adding(refresh_token, _TOKEN))
_USE_TOKEN = Command(
    update(refresh_token)
    .values(used_at=bindparam("now", type_=INSTANT))
    .where(refresh_token.c.token_hash == _hash)
)

_PURGE_TOKENS = Command(
    delete(refresh_token).where(
        refresh_token.c.token_hash.in_(
            select(refresh_token.c.token_hash)
            .where(refresh_token.c.used_at < bindparam("before", type_=INSTANT))
            .order_by(refresh_token.c.used_at)
            .limit(bindparam("limit", type_=BigInteger))
        )
    )
)


def read_users(connection: Connection, ids: Sequence[str]) -> dict[str, UserRow]:
    """The accounts that exist among `ids`."""
    return {row.id: row for row in _READ_USERS.all(connection, ids=ids)}


def find_user(connection: Connection, email_key: str) -> UserRow | None:
    """The account with an e-mail address, given in the form that is compared."""
    return _FIND_USER.one(connection, email_key=email_key)


def lock_user(connection: Connection, user_id: str) -> UserRow | None:
    """An account, locked."""
    return _LOCK_USER.one(connection, user_id=user_id)


def add_user(connection: Connection, row: UserRow) -> None:
    """Opens an account. Raises UniqueViolation when the e-mail address is taken."""
    _ADD_USER.run(connection, rows=[row])


def save_user(connection: Connection, row: UserRow) -> None:
    """Stores a locked account. Raises UniqueViolation when the e-mail address is taken."""
    _SAVE_USER.run(connection, rows=[row])


def save_password(connection: Connection, user_id: str, hashed: str) -> None:
    """Stores a new hash of a locked account's unchanged password."""
    _SAVE_PASSWORD.run(connection, user_id=user_id, hashed=hashed)


def lock_family_of(connection: Connection, token_hash: bytes) -> FamilyRow | None:
    """The family of a token, locked; None for an unknown token."""
    return _LOCK_FAMILY_OF.one(connection, token_hash=token_hash)


def lock_family(connection: Connection, family_id: str) -> FamilyRow | None:
    """A family, locked."""
    return _LOCK_FAMILY.one(connection, family_id=family_id)


def open_logins(connection: Connection, user_id: str, *, now: datetime) -> list[OpenLogin]:
    """Where an account is logged in, the latest login first."""
    return _OPEN_LOGINS.all(connection, user_id=user_id, now=now)


def lock_open_families(connection: Connection, user_id: str) -> list[FamilyRow]:
    """The families of an account that have not ended, locked."""
    return _LOCK_OPEN_FAMILIES.all(connection, user_id=user_id)


def add_family(connection: Connection, row: FamilyRow) -> None:
    """Opens a family."""
    _ADD_FAMILY.run(connection, rows=[row])


def end_families(connection: Connection, ids: Sequence[str], *, reason: str, now: datetime) -> None:
    """Ends locked families; what has ended keeps its time and reason."""
    _END_FAMILIES.run(connection, ids=ids, reason=reason, now=now)


def ended_families(connection: Connection, *, since: datetime, limit: int) -> list[Ended]:
    """Families that ended at or after `since`, the first to end first."""
    return _ENDED.all(connection, since=since, limit=limit)


def read_token(connection: Connection, token_hash: bytes) -> TokenRow:
    """A token whose family is locked."""
    return _READ_TOKEN.all(connection, token_hash=token_hash)[0]


def newest_token(connection: Connection, family_id: str) -> TokenRow:
    """The newest token of a locked family; every family has one."""
    return _NEWEST_TOKEN.all(connection, family_id=family_id)[0]


def add_token(connection: Connection, row: TokenRow) -> None:
    """Stores a token of a locked family."""
    _ADD_TOKEN.run(connection, rows=[row])


def use_token(connection: Connection, token_hash: bytes, *, now: datetime) -> None:
    """Marks a token of a locked family as used up."""
    _USE_TOKEN.run(connection, token_hash=token_hash, now=now)


def purge_tokens(connection: Connection, *, used_before: datetime, limit: int) -> int:
    """Forgets tokens that were used up before then, the oldest first; says how many."""
    return _PURGE_TOKENS.run(connection, before=used_before, limit=limit)
