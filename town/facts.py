"""What the databases say about one player, as far as the invariants of the town ask.

Rows as they are stored, one part per database. What they should be, invariants.py knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.world.rules import World
from services.world.streak import Dates

# The databases that hold facts about players; auth's holds accounts only. In this order they are read, session
# first: see Reader.read.
PLAYED = ("session", "inventory", "world")


@dataclass(frozen=True, slots=True)
class Hero:
    """A hero's growth, and how often the sandbox moved the player's clock."""

    user_id: str
    level: int
    exp: int
    gold: int
    clock_revision: int


@dataclass(frozen=True, slots=True)
class Success:
    """A successful session; `item_id` is that of the item that it dropped, as session knows it.

    `chance` is that of a drop, and None where it was not recorded. `settle_after` is None when it is settled, and when its delivery was given up.
    """

    user_id: str
    id: str
    minutes: int
    started_at: datetime
    ends_at: datetime
    ended_at: datetime
    exp: int
    gold: int
    chance: int | None
    dropped: bool
    item_id: str | None
    rules_version: str
    is_settled: bool
    settle_after: datetime | None
    settle_attempts: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """An item that was paid for; what concerns its delivery is as with a Success."""

    user_id: str
    id: str
    item_id: str
    price_gold: int
    bought_at: datetime
    is_refunded: bool
    is_settled: bool
    settle_after: datetime | None
    settle_attempts: int


@dataclass(frozen=True, slots=True)
class Gift:
    """All exp and gold that came from no session."""

    user_id: str
    exp: int
    gold: int


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What session knows of a player, at `now` by its database's clock."""

    now: datetime
    hero: Hero | None = None
    gift: Gift | None = None
    successes: Sequence[Success] = ()
    purchases: Sequence[Purchase] = ()


@dataclass(frozen=True, slots=True)
class Owned:
    """An item that a player owns, and where it came from."""

    user_id: str
    item_id: str
    type: str
    source: str
    session_id: str | None
    purchase_id: str | None


@dataclass(frozen=True, slots=True)
class DropGrant:
    """What inventory answered to a session's drop; no item when everything was owned."""

    user_id: str
    session_id: str
    item_id: str | None


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """The item ids that a hero wears."""

    user_id: str
    hat: str | None
    outfit: str | None
    accessory: str | None

    def worn(self) -> Iterator[tuple[str, str]]:
        """Return (slot, item id) of the slots that are not empty."""
        for slot, item_id in (
            ("hat", self.hat),
            ("outfit", self.outfit),
            ("accessory", self.accessory),
        ):
            if item_id:
                yield slot, item_id


@dataclass(frozen=True, slots=True)
class InventoryFacts:
    """What inventory knows of a player."""

    owned: Sequence[Owned] = ()
    grants: Sequence[DropGrant] = ()
    wardrobe: Wardrobe | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """A session that counts; `rooms` are those that it upgraded, with a comma between."""

    user_id: str
    session_id: str
    local_date: date
    rooms: str


@dataclass(frozen=True, slots=True)
class WorldFacts:
    """What world knows of a player."""

    world: World | None
    credits: Sequence[Credit]
    dates: Dates


@dataclass(frozen=True, slots=True)
class Facts:
    """All of one player."""

    player: str
    session: SessionFacts
    inventory: InventoryFacts
    world: WorldFacts

    def successes(self) -> Mapping[str, Success]:
        """Return the successful sessions by id."""
        return {success.id: success for success in self.session.successes}
