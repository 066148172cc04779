"""The inventory service's statements: the transaction's connection first, rows out.

Each works on a whole batch: arrays in, one round trip. A player's wardrobe row
is the lock on everything that the player owns and wears; the rows are locked in
the order of the players. See catalogue_store.py for the items themselves.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, false, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.inventory.rules import Worn
from services.inventory.tables import DROP, ID, drop_grant, inventory, wardrobe
from services.kit.database import Connection
from services.kit.statements import Command, Query, Timed, given, of_users


class WardrobeRow(NamedTuple):
    """What one hero wears, and the player's clock."""

    user_id: str
    equipped_hat_id: str | None = None
    equipped_outfit_id: str | None = None
    equipped_accessory_id: str | None = None
    clock_offset_seconds: int = 0

    @property
    def worn(self) -> Worn:
        """What is in each slot."""
        return Worn(self.equipped_hat_id, self.equipped_outfit_id, self.equipped_accessory_id)


class OwnedRow(NamedTuple):
    """One item of one player."""

    user_id: str
    item_id: str
    obtained_at: datetime
    source: str
    equipped: bool


class HeldRow(NamedTuple):
    """That a player owns an item, and nothing more."""

    user_id: str
    item_id: str


class Acquisition(NamedTuple):
    """An item that comes to a player.

    `session_id` only with the source drop, `purchase_id` only with shop.
    """

    user_id: str
    item_id: str
    id: str
    obtained_at: datetime
    source: str
    session_id: str | None = None
    purchase_id: str | None = None


class DropKey(NamedTuple):
    """Names one session's drop."""

    user_id: str
    session_id: str


class Grant(NamedTuple):
    """What one session's drop gave, for ever; no item when the player owned everything.

    `rules_version` is None where it was given before that was noted.
    """

    user_id: str
    session_id: str
    item_id: str | None
    obtained_at: datetime
    rules_version: str | None

    @property
    def key(self) -> DropKey:
        """What it was given once for."""
        return DropKey(self.user_id, self.session_id)


class NewGrant(NamedTuple):
    """A grant, and the id under which its item is owned."""

    user_id: str
    session_id: str
    item_id: str | None
    obtained_at: datetime
    rules_version: str | None
    id: str


_newcomers = given(wardrobe.c.user_id)
_MAKE_WARDROBES = Command(
    upsert(wardrobe)
    .from_select(["user_id"], select(_newcomers))
    .on_conflict_do_nothing(index_elements=["user_id"])
)
_WARDROBES = (
    select(
        wardrobe.c.user_id,
        wardrobe.c.equipped_hat_id,
        wardrobe.c.equipped_outfit_id,
        wardrobe.c.equipped_accessory_id,
        wardrobe.c.clock_offset_seconds,
    )
    .where(of_users(wardrobe.c.user_id))
    .order_by(wardrobe.c.user_id)
)
_READ_WARDROBES = Query(_WARDROBES, WardrobeRow)
_LOCK_WARDROBES = Timed(_WARDROBES.with_for_update(of=wardrobe), WardrobeRow)
_SAVE_WORN = Command(
    update(wardrobe)
    .values(
        equipped_hat_id=bindparam("hat", type_=ID),
        equipped_outfit_id=bindparam("outfit", type_=ID),
        equipped_accessory_id=bindparam("accessory", type_=ID),
    )
    .where(wardrobe.c.user_id == bindparam("user_id", type_=ID))
)
_SAVE_CLOCK = Command(
    update(wardrobe)
    .values(
        clock_offset_seconds=bindparam("offset_seconds", type_=BigInteger),
        clock_revision=bindparam("revision", type_=BigInteger),
    )
    .where(
        wardrobe.c.user_id == bindparam("user_id", type_=ID),
        wardrobe.c.clock_revision < bindparam("revision", type_=BigInteger),
    )
)

