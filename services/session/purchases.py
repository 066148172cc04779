"""Purchases: lock, decide, save. Every method is one transaction, or one read.

No call to another service happens here; deliveries.py does that after the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.kit.batches import isolated
from services.kit.clock import database_now
from services.kit.database import Connection, Database
from services.kit.errors import Failure
from services.kit.failpoints import reach
from services.kit.ids import uuid7
from services.session import player_store, purchase_store
from services.session.failures import AlreadyOwned, NotEnoughGold
from services.session.player_store import HeroRow
from services.session.purchase_store import PurchaseRow
from services.session.rules import players_now
from services.session.settle import FIRST_SWEEP
from services.session.store import Key


@dataclass(frozen=True, slots=True)
class Order:
    """What a player wishes to buy, from which day's offers."""

    user_id: str
    item_id: str
    rotation_id: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What an item costs, in gold, and the version of the rules that say so."""

    price_gold: int
    rules_version: str


@dataclass(frozen=True, slots=True)
class Paid:
    """A purchase that was paid, whatever became of it, and the hero as it is now."""

    purchase: PurchaseRow
    hero: HeroRow


class Purchases:
    """Takes gold, and gives it back. A player pays for an item once."""

    def __init__(self, database: Database, *, has_sandbox: bool) -> None:
        self._database = database
        self._has_sandbox = has_sandbox

    def paid(self, key: Key) -> Paid:
        """A purchase that exists, as it stands now. Raises Unavailable."""
        with self._database.read() as connection:
            purchase = purchase_store.read_purchase(connection, key)
            heroes = player_store.read_heroes(connection, [key.user_id])
        return Paid(purchase, heroes[key.user_id])

    def under_way(self, order: Order) -> PurchaseRow | None:
        """The player's purchase of that item, if one is paid and not settled yet."""
        with self._database.read() as connection:
            found = purchase_store.read_purchase_of(connection, order.user_id, order.item_id)
        return found if found is not None and found.settled_at is None else None

    def buy(
        self, connection: Connection, order: Order, quote: Quote, *, goes_on: bool
    ) -> PurchaseRow:
        """Pays for the item, in the caller's transaction.

        `goes_on`: or finds that it is paid and under way; without it, that is
        AlreadyOwned too. Raises NotEnoughGold, AlreadyOwned.
        """
        hero = player_store.lock_heroes(connection, [order.user_id]).get(order.user_id)
        if hero is None:
            # Who never played has no hero yet, and no gold.
            raise NotEnoughGold
        found = purchase_store.read_purchase_of(connection, order.user_id, order.item_id)
        if found is not None:
            if goes_on and found.settled_at is None:
                return found
            raise AlreadyOwned
        if hero.gold < quote.price_gold:
            raise NotEnoughGold
        bought = self._bought(connection, order, quote, hero)
        poorer = hero._replace(gold=hero.gold - quote.price_gold)
        player_store.save_heroes(connection, [poorer])
        purchase_store.add_purchase(connection, bought)
        reach("session.buy.before_commit")
        return bought

    def refund(self, rows: Sequence[PurchaseRow]) -> Sequence[Failure | None]:
        """Gives back what these purchases of one shard cost, each once. Safe to repeat.

        Only of what can never be delivered: what is delivered stays paid. Each
        fails alone. Raises Unavailable.
        """
        return isolated(self._refund, [row.key for row in rows]) if rows else []

    def _bought(
        self, connection: Connection, order: Order, quote: Quote, hero: HeroRow
    ) -> PurchaseRow:
        now = database_now(connection)
        at = players_now(now, hero.clock_offset_seconds, is_sandbox=self._has_sandbox)
        return PurchaseRow(
            user_id=order.user_id,
            id=uuid7(at=at),
            item_id=order.item_id,
            price_gold=quote.price_gold,
            rotation_id=order.rotation_id,
            rules_version=quote.rules_version,
            bought_at=at,
            settle_after=now + FIRST_SWEEP,
        )

    def _refund(self, keys: Sequence[Key]) -> list[None]:
        self._database.transact(lambda connection: _give_back(connection, keys))
        return [None] * len(keys)


def _give_back(connection: Connection, keys: Sequence[Key]) -> None:
    """Refunds those that are still unsettled, as they are under the locks."""
    heroes = player_store.lock_heroes(connection, sorted({key.user_id for key in keys}))
    rows = purchase_store.lock_unsettled(connection, keys)
    richer: dict[str, HeroRow] = {}
    for row in rows:
        hero = richer.get(row.user_id, heroes[row.user_id])
        richer[row.user_id] = hero._replace(gold=hero.gold + row.price_gold)
    player_store.save_heroes(connection, list(richer.values()))
    purchase_store.refund_purchases(connection, rows, now=database_now(connection))
    reach("session.refund.before_commit")
