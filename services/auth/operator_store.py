"""The statements of operators, over accounts of anybody. See store.py for the others.

Accounts are locked in the order of their ids, before the families of the same transaction.
"""

from typing import NamedTuple

from sqlalchemy import BigInteger, Text, and_, bindparam, func, or_, select

from services.auth.store import UserRow
from services.auth.tables import ID, user
from services.kit.database import Connection
from services.kit.statements import Query


class Stretch(NamedTuple):
    """Which accounts to look through, from before one down to the `end`, and what to find.

    The parts are of the address in the form that is compared, and of the name.
    """

    before: str
    end: str
    email_part: str
    name_part: str
    limit: int


class _Place(NamedTuple):
    id: str


_USER = [user.c[name] for name in UserRow._fields]

_LOCK_WITH_SUPERUSERS = Query(
    select(*_USER)
    .where(
        or_(
            user.c.id == bindparam("user_id", type_=ID),
            and_(user.c.is_superuser, user.c.is_active),
        )
    )
    .order_by(user.c.id)
    .with_for_update(),
    UserRow,
)

_is_older = user.c.id < bindparam("before", type_=ID)
_END_OF_STRETCH = Query(
    select(user.c.id)
    .where(_is_older)
    .order_by(user.c.id.desc())
    .offset(bindparam("newer", type_=BigInteger))
    .limit(1),
    _Place,
)
_name = func.lower(user.c.full_name)
_SEARCH = Query(
    select(*_USER)
    .where(
        _is_older,
        user.c.id >= bindparam("end", type_=ID),
        or_(
            # Not LIKE: whatever is looked for, each of its characters means itself.
            func.strpos(user.c.email_key, bindparam("email_part", type_=Text)) > 0,
            func.strpos(_name, func.lower(bindparam("name_part", type_=Text))) > 0,
        ),
    )
    .order_by(user.c.id.desc())
    .limit(bindparam("limit", type_=BigInteger)),
    UserRow,
)


def lock_with_superusers(connection: Connection, user_id: str) -> dict[str, UserRow]:
    """An account, if it exists, and all those that operate the town, locked."""
    rows = _LOCK_WITH_SUPERUSERS.all(connection, user_id=user_id)
    return {row.id: row for row in rows}


def end_of_stretch(connection: Connection, *, before: str, accounts: int) -> str | None:
    """The oldest of the so many newest accounts before one; None where there are fewer."""
    place = _END_OF_STRETCH.one(connection, before=before, newer=accounts - 1)
    return place.id if place else None


def search(connection: Connection, stretch: Stretch) -> list[UserRow]:
    """The accounts that are found in a stretch, newest first."""
    return _SEARCH.all(connection, **stretch._asdict())
