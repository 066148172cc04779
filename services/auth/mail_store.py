"""The statements of mail and of its tokens: the transaction's connection first, rows out."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.dialects.postgresql import insert as upsert

from services.auth.tables import ID, INSTANT, PURPOSE, mail, mail_token
from services.kit.database import Connection
from services.kit.statements import Command, Query, given


class MailRow(NamedTuple):
    """A letter that waits to be sent."""

    id: str
    letter: str
    email: str
    email_key: str
    created_at: datetime
    send_after: datetime
    tries: int = 0


class MailTokenRow(NamedTuple):
    """A token that went out by mail, by its SHA-256."""

    token_hash: bytes
    user_id: str
    purpose: str
    email_key: str
    expires_at: datetime
    used_at: datetime | None = None


_MAIL = [mail.c[name] for name in MailRow._fields]
_TOKEN = [mail_token.c[name] for name in MailTokenRow._fields]

_ADD_MAIL = Command(
    upsert(mail)
    .from_select([c.name for c in _MAIL], select(given(*_MAIL)))
    .on_conflict_do_nothing(index_elements=["email_key", "letter"])
)
# Whoever waits here for another replica finds its letters moved on when it is through.
_LOCK_DUE = Query(
    select(*_MAIL)
    .where(mail.c.send_after <= bindparam("now", type_=INSTANT))
    .order_by(mail.c.send_after)
    .limit(bindparam("limit", type_=BigInteger))
    .with_for_update(),
    MailRow,
)
_POSTPONE = Command(
    update(mail)
    .values(send_after=bindparam("at", type_=INSTANT), tries=bindparam("tried", type_=BigInteger))
    .where(mail.c.id == bindparam("mail_id", type_=ID))
)
_REMOVE = Command(delete(mail).where(mail.c.id == bindparam("mail_id", type_=ID)))

_hash = bindparam("token_hash", type_=BYTEA)
_ADD_TOKEN = Command(
    mail_token.insert().from_select([c.name for c in _TOKEN], select(given(*_TOKEN)))
)
_READ_TOKEN = Query(select(*_TOKEN).where(mail_token.c.token_hash == _hash), MailTokenRow)
_LOCK_TOKEN = Query(
    select(*_TOKEN).where(mail_token.c.token_hash == _hash).with_for_update(), MailTokenRow
)
_USE_TOKENS = Command(
    update(mail_token)
    .values(used_at=bindparam("now", type_=INSTANT))
    .where(
        mail_token.c.user_id == bindparam("owner", type_=ID),
        mail_token.c.purpose == bindparam("purpose", type_=PURPOSE),
        mail_token.c.used_at.is_(None),
    )
)
_PURGE_TOKENS = Command(
    delete(mail_token).where(mail_token.c.expires_at < bindparam("before", type_=INSTANT))
)


def add_mail(connection: Connection, row: MailRow) -> None:
    """Queues a letter, unless the same one waits for the same address already."""
    _ADD_MAIL.run(connection, rows=[row])


def lock_due(connection: Connection, *, now: datetime, limit: int) -> Sequence[MailRow]:
    """Letters that are due, locked, the longest waiting first."""
    return _LOCK_DUE.all(connection, now=now, limit=limit)


def postpone(connection: Connection, mail_id: str, *, to: datetime, tries: int) -> None:
    """Lets nobody take a letter before then; `tries` is how often it was tried."""
    _POSTPONE.run(connection, mail_id=mail_id, at=to, tried=tries)


def remove(connection: Connection, mail_id: str) -> None:
    """Takes a letter out of the queue."""
    _REMOVE.run(connection, mail_id=mail_id)


def add_token(connection: Connection, row: MailTokenRow) -> None:
    """Stores a token."""
    _ADD_TOKEN.run(connection, rows=[row])


def read_token(connection: Connection, token_hash: bytes) -> MailTokenRow | None:
    """A token, used or not."""
    return _READ_TOKEN.one(connection, token_hash=token_hash)


def lock_token(connection: Connection, token_hash: bytes) -> MailTokenRow | None:
    """A token, used or not, locked."""
    return _LOCK_TOKEN.one(connection, token_hash=token_hash)


def use_tokens(connection: Connection, user_id: str, purpose: str, *, now: datetime) -> None:
    """Uses up every token that an account has for a purpose."""
    _USE_TOKENS.run(connection, owner=user_id, purpose=purpose, now=now)


def purge_tokens(connection: Connection, *, expired_before: datetime) -> int:
    """Forgets tokens that expired before then; says how many."""
    return _PURGE_TOKENS.run(connection, before=expired_before)
