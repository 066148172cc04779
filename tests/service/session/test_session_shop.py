"""Gold is spent once for an item."""

from functools import partial

from tests.service.peers import at_once, insisting
from tests.service.session.buyers import insists, new_item, purchases_of, tells
from tests.service.session.conftest import Town
from tests.service.session.fakes import PRICE
from tests.service.session.players import Player


def test_an_item_is_paid_and_delivered(town: Town, player: Player) -> None:
    item = new_item()

    bought = player.buy(item)

    assert bought.gold_spent == PRICE
    assert bought.item.item.id == item
    assert bought.hero == player.hero()
    assert player.hero().gold == PRICE
    assert purchases_of(town, player) == [(item, "delivered")]


def test_a_purchase_keeps_what_it_was_and_what_it_brought(town: Town, player: Player) -> None:
    item = new_item()
    player.wait(seconds=86_400)
    player.buy(item, rotation_id="2026-03-01-0123456789ab")

    ((price, rotation, version, name, is_tomorrow),) = town.rows(
        "SELECT price_gold, rotation_id, rules_version, item->'item'->>'name',"
        " bought_at > clock_timestamp() + interval '23 hours' FROM purchase WHERE user_id = %s",
        player.id,
    )

    assert (price, rotation, version, name) == (PRICE, "2026-03-01-0123456789ab", "v", "Straw hat")
    assert is_tomorrow


def test_what_was_quoted_before_midnight_is_paid_after_it_at_the_price_of_the_quote(
    town: Town, player: Player
) -> None:
    item = new_item()
    town.inventory.meanwhile = lambda: player.wait(seconds=86_400)

    bought = player.buy(item, rotation_id="2026-03-01-0123456789ab")

    town.inventory.meanwhile = lambda: None
    ((price, rotation, is_tomorrow),) = town.rows(
        "SELECT price_gold, rotation_id, bought_at > clock_timestamp() + interval '23 hours'"
        " FROM purchase WHERE user_id = %s",
        player.id,
    )
    assert (bought.gold_spent, price, rotation) == (PRICE, PRICE, "2026-03-01-0123456789ab")
    assert is_tomorrow
    assert player.hero().gold == PRICE


def test_without_enough_gold_nothing_happens(town: Town) -> None:
    player = Player(town.sessions).enrich(PRICE - 1)

    assert tells(player, new_item()) == "NOT_ENOUGH_GOLD"
    assert player.hero().gold == PRICE - 1
    assert purchases_of(town, player) == []


def test_who_never_played_has_no_gold(town: Town) -> None:
    assert tells(Player(town.sessions), new_item()) == "NOT_ENOUGH_GOLD"


def test_what_was_bought_is_owned(town: Town, player: Player) -> None:
    item = new_item()
    player.buy(item)

    assert tells(player, item) == "ALREADY_OWNED"
    assert player.hero().gold == PRICE
    assert len(purchases_of(town, player)) == 1


def test_what_was_bought_is_paid_once_though_inventory_forgot_it(
    town: Town, player: Player
) -> None:
    item = new_item()
    player.buy(item)
    town.inventory.delivered.clear()

    assert tells(player, item) == "ALREADY_OWNED"
    assert player.hero().gold == PRICE


def test_an_offer_that_inventory_does_not_quote_costs_nothing(town: Town, player: Player) -> None:
    town.inventory.expired = True

    told = tells(player, new_item())

    town.inventory.expired = False
    assert told == "OFFER_EXPIRED"
    assert player.hero().gold == 2 * PRICE


def test_fifty_parallel_buys_of_one_item_sell_one(town: Town) -> None:
    player, item = Player(town.sessions).enrich(10 * PRICE), new_item()

    told = at_once(50, lambda _: insists(player, item))

    assert sorted(told) == ["ALREADY_OWNED"] * 49 + ["SOLD"]
    assert player.hero().gold == 9 * PRICE
    assert purchases_of(town, player) == [(item, "delivered")]


def test_fifty_parallel_buys_of_different_items_with_gold_for_one_sell_one(town: Town) -> None:
    player, items = Player(town.sessions).enrich(PRICE), [new_item() for _ in range(50)]

    told = at_once(50, lambda n: insists(player, items[n]))

    assert sorted(told) == ["NOT_ENOUGH_GOLD"] * 49 + ["SOLD"]
    assert player.hero().gold == 0
    assert purchases_of(town, player) == [(items[told.index("SOLD")], "delivered")]


def test_parallel_buys_and_gifts_lose_no_gold(town: Town) -> None:
    player, items = Player(town.sessions).enrich(10 * PRICE), [new_item() for _ in range(10)]

    give = insisting(partial(player.enrich, 1))
    at_once(20, lambda n: give() if n % 2 else insists(player, items[n // 2]))

    assert player.hero().gold == 10
