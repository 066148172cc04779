"""The shop with both its services for real: gold on one side, items on the other."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration

from protos.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from protos.session.v1 import session_pb2, session_pb2_grpc
from services.inventory.__main__ import wired as wired_inventory
from services.inventory.catalogue_file import read_catalogue
from services.inventory.rules import RarityWeights, dropped
from services.kit import failpoints
from services.kit.errors import Failure
from services.kit.settings import ServiceSettings
from services.kit.times import instant
from services.session.__main__ import wired as wired_session
from tests.service.inventory.stock import new_id
from tests.service.inventory.stock import settings_of as inventory_settings
from tests.service.peers import SECRET, Peer, at_once, listening, peer

WEIGHTS = RarityWeights(common=75, rare=20, epic=5)


@dataclass(frozen=True)
class Market:
    """Both services, and a look into the database of each."""

    session: Peer
    inventory: Peer
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
        items, owned = read_catalogue(), {owned.item.id for owned in self.items()}
        lucks = iter(lambda: secrets.token_bytes(16), b"")
        luck = next(
            luck
            for luck in lucks
            if (item := dropped(luck, items, owned=owned, weights=WEIGHTS)) and item.id == item_id
        )
        drop = inventory_pb2.Drop(user_id=self.id, session_id=new_id(), luck=luck)
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


@pytest.fixture(scope="module")
def market(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("m")
    urls = {name: new_database(name) for name in ("session", "inventory")}
    settings = ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=True,
        service="session",
        database_url=urls["session"],
        listen="",
    )
    inventory = wired_inventory(inventory_settings(urls["inventory"]))
    with listening(inventory, folder) as goods:
        assert any(inventory.is_ready() for _ in range(5))
        # Nobody completes a session here, so nobody asks for the world.
        targets = {"inventory": goods, "world": f"unix:{folder}/nobody.sock"}
        with listening(wired_session(settings, targets.__getitem__), folder) as till:
            stub = inventory_pb2_grpc.InventoryServiceStub
            yield Market(
                session=peer("session", till, session_pb2_grpc.SessionServiceStub),
                inventory=peer("inventory", goods, stub),
                drops=peer("inventory", goods, stub, caller="session"),
                session_url=urls["session"],
                inventory_url=urls["inventory"],
            )


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Makes a fail point raise, once."""
    monkeypatch.setattr(failpoints, "_FOLDER", str(tmp_path))

    def arm(point: str) -> None:
        (tmp_path / point).write_text("raise")

    return arm


def buyer_with(market: Market, gold: int) -> Buyer:
    buyer = Buyer(market, new_id())
    market.session.GrantReward(session_pb2.GrantRewardRequest(user_id=buyer.id, gold=gold))
    return buyer


def test_an_offer_is_bought_for_its_price(market: Market) -> None:
    buyer = buyer_with(market, 1000)
    shop = buyer.shop()
    offer = shop.offers[0]

    bought = buyer.buy(offer.item.id, shop.rotation_id)

    assert bought.item.item == offer.item
    assert bought.item.source == inventory_pb2.SOURCE_SHOP
    assert bought.gold_spent == offer.price_gold
    assert bought.hero.gold == buyer.gold() == 1000 - offer.price_gold
    assert buyer.items() == [bought.item]
    assert [o.owned for o in buyer.shop().offers] == [True, *[False] * 5]


def test_fifty_parallel_buys_of_one_item_sell_one(market: Market) -> None:
    buyer = buyer_with(market, 10_000)
    shop = buyer.shop()
    offer = shop.offers[0]

    told = at_once(50, lambda _: buyer.insists(offer.item.id, shop.rotation_id))

    assert sorted(told) == ["ALREADY_OWNED"] * 49 + ["SOLD"]
    assert buyer.gold() == 10_000 - offer.price_gold
    assert buyer.purchases() == [(offer.item.id, False, True)]


