"""The shop: what it shows, quotes and delivers, each purchase exactly once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protos.inventory.v1 import inventory_pb2 as pb
from services.kit import failpoints
from services.kit.errors import Refused
from services.kit.settings import database_on
from services.kit.times import instant
from tests.service.inventory.stock import Player, Stock, new_id, opened
from tests.service.peers import at_once, insisting, neighbours

DAY_S = 86_400


@pytest.fixture
def earnest(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """The same database, served without a sandbox."""
    url = database_on(server_url, "nesra_inventory")
    with opened(url, tmp_path_factory.mktemp("i"), sandbox=False) as stock:
        yield stock


def shop_of(player: Player) -> pb.GetShopResponse:
    shop: pb.GetShopResponse = player.stock.gateway.GetShop(pb.GetShopRequest(user_id=player.id))
    return shop


def quote(player: Player, item_id: str, rotation_id: str) -> pb.QuoteOfferResponse:
    request = pb.QuoteOfferRequest(user_id=player.id, item_id=item_id, rotation_id=rotation_id)
    quoted: pb.QuoteOfferResponse = player.stock.session.QuoteOffer(request)
    return quoted


def purchase(player: Player, item_id: str, purchase_id: str | None = None) -> pb.Purchase:
    return pb.Purchase(user_id=player.id, purchase_id=purchase_id or new_id(), item_id=item_id)


def deliver(stock: Stock, *purchases: pb.Purchase) -> list[pb.DeliveryResult]:
    request = pb.BatchDeliverPurchasesRequest(purchases=purchases)
    return list(stock.session.BatchDeliverPurchases(request).results)


def test_every_player_sees_the_same_offers(stock: Stock) -> None:
    one, other = shop_of(Player(stock)), shop_of(Player(stock))

    assert one == other
    assert len(one.offers) == 6


def test_what_is_owned_is_shown_as_owned(player: Player) -> None:
    mine = shop_of(player).offers[3].item.id
    player.grant(mine)

    owned = [offer.item.id for offer in shop_of(player).offers if offer.owned]

    assert owned == [mine]


def test_the_shop_rotates_at_midnight_by_the_players_clock(player: Player) -> None:
    today = shop_of(player)
    left = instant(today.rotates_at) - datetime.now(UTC)

    player.set_clock(int(left.total_seconds()) + 60, revision=1)
    tomorrow = shop_of(player)

    assert today.rotation_id != tomorrow.rotation_id
    assert instant(tomorrow.rotates_at) - instant(today.rotates_at) == timedelta(days=1)
    assert shop_of(Player(player.stock)) == today


def test_without_a_sandbox_the_day_is_the_real_one(earnest: Stock, player: Player) -> None:
    today = shop_of(player)

    player.set_clock(10 * DAY_S, revision=1)

    assert shop_of(player).rotation_id != today.rotation_id
    assert shop_of(Player(earnest, player.id)).rotation_id == today.rotation_id


def test_a_quote_tells_the_price_that_the_shop_shows(player: Player) -> None:
    shop = shop_of(player)

    for offer in shop.offers:
        quoted = quote(player, offer.item.id, shop.rotation_id)

        assert quoted.price_gold == offer.price_gold
        assert len(quoted.rules_version) == 12


def test_what_is_not_offered_today_has_no_quote(stock: Stock, player: Player) -> None:
    shop = shop_of(player)
    offered = {offer.item.id for offer in shop.offers}
    other = next(item.id for item in stock.catalogue() if item.id not in offered)

    with pytest.raises(Refused, match="OFFER_EXPIRED"):
        quote(player, other, shop.rotation_id)


def test_an_offer_of_yesterday_has_no_quote(player: Player) -> None:
    shop = shop_of(player)

    with pytest.raises(Refused, match="OFFER_EXPIRED"):
        quote(player, shop.offers[0].item.id, "2020-01-01-0123456789ab")


def test_an_item_that_the_town_has_not_has_no_quote(player: Player) -> None:
    with pytest.raises(Refused, match="ITEM_UNKNOWN"):
        quote(player, new_id(), shop_of(player).rotation_id)


def test_what_is_owned_has_no_quote_on_any_day(player: Player) -> None:
    shop = shop_of(player)
    mine = player.grant(shop.offers[0].item.id).item.id

    for rotation_id in (shop.rotation_id, "2020-01-01-0123456789ab"):
        with pytest.raises(Refused, match="ALREADY_OWNED"):
            quote(player, mine, rotation_id)


def test_a_retired_item_is_offered_no_more(own_stock: Stock) -> None:
    player = Player(own_stock)
    before = shop_of(player)
    retired = before.offers[0].item.id
    own_stock.change("UPDATE item SET retired_at = now() WHERE id = %s", retired)
    own_stock.look_again()

    after = shop_of(player)

    assert retired not in {offer.item.id for offer in after.offers}
    assert after.rotation_id != before.rotation_id
    with pytest.raises(Refused, match="OFFER_EXPIRED"):
        quote(player, retired, before.rotation_id)


def test_a_purchase_brings_its_item(stock: Stock, player: Player) -> None:
    item = shop_of(player).offers[0].item

    (result,) = deliver(stock, purchase(player, item.id))

    assert result.delivered.item == item
    assert result.delivered.source == pb.SOURCE_SHOP
    assert player.items() == [result.delivered]


def test_a_purchase_told_again_brings_what_it_brought(stock: Stock, player: Player) -> None:
    told = purchase(player, shop_of(player).offers[0].item.id)
    (first,) = deliver(stock, told)
    player.equip(told.item_id)

    again = deliver(stock, told, told)

    assert again == [first, first]
    assert not first.delivered.equipped
    assert len(player.items()) == 1


def test_a_purchase_told_by_many_at_once_is_delivered_once(stock: Stock, player: Player) -> None:
    told = purchase(player, shop_of(player).offers[0].item.id)

    tell = insisting(lambda _: deliver(stock, told)[0].delivered.SerializeToString())
    answers = at_once(20, tell)

    assert len(set(answers)) == 1
    assert len(player.items()) == 1


def test_a_second_purchase_of_an_item_can_never_be_delivered(stock: Stock, player: Player) -> None:
    item_id = shop_of(player).offers[0].item.id

    first, second = deliver(stock, purchase(player, item_id), purchase(player, item_id))

    assert first.HasField("delivered")
    assert second.failure.reason == "ALREADY_OWNED"
    assert player.ids() == [item_id]


def test_what_dropped_meanwhile_can_never_be_delivered(stock: Stock, player: Player) -> None:
    dropped = player.drop().item.item.id
    told = purchase(player, dropped)

    for _ in range(2):
        (result,) = deliver(stock, told)
        assert result.failure.reason == "ALREADY_OWNED"
    assert [owned.source for owned in player.items()] == [pb.SOURCE_DROP]


def test_an_item_that_the_town_has_not_can_never_be_delivered(stock: Stock, player: Player) -> None:
    good_id = shop_of(player).offers[0].item.id

    bad, good = deliver(stock, purchase(player, new_id()), purchase(player, good_id))

    assert bad.failure.reason == "ITEM_UNKNOWN"
    assert player.ids() == [good.delivered.item.id]


def test_what_was_paid_is_delivered_though_it_was_retired_since(own_stock: Stock) -> None:
    player = Player(own_stock)
    item_id = shop_of(player).offers[0].item.id
    own_stock.change("UPDATE item SET retired_at = now() WHERE id = %s", item_id)
    own_stock.look_again()

    (result,) = deliver(own_stock, purchase(player, item_id))

    assert result.delivered.item.id == item_id


def test_a_poisoned_purchase_fails_alone(stock: Stock, player: Player) -> None:
    one, other = (offer.item.id for offer in shop_of(player).offers[:2])

    bad, good = deliver(stock, purchase(player, one, "no purchase"), purchase(player, other))

    assert bad.failure.reason == "INTERNAL"
    assert player.ids() == [good.delivered.item.id]


def test_a_batch_of_purchases_comes_back_in_its_order(stock: Stock) -> None:
    players = [Player(stock, user) for user in neighbours(5)]
    offers = shop_of(players[0]).offers

    results = deliver(
        stock, *(purchase(p, offers[n].item.id) for n, p in reversed(list(enumerate(players))))
    )

    assert [[r.delivered.item.id] for r in reversed(results)] == [p.ids() for p in players]
    assert deliver(stock) == []


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_delivery_that_crashes_is_done_once_when_it_is_told_again(
    stock: Stock,
    player: Player,
    point: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    told = purchase(player, shop_of(player).offers[0].item.id)
    monkeypatch.setattr(failpoints, "_FOLDER", str(tmp_path))
    (tmp_path / f"inventory.deliver.{point}").write_text("raise")

    (crashed,) = deliver(stock, told)
    (delivered,) = deliver(stock, told)

    assert crashed.failure.reason == "INTERNAL"
    assert player.items() == [delivered.delivered]


def test_only_the_session_service_may_have_things_delivered(stock: Stock, player: Player) -> None:
    told = pb.BatchDeliverPurchasesRequest(purchases=[purchase(player, new_id())])

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        stock.gateway.BatchDeliverPurchases(told)
