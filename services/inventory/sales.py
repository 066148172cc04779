"""The shop at work: what it shows a player, quotes, and hands over exactly once.

Payment is the session service's: it asks for a quote, takes the gold, and then
tells of the purchase until it is delivered or can never be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.inventory import delivery_store, store, wardrobes
from services.inventory.catalogue import Catalogue
from services.inventory.delivery_store import Delivery, PurchaseKey
from services.inventory.failures import AlreadyOwned, ItemUnknown, OfferExpired
from services.inventory.rotations import Rotations
from services.inventory.rules import Item, Rules, players_now
from services.inventory.shop import Rotation
from services.inventory.store import Acquisition, WardrobeRow
from services.kit.database import Connection, Database
from services.kit.errors import Failure
from services.kit.failpoints import reach
from services.kit.ids import uuid7
from services.kit.rulesfile import Edition


@dataclass(frozen=True, slots=True)
class Purchase:
    """An item that a player has paid for."""

    user_id: str
    purchase_id: str
    item_id: str

    @property
    def key(self) -> PurchaseKey:
        """What it is delivered once for."""
        return PurchaseKey(self.user_id, self.purchase_id)


@dataclass(frozen=True, slots=True)
class Window:
    """The shop as one player sees it: what it offers now, and the ids of what is owned.

    `rules_version` dealt the offers, and set their prices.
    """

    rotation: Rotation
    rules_version: str
    held: set[str]


@dataclass(frozen=True, slots=True)
class Quote:
    """What an item costs, in gold, and the version of the rules that say so."""

    price_gold: int
    rules_version: str


class Sales:
    """Shows, quotes and delivers, under one edition. Every method raises Unavailable."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        rotations: Rotations,
        edition: Edition[Rules],
        *,
        is_sandbox: bool,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._rotations = rotations
        self._edition = edition
        self._is_sandbox = is_sandbox

    def window(self, user_id: str) -> Window:
        """The shop as it is by the player's clock."""
        with self._database.read() as connection:
            held = store.read_held(connection, [user_id])[user_id]
            # Last, so that no quote is older than what it was told by.
            clock = wardrobes.read_clock(connection, user_id, is_sandbox=self._is_sandbox)
        standing = self._rotations.at(clock.players, self._edition, now=clock.now)
        return Window(standing.rotation, standing.rules_version, held)

    def quote(self, user_id: str, item_id: str, rotation_id: str) -> Quote:
        """What an item costs that the player saw in a rotation.

        Raises ItemUnknown, AlreadyOwned, OfferExpired.
        """
        if self._catalogue.item(item_id) is None:
            raise ItemUnknown
        window = self.window(user_id)
        if item_id in window.held:
            raise AlreadyOwned
        offer = window.rotation.offer_of(item_id)
        if offer is None or window.rotation.id != rotation_id:
            raise OfferExpired
        return Quote(offer.price_gold, window.rules_version)

    def deliver(self, purchases: Sequence[Purchase]) -> list[Delivery | Failure]:
        """What each purchase brought, in one transaction for all.

        Each fails alone, and for ever, with AlreadyOwned or ItemUnknown. One that
        was told before, or twice in one batch, brings the same again.
        """
        items = self._catalogue.with_items(purchase.item_id for purchase in purchases).items
        outcomes = wardrobes.locked(
            self._database,
            {purchase.user_id for purchase in purchases},
            lambda connection, owners, now: self._deliver(
                connection, owners, purchases, items, now=now
            ),
        )
        reach("inventory.deliver.after_commit")
        return outcomes

    def _deliver(
        self,
        connection: Connection,
        owners: Mapping[str, WardrobeRow],
        purchases: Sequence[Purchase],
        items: Mapping[str, Item],
        *,
        now: datetime,
    ) -> list[Delivery | Failure]:
        paid = {purchase.key: purchase for purchase in purchases}
        told = delivery_store.read_deliveries(connection, list(paid))
        outcomes: dict[PurchaseKey, Delivery | Failure] = {
            PurchaseKey(d.user_id, d.purchase_id): d for d in told
        }
        fresh = [purchase for key, purchase in paid.items() if key not in outcomes]
        if fresh:
            held = store.read_held(connection, owners)
            nows = {
                user: players_now(now, row.clock_offset_seconds, is_sandbox=self._is_sandbox)
                for user, row in owners.items()
            }
            outcomes |= _decided(fresh, items, held, nows)
            store.acquire(connection, list(_acquired(outcomes, fresh)))
            reach("inventory.deliver.before_commit")
        return [outcomes[purchase.key] for purchase in purchases]


def _decided(
    purchases: Sequence[Purchase],
    items: Mapping[str, Item],
    held: Mapping[str, set[str]],
    nows: Mapping[str, datetime],
) -> dict[PurchaseKey, Delivery | Failure]:
    """One by one, because an item that a player gets can not be delivered again."""
    decided: dict[PurchaseKey, Delivery | Failure] = {}
    for purchase in purchases:
        user, item_id = purchase.user_id, purchase.item_id
        if item_id not in items:
            decided[purchase.key] = ItemUnknown()
        elif item_id in held[user]:
            decided[purchase.key] = AlreadyOwned()
        else:
            decided[purchase.key] = Delivery(user, purchase.purchase_id, item_id, nows[user])
            held[user].add(item_id)
    return decided


def _acquired(
    outcomes: Mapping[PurchaseKey, Delivery | Failure], fresh: Sequence[Purchase]
) -> Iterator[Acquisition]:
    for purchase in fresh:
        new = outcomes[purchase.key]
        if isinstance(new, Delivery):
            yield Acquisition(
                user_id=new.user_id,
                item_id=new.item_id,
                id=uuid7(new.obtained_at),
                obtained_at=new.obtained_at,
                source="shop",
                purchase_id=new.purchase_id,
            )
