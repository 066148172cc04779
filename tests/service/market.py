"""The shop with both its services for real, and its buyers."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from google.protobuf.duration_pb2 import Duration

from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.session.v1 import session_pb2, session_pb2_grpc
from services.inventory.__main__ import wired as wired_inventory
from services.inventory.rules import RarityWeights, dropped
from services.kit.errors import Failure
from services.kit.settings import ServiceSettings
from services.session.__main__ import wired as wired_session
from tests.service.inventory.stock import drop_of, new_id, shipped
from tests.service.inventory.stock import settings_of as inventory_settings
from tests.service.peers import SECRET, Peer, listening, peer

Answer = TypeVar("Answer")

WEIGHTS = RarityWeights(common=75, rare=20, epic=5)


@dataclass(frozen=True)
class Market:
    """Both services, and a look into the database of each."""

    session: Peer
    inventory: Peer
    # Another process of inventory's.
    replica: Peer
    drops: Peer
    session_url: str
    inventory_url: str


@dataclass(frozen=True)
class Buyer:
    """A new player with gold."""

    market: Market
    id: str

    def shop(self) -> inventory_pb2.GetShopResponse:
        request = inventory_pb2.GetShopRequest(user_id=self.id)
        shop: inventory_pb2.GetShopResponse = self.market.inventory.GetShop(request)
        return shop

    def gold(self) -> int:
        request = session_pb2.BatchGetHeroesRequest(user_ids=[self.id])
        return int(self.market.session.BatchGetHeroes(request).heroes[0].gold)

    def items(self) -> list[inventory_pb2.OwnedItem]:
        request = inventory_pb2.BatchGetInventoriesRequest(user_ids=[self.id])
        return list(self.market.inventory.BatchGetInventories(request).inventories[0].items)

    def buy(self, item_id: str, rotation_id: str) -> session_pb2.BuyItemResponse:
        request = session_pb2.BuyItemRequest(
            user_id=self.id, item_id=item_id, rotation_id=rotation_id
        )
        bought: session_pb2.BuyItemResponse = self.market.session.BuyItem(request)
        return bought

    def tells(self, item_id: str, rotation_id: str) -> str:
        """What a buy says: SOLD, or the reason why not."""
        try:
            self.buy(item_id, rotation_id)
        except Failure as failure:
            return failure.reason
        return "SOLD"

    def insists(self, item_id: str, rotation_id: str) -> str:
        """As `tells`, by one who repeats what is unavailable at the moment."""
        while (told := self.tells(item_id, rotation_id)) == "UNAVAILABLE":
            pass
        return told

    def drop(self, item_id: str) -> None:
        """A session drops this very item."""
        now, owned = datetime.now(UTC), {owned.item.id for owned in self.items()}
        items = shipped(now)
        lucks = iter(lambda: secrets.token_bytes(16), b"")
        luck = next(
            luck
            for luck in lucks
            if (item := dropped(luck, items, owned=owned, weights=WEIGHTS)) and item.id == item_id
        )
        drop = drop_of(self.id, luck=luck, started_at=now)
        self.market.drops.BatchGrantDrops(inventory_pb2.BatchGrantDropsRequest(drops=[drop]))

    def wait(self, seconds: int) -> None:
        """Moves the player's clock in both services, as the gateway does."""
        by = Duration(seconds=seconds)
        moved = self.market.session.AdvanceClock(
            session_pb2.AdvanceClockRequest(user_id=self.id, by=by)
        ).clock
        self.market.inventory.SetClock(
            inventory_pb2.SetClockRequest(
                user_id=self.id, offset=moved.offset, revision=moved.revision
            )
        )

    def purchases(self) -> list[tuple[Any, ...]]:
        """Purchases and items side by side: the item, whether refunded, whether it is here."""
        with psycopg.connect(self.market.session_url) as connection:
            paid = connection.execute(
                "SELECT id, item_id::text, refunded_at IS NOT NULL, settled_at IS NOT NULL"
                " FROM purchase WHERE user_id = %s ORDER BY id",
                [self.id],
            ).fetchall()
        with psycopg.connect(self.market.inventory_url) as connection:
            rows = connection.execute(
                "SELECT purchase_id, item_id::text FROM inventory"
                " WHERE user_id = %s AND source = 'shop'",
                [self.id],
            ).fetchall()
        here: dict[Any, Any] = dict(rows)
        assert set(here) <= {purchase_id for purchase_id, *_ in paid}
        assert all(settled for *_, settled in paid)
        return [
            (item, refunded, here.get(purchase_id) == item)
            for purchase_id, item, refunded, _ in paid
        ]


def buyer_with(market: Market, gold: int) -> Buyer:
    buyer = Buyer(market, new_id())
    market.session.GrantReward(session_pb2.GrantRewardRequest(user_id=buyer.id, gold=gold))
    return buyer


@contextmanager
def opened_market(urls: Mapping[str, str], folder: Path) -> Iterator[Market]:
    """Both services on the databases at `urls`, until the end; inventory with a replica."""
    settings = ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=True,
        service="session",
        database_url=urls["session"],
        listen="",
    )
    stub = inventory_pb2_grpc.InventoryServiceStub
    with ExitStack() as stack:
        goods = []
        for replica in ("one", "other"):
            inventory = wired_inventory(inventory_settings(urls["inventory"]))
            (folder / replica).mkdir()
            goods.append(stack.enter_context(listening(inventory, folder / replica)))
            assert any(inventory.is_ready() for _ in range(5))
        # Nobody completes a session here, so nobody asks for the world.
        targets = {"inventory": goods[0], "world": f"unix:{folder}/nobody.sock"}
        session = wired_session(settings, targets.__getitem__)
        till = stack.enter_context(listening(session, folder))
        yield Market(
            session=peer("session", till, session_pb2_grpc.SessionServiceStub),
            inventory=peer("inventory", goods[0], stub),
            replica=peer("inventory", goods[1], stub),
            drops=peer("inventory", goods[0], stub, caller="session"),
            session_url=urls["session"],
            inventory_url=urls["inventory"],
        )
