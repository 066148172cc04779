"""What operators do to accounts, each change with its entry in the audit trail.

Within the caller's transaction; the gateway asks by gRPC, `nesra user` directly.
"""

from dataclasses import asdict, dataclass

from services.auth import accounts, operator_store, rules, store
from services.auth.failures import LastSuperuser, UserUnknown
from services.auth.logins import end_all
from services.auth.store import UserRow
from services.auth.tables import trail
from services.kit.audit import Act, Warrant, differences
from services.kit.clock import database_now
from services.kit.database import Connection

_STANDING = ("is_active", "is_verified", "is_superuser")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account is to stand: None stays as it is."""

    is_active: bool | None = None
    is_verified: bool | None = None
    is_superuser: bool | None = None


def found(connection: Connection, email: str) -> UserRow:
    """The account with an e-mail address, however that is written. Raises UserUnknown."""
    user = store.find_user(connection, rules.email_key(rules.normal_email(email)))
    if user is None:
        raise UserUnknown
    return user


def opened(
    connection: Connection, email: str, hashed: str, warrant: Warrant, *, is_superuser: bool
) -> UserRow:
    """A new account, of an address in normal form. Raises EmailTaken."""
    now = database_now(connection)
    new = accounts.new(email, hashed, now=now, is_superuser=is_superuser)
    user = accounts.open_account(connection, new)
    changes = {field: [None, getattr(user, field)] for field in _STANDING}
    trail.add(connection, warrant, Act("user.create", user.id, user.id, changes), now=now)
    return user


def placed(connection: Connection, user_id: str, standing: Standing, warrant: Warrant) -> UserRow:
    """The account as the operator wants it to stand; untouched when nothing differs.

    One that is closed is logged out everywhere. Raises UserUnknown, LastSuperuser.
    """
    locked = operator_store.lock_with_superusers(connection, user_id)
    user = locked.pop(user_id, None)
    if user is None:
        raise UserUnknown
    given = {field: value for field, value in asdict(standing).items() if value is not None}
    wanted = user._replace(**given)
    if wanted == user:
        return user
    if _operates(user) and not _operates(wanted) and not any(map(_operates, locked.values())):
        raise LastSuperuser
    return _saved(connection, user, wanted, warrant)


def _saved(connection: Connection, user: UserRow, wanted: UserRow, warrant: Warrant) -> UserRow:
    now = database_now(connection)
    if user.is_active and not wanted.is_active:
        end_all(connection, user.id, rules.DISABLED, now=now)
    wanted = wanted._replace(updated_at=now)
    store.save_user(connection, wanted)
    changes = differences(user, wanted, _STANDING)
    trail.add(connection, warrant, Act("user.update", user.id, user.id, changes), now=now)
    return wanted


def _operates(user: UserRow) -> bool:
    """Whether one can count on the account: it might be closed, or about to be erased."""
    return user.is_active and user.is_superuser and user.deletes_at is None
