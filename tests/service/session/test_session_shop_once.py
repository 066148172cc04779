"""A buyer with a key hears for ever what became of that one purchase."""

import uuid

import pytest

from protos.session.v1 import session_pb2 as pb
from services.kit.errors import Internal, Refused, Unavailable
from tests.service.peers import at_once
from tests.service.session.conftest import Arm, Town
from tests.service.session.fakes import PRICE
from tests.service.session.players import Player


def once(key: str = "a try") -> pb.Once:
    return pb.Once(key=key, route="POST /api/shop/buy", fingerprint=b"\x01" * 32)


def new_item() -> str:
    return str(uuid.uuid4())


def test_a_repeated_buy_tells_the_same_and_takes_nothing(player: Player) -> None:
    item = new_item()
    first = player.buy(item, once=once())

    second = player.buy(item, once=once())

    assert (first.replayed, second.replayed) == (False, True)
    assert (second.item, second.gold_spent) == (first.item, first.gold_spent)
    assert player.hero().gold == PRICE


def test_a_buyer_whose_answer_was_lost_hears_it_also_when_the_sweeper_delivered(
    town: Town, player: Player, arm: Arm
) -> None:
    item = new_item()
    arm("session.buy.after_commit")
    with pytest.raises(Internal):
        player.buy(item, once=once())
    _sweep(town, player)

    again = player.buy(item, once=once())

    assert again.replayed
    assert again.item.item.id == item
    assert player.hero().gold == PRICE


def test_a_repeated_buy_finds_its_purchase_also_when_the_offer_is_gone(
    town: Town, player: Player
) -> None:
    item = new_item()
    first = player.buy(item, once=once())
    town.inventory.expired = True

    again = player.buy(item, once=once())

    town.inventory.expired = False
    assert again.item == first.item


def test_thirty_at_once_with_one_key_buy_once_and_hear_the_same(player: Player) -> None:
    item = new_item()

    told = at_once(30, lambda _: _told(player, item, "a try"))

    sold = [one for one in told if one == "SOLD"]
    assert sold
    assert set(told) <= {"SOLD", "UNAVAILABLE", "IDEMPOTENCY_KEY_IN_PROGRESS"}
    assert player.hero().gold == PRICE


def test_of_two_keys_one_buys_and_the_other_hears_that_it_is_owned_for_ever(
    player: Player,
) -> None:
    item = new_item()
    player.buy(item, once=once("one"))

    told = [_told(player, item, "another") for _ in range(2)]

    assert told == ["ALREADY_OWNED", "ALREADY_OWNED"]
    assert player.buy(item, once=once("one")).replayed
    assert player.hero().gold == PRICE


def test_what_was_paid_back_is_told_again_as_what_it_was(town: Town, player: Player) -> None:
    item = new_item()
    town.inventory.refuses[player.id] = "ALREADY_OWNED"

    told = []
    for _ in range(2):
        with pytest.raises(Refused, match="ALREADY_OWNED") as refused:
            player.buy(item, once=once())
        told.append(refused.value.metadata)

    del town.inventory.refuses[player.id]
    assert told == [{}, {"replayed": "true"}]
    assert player.hero().gold == 2 * PRICE


def test_too_little_gold_is_told_again_however_rich_the_player_became(town: Town) -> None:
    player, item = Player(town.sessions).enrich(PRICE - 1), new_item()
    first = _told(player, item, "a try")
    player.enrich(PRICE)

    again = _told(player, item, "a try")

    assert (first, again) == ("NOT_ENOUGH_GOLD", "NOT_ENOUGH_GOLD")
    assert player.buy(item, once=once("another try")).gold_spent == PRICE


def _told(player: Player, item: str, key: str) -> str:
    try:
        player.buy(item, once=once(key))
    except (Refused, Unavailable) as failure:
        return failure.reason
    return "SOLD"


def _sweep(town: Town, player: Player) -> None:
    town.rows(
        "UPDATE purchase SET settle_after = clock_timestamp() - interval '1 day'"
        " WHERE user_id = %s AND settled_at IS NULL RETURNING id",
        player.id,
    )
    town.sweeper.sweep()