def test_fifty_parallel_buys_of_all_offers_with_gold_for_one_sell_one(market: Market) -> None:
    shop = buyer_with(market, 0).shop()
    cheapest = min(offer.price_gold for offer in shop.offers)
    offers = [offer for offer in shop.offers if offer.price_gold == cheapest]
    buyer = buyer_with(market, cheapest)

    told = at_once(50, lambda n: buyer.insists(offers[n % len(offers)].item.id, shop.rotation_id))

    assert told.count("SOLD") == 1
    assert set(told) <= {"SOLD", "NOT_ENOUGH_GOLD", "ALREADY_OWNED"}
    assert buyer.gold() == 0
    assert [is_here for *_, is_here in buyer.purchases()] == [True]


def test_what_drops_between_payment_and_delivery_is_paid_back(
    market: Market, arm: Callable[[str], None]
) -> None:
    buyer = buyer_with(market, 1000)
    shop = buyer.shop()
    offer = shop.offers[0]
    arm("session.buy.after_commit")
    assert buyer.tells(offer.item.id, shop.rotation_id) == "INTERNAL"
    assert buyer.gold() == 1000 - offer.price_gold
    buyer.drop(offer.item.id)
    arm("session.refund.before_commit")
    assert buyer.tells(offer.item.id, shop.rotation_id) == "INTERNAL"
    assert buyer.gold() == 1000 - offer.price_gold

    told = at_once(8, lambda _: buyer.insists(offer.item.id, shop.rotation_id))

    assert set(told) == {"ALREADY_OWNED"}
    assert buyer.gold() == 1000
    assert buyer.purchases() == [(offer.item.id, True, False)]
    assert [owned.source for owned in buyer.items()] == [inventory_pb2.SOURCE_DROP]


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_delivery_that_crashes_in_inventory_is_done_by_buying_again(
    market: Market, arm: Callable[[str], None], point: str
) -> None:
    buyer = buyer_with(market, 1000)
    shop = buyer.shop()
    offer = shop.offers[0]
    arm(f"inventory.deliver.{point}")

    first = buyer.tells(offer.item.id, shop.rotation_id)
    bought = buyer.buy(offer.item.id, shop.rotation_id)

    assert first == "UNAVAILABLE"
    assert buyer.items() == [bought.item]
    assert buyer.gold() == bought.hero.gold == 1000 - offer.price_gold
    assert buyer.purchases() == [(offer.item.id, False, True)]


def test_at_midnight_by_the_players_clock_the_offers_expire(market: Market) -> None:
    buyer = buyer_with(market, 5000)
    today = buyer.shop()
    seen = {offer.item.id for offer in today.offers}

    buyer.wait(86_400)
    tomorrow = buyer.shop()
    told = {buyer.tells(item_id, today.rotation_id) for item_id in seen}

    assert instant(today.rotates_at) < instant(tomorrow.rotates_at)
    assert told == {"OFFER_EXPIRED"}
    assert buyer.gold() == 5000
    assert buyer.tells(tomorrow.offers[0].item.id, tomorrow.rotation_id) == "SOLD"


def test_what_was_paid_before_midnight_is_delivered_after_it(
    market: Market, arm: Callable[[str], None]
) -> None:
    buyer = buyer_with(market, 1000)
    shop = buyer.shop()
    offer = shop.offers[0]
    arm("session.buy.after_commit")
    assert buyer.tells(offer.item.id, shop.rotation_id) == "INTERNAL"

    buyer.wait(86_400)
    bought = buyer.buy(offer.item.id, shop.rotation_id)

    assert bought.item.item == offer.item
    assert buyer.gold() == 1000 - offer.price_gold


def test_an_unknown_item_and_a_strange_rotation_cost_nothing(market: Market) -> None:
    buyer = buyer_with(market, 1000)
    shop = buyer.shop()

    assert buyer.tells(new_id(), shop.rotation_id) == "ITEM_UNKNOWN"
    assert buyer.tells(shop.offers[0].item.id, "x" * 1000) == "OFFER_EXPIRED"
    assert buyer.gold() == 1000
    assert buyer.purchases() == []
