"""Accounts: opened and changed, within the caller's transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation

from services.auth import rules, store
from services.auth.failures import BadCredentials, EmailTaken, FieldInvalid
from services.kit.database import Connection
from services.kit.errors import Unavailable
from services.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class Change:
    """What to change about an account: None stays as it is, "" is taken away.

    `email` is in normal form.
    """

    full_name: str | None = None
    profile_picture: str | None = None
    email: str | None = None
    hashed_password: str | None = None


def require_fit(**fields: str | None) -> None:
    """Passes for values that can be stored. Raises FieldInvalid."""
    field = rules.unfit_field(fields)
    if field is not None:
        raise FieldInvalid(field=field)


def new(
    email: str,
    hashed: str,
    *,
    now: datetime,
    full_name: str | None = None,
    is_superuser: bool = False,
) -> store.UserRow:
    """An account that is to be opened, of an address in normal form."""
    return store.UserRow(
        id=uuid7(now),
        email=email,
        email_key=rules.email_key(email),
        hashed_password=hashed,
        is_active=True,
        is_superuser=is_superuser,
        is_verified=False,
        full_name=full_name,
        profile_picture=None,
        created_at=now,
        updated_at=None,
        deletes_at=None,
    )


def open_account(connection: Connection, user: store.UserRow) -> store.UserRow:
    """Opens a new account. Raises EmailTaken."""
    with _one_account_per_email():
        store.add_user(connection, user)
    return user


def locked(connection: Connection, checked: store.UserRow) -> store.UserRow:
    """The account, locked, with the password that was checked.

    Raises Unavailable when that was changed meanwhile: it is to be checked again.
    """
    user = store.lock_user(connection, checked.id)
    if user is None or not user.is_active or user.hashed_password != checked.hashed_password:
        raise Unavailable
    return user


def restored(connection: Connection, user: store.UserRow, *, now: datetime) -> store.UserRow:
    """A locked account that is no longer to be erased. Raises BadCredentials when it is too late."""
    if user.deletes_at is None:
        return user
    if user.deletes_at <= now:
        raise BadCredentials
    kept = user._replace(deletes_at=None, updated_at=now)
    store.save_user(connection, kept)
    return kept


def deleted(connection: Connection, user: store.UserRow, *, now: datetime) -> datetime:
    """Has a locked account erased later; returns until when a login restores it."""
    deletes_at = now + rules.RESTORABLE
    store.save_user(connection, user._replace(deletes_at=deletes_at, updated_at=now))
    return deletes_at


def changed(user: store.UserRow, change: Change) -> store.UserRow:
    """The account as the change wants it; a new e-mail address starts unverified."""
    email = user.email if change.email is None else change.email
    return user._replace(
        full_name=_given(change.full_name, user.full_name),
        profile_picture=_given(change.profile_picture, user.profile_picture),
        email=email,
        email_key=rules.email_key(email),
        is_verified=user.is_verified and email == user.email,
        hashed_password=change.hashed_password or user.hashed_password,
    )


def saved(
    connection: Connection, user: store.UserRow, change: Change, *, now: datetime
) -> store.UserRow:
    """A locked account, changed; untouched when nothing differs. Raises EmailTaken."""
    wanted = changed(user, change)
    if wanted == user:
        return user
    wanted = wanted._replace(updated_at=now)
    with _one_account_per_email():
        store.save_user(connection, wanted)
    return wanted


def _given(new: str | None, old: str | None) -> str | None:
    return old if new is None else new or None


@contextmanager
def _one_account_per_email() -> Iterator[None]:
    try:
        yield
    except UniqueViolation:
        raise EmailTaken from None