_worn = or_(
    inventory.c.item_id == wardrobe.c.equipped_hat_id,
    inventory.c.item_id == wardrobe.c.equipped_outfit_id,
    inventory.c.item_id == wardrobe.c.equipped_accessory_id,
)
_READ_OWNED = Query(
    select(
        inventory.c.user_id,
        inventory.c.item_id,
        inventory.c.obtained_at,
        inventory.c.source,
        func.coalesce(_worn, false()).label("equipped"),
    )
    .join_from(
        inventory,
        wardrobe,
        and_(wardrobe.c.user_id == inventory.c.user_id, of_users(wardrobe.c.user_id)),
        isouter=True,
    )
    .where(of_users(inventory.c.user_id))
    .order_by(inventory.c.user_id, inventory.c.obtained_at.desc(), inventory.c.id.desc()),
    OwnedRow,
)
_READ_HELD = Query(
    select(inventory.c.user_id, inventory.c.item_id).where(of_users(inventory.c.user_id)), HeldRow
)
_ACQUIRED = [
    inventory.c[name]
    for name in (
        "user_id",
        "item_id",
        "id",
        "obtained_at",
        "source",
        "session_id",
        "purchase_id",
    )
]
_ACQUIRE = Command(
    insert(inventory).from_select([c.name for c in _ACQUIRED], select(given(*_ACQUIRED)))
)

_told = given(drop_grant.c.user_id, drop_grant.c.session_id)
_READ_GRANTS = Query(
    select(*drop_grant.c)
    .join(
        _told,
        and_(
            drop_grant.c.user_id == _told.c.user_id,
            drop_grant.c.session_id == _told.c.session_id,
        ),
    )
    .where(of_users(drop_grant.c.user_id)),
    Grant,
)
_GRANT = [drop_grant.c[name] for name in Grant._fields]
_OWNED = ("user_id", "session_id", "item_id", "obtained_at", "id")
_grants = select(given(*_GRANT, inventory.c.id)).cte("grants")
_owned = (
    insert(inventory)
    .from_select(
        [*_OWNED, "source"],
        select(*(_grants.c[name] for name in _OWNED), DROP).where(_grants.c.item_id.is_not(None)),
    )
    .cte("owned")
)
_GIVE = Command(
    insert(drop_grant)
    .from_select([c.name for c in _GRANT], select(*(_grants.c[c.name] for c in _GRANT)))
    .add_cte(_owned)
)


def make_wardrobes(connection: Connection, users: Iterable[str]) -> None:
    """Stores new wardrobes; those of players who have one stay as they are."""
    # In order, so that none wait in a ring.
    _MAKE_WARDROBES.run(connection, user_id=sorted(users))


def lock_wardrobes(
    connection: Connection, users: Sequence[str]
) -> tuple[dict[str, WardrobeRow], datetime]:
    """The wardrobes that exist, locked, and the time since."""
    locked, now = _LOCK_WARDROBES.all(connection, users=users)
    return {row.user_id: row for row in locked}, now


def read_wardrobes(connection: Connection, users: Sequence[str]) -> dict[str, WardrobeRow]:
    """The players' wardrobes; none for a player who was never here."""
    return {row.user_id: row for row in _READ_WARDROBES.all(connection, users=users)}


def save_worn(connection: Connection, user_id: str, worn: Worn) -> None:
    """Stores what the hero wears. The database refuses what the player does not own."""
    _SAVE_WORN.run(
        connection,
        user_id=user_id,
        hat=worn.hat,
        outfit=worn.outfit,
        accessory=worn.accessory,
    )


def save_clock(connection: Connection, user_id: str, *, offset_seconds: int, revision: int) -> None:
    """Stores how far the player's clock is ahead, unless a newer revision is there."""
    make_wardrobes(connection, [user_id])
    _SAVE_CLOCK.run(connection, user_id=user_id, offset_seconds=offset_seconds, revision=revision)


def read_owned(connection: Connection, users: Sequence[str]) -> list[OwnedRow]:
    """What the players own, each player's newest first."""
    return _READ_OWNED.all(connection, users=users)


def read_held(connection: Connection, users: Iterable[str]) -> dict[str, set[str]]:
    """The ids of what the players own, an entry for every player."""
    held: dict[str, set[str]] = {user: set() for user in users}
    for row in _READ_HELD.all(connection, users=list(held)):
        held[row.user_id].add(row.item_id)
    return held


def acquire(connection: Connection, rows: Sequence[Acquisition]) -> None:
    """Adds items to what players own. The database refuses an item owned already."""
    if rows:
        _ACQUIRE.run(connection, rows=rows)


def read_grants(connection: Connection, keys: Sequence[DropKey]) -> dict[DropKey, Grant]:
    """What these sessions' drops gave, where they were told before."""
    return {grant.key: grant for grant in _READ_GRANTS.all(connection, rows=keys)}


def give(connection: Connection, rows: Sequence[NewGrant]) -> None:
    """Records what sessions' drops gave, and adds the items to what players own.

    The database refuses an item owned already, and a second grant of a session.
    """
    _GIVE.run(connection, rows=rows)
