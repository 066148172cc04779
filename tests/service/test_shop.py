"""The shop with both its services for real: gold on one side, items on the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protos.inventory.v1 import inventory_pb2
from services.kit import failpoints
from services.kit.times import instant
from tests.service.inventory.stock import new_id
from tests.service.market import Market, buyer_with, opened_market
from tests.service.peers import at_once


@pytest.fixture(scope="module")
def market(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    urls = {name: new_database(name) for name in ("session", "inventory")}
    with opened_market(urls, tmp_path_factory.mktemp("m")) as market:
        yield market


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Makes a fail point raise, once."""
    monkeypatch.setattr(failpoints, "_FOLDER", str(tmp_path))

    def arm(point: str) -> None:
        (tmp_path / point).write_text("raise")

    return arm


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
