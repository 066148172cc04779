"""What players own and wear: lock the wardrobe, decide, save."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from services.inventory import store, wardrobes
from services.inventory.catalogue import Catalogue
from services.inventory.failures import ItemNotOwned, ItemUnknown, SandboxOff
from services.inventory.rules import Item, Worn, dressed, players_now
from services.inventory.store import Acquisition, OwnedRow, WardrobeRow
from services.inventory.tables import trail
from services.kit.audit import Act, Warrant
from services.kit.database import Connection, Database
from services.kit.ids import uuid7

Answer = TypeVar("Answer")


class Belongings:
    """The players' items and wardrobes. Every method raises Unavailable."""

    def __init__(self, database: Database, catalogue: Catalogue, *, is_sandbox: bool) -> None:
        self._database = database
        self._catalogue = catalogue
        self._is_sandbox = is_sandbox

    def owned(self, users: Sequence[str]) -> dict[str, list[OwnedRow]]:
        """What each player owns, newest first."""
        rows: dict[str, list[OwnedRow]] = {user: [] for user in users}
        with self._database.read() as connection:
            for row in store.read_owned(connection, list(rows)):
                rows[row.user_id].append(row)
        return rows

    def held(self, user_id: str) -> set[str]:
        """The ids of the items that a player owns."""
        with self._database.read() as connection:
            return store.read_held(connection, [user_id])[user_id]

    def now(self, user_id: str) -> datetime:
        """What time it is by a player's clock."""
        with self._database.read() as connection:
            clock = wardrobes.read_clock(connection, user_id, is_sandbox=self._is_sandbox)
        return clock.players

    def worn(self, users: Sequence[str]) -> dict[str, Worn]:
        """What each player's hero wears: nothing, for a player who was never here."""
        with self._database.read() as connection:
            found = store.read_wardrobes(connection, list(set(users)))
        return {user: found[user].worn if user in found else Worn() for user in users}

    def wear(self, user_id: str, item_id: str) -> Worn:
        """What is worn, now with this item in the slot of its type. Raises ItemNotOwned."""
        item = self._catalogue.item(item_id)
        if item is None:
            raise ItemNotOwned

        def decide(connection: Connection, wardrobe: WardrobeRow, _: datetime) -> Worn:
            if item.id not in store.read_held(connection, [user_id])[user_id]:
                raise ItemNotOwned
            return _dress(connection, wardrobe, item.type, item.id)

        return self._locked(user_id, decide)

    def take_off(self, user_id: str, slot: str) -> Worn:
        """What is worn, now with the slot empty."""
        return self._locked(
            user_id, lambda connection, wardrobe, _: _dress(connection, wardrobe, slot, None)
        )

    def grant(self, user_id: str, item_id: str, warrant: Warrant | None = None) -> OwnedRow:
        """The player's item, given now unless it is owned.

        Without an operator's warrant it is the sandbox's: raises SandboxOff. Raises
        ItemUnknown.
        """
        if warrant is None:
            self._need_sandbox()
        item = self._catalogue.item(item_id)
        if item is None:
            raise ItemUnknown

        def decide(connection: Connection, wardrobe: WardrobeRow, now: datetime) -> OwnedRow:
            for row in store.read_owned(connection, [user_id]):
                if row.item_id == item.id:
                    return row
            if warrant:
                act = Act("item.grant", user_id, user_id, {"item_id": [None, item.id]})
                trail.add(connection, warrant, act, now=now)
            at = players_now(now, wardrobe.clock_offset_seconds, is_sandbox=self._is_sandbox)
            return _given(connection, user_id, item, at=at)

        return self._locked(user_id, decide)

    def set_clock(self, user_id: str, *, offset_seconds: int, revision: int) -> None:
        """Stores how far the player's clock is ahead, unless a newer revision is there.

        Raises SandboxOff.
        """
        self._need_sandbox()
        self._database.transact(
            lambda connection: store.save_clock(
                connection, user_id, offset_seconds=offset_seconds, revision=revision
            )
        )

    def _locked(
        self, user_id: str, decide: Callable[[Connection, WardrobeRow, datetime], Answer]
    ) -> Answer:
        """What `decide` makes of the player's locked wardrobe and the time since, committed."""
        return wardrobes.locked(
            self._database,
            [user_id],
            lambda connection, rows, now: decide(connection, rows[user_id], now),
        )

    def _need_sandbox(self) -> None:
        if not self._is_sandbox:
            raise SandboxOff


def _dress(connection: Connection, wardrobe: WardrobeRow, slot: str, item_id: str | None) -> Worn:
    worn = dressed(wardrobe.worn, slot, item_id)
    if worn != wardrobe.worn:
        store.save_worn(connection, wardrobe.user_id, worn)
    return worn


def _given(connection: Connection, user_id: str, item: Item, *, at: datetime) -> OwnedRow:
    store.acquire(connection, [Acquisition(user_id, item.id, uuid7(at), at, "grant")])
    return OwnedRow(user_id, item.id, at, "grant", equipped=False)
