"""Many at once: the lock on a player's wardrobe and the unique keys behind it."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import psycopg
import pytest

from protos.inventory.v1 import inventory_pb2 as pb
from tests.service import peers
from tests.service.inventory.stock import Player, Stock, drop_of, new_id
from tests.service.peers import insisting, neighbours

Answer = TypeVar("Answer")

HAT, OUTFIT, ACCESSORY = pb.ITEM_TYPE_HAT, pb.ITEM_TYPE_OUTFIT, pb.ITEM_TYPE_ACCESSORY


def at_once(works: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """What the works answer, all started at the same moment."""
    return peers.at_once(len(works), lambda number: works[number]())


def test_one_session_told_by_many_at_once_gives_one_item(player: Player) -> None:
    session_id = new_id()

    granted = at_once([insisting(lambda: player.drop(session_id)) for _ in range(30)])

    assert all(one == granted[0] for one in granted)
    assert player.ids() == [granted[0].item.item.id]


def test_many_sessions_of_one_player_at_once_never_give_one_item_twice(player: Player) -> None:
    luck = bytes(16)

    granted = at_once([insisting(lambda: player.drop(luck=luck)) for _ in range(15)])

    given = [one.item.item.id for one in granted]
    assert len(set(given)) == 15
    assert sorted(player.ids()) == sorted(given)


def test_grants_and_drops_at_once_never_give_one_item_twice(stock: Stock, player: Player) -> None:
    items = stock.catalogue()
    grants = [partial(player.grant, item.id) for item in items[:12]]
    drops = [player.drop for _ in range(12)]

    at_once([insisting(work) for pair in zip(grants, drops, strict=True) for work in pair])

    ids = player.ids()
    assert len(ids) == len(set(ids))
    assert {item.id for item in items[:12]} <= set(ids)


def test_batches_of_the_same_players_in_any_order_all_answer(stock: Stock) -> None:
    users = list(neighbours(20))
    dice = random.Random(7)  # noqa: S311  # The same orders in every run.
    batches = [[drop_of(user) for user in dice.sample(users, 20)] for _ in range(8)]

    answers = at_once([partial(stock.give, batch) for batch in batches])

    assert all(result.HasField("granted") for results in answers for result in results)
    assert all(len(Player(stock, user).ids()) == 8 for user in users)


def test_deliveries_repeated_in_shuffled_order_give_each_drop_once(stock: Stock) -> None:
    users = list(neighbours(6))
    drops = [drop_of(user) for user in users for _ in range(5)]
    dice = random.Random(11)  # noqa: S311  # The same orders in every run.
    batches = [dice.sample(drops * 3, 45) for _ in range(6)]

    at_once([partial(stock.give, batch) for batch in batches])
    first = [result.granted for result in stock.give(drops)]

    assert [result.granted for result in stock.give(drops)] == first
    assert all(len(Player(stock, user).ids()) == 5 for user in users)


def test_dressing_three_slots_at_once_fills_all_three(stock: Stock) -> None:
    for player in [Player(stock) for _ in range(8)]:
        items = [player.own(kind) for kind in (HAT, OUTFIT, ACCESSORY)]

        at_once([partial(player.equip, item) for item in items])

        worn = player.worn()
        assert [worn.equipped_hat_id, worn.equipped_outfit_id, worn.equipped_accessory_id] == items


def test_wearing_and_taking_off_at_once_leaves_what_is_owned_and_fits(player: Player) -> None:
    hats = [player.own(HAT, number=number) for number in range(4)]
    coats = [player.own(OUTFIT, number=number) for number in range(4)]
    wearing = [partial(player.equip, item) for item in hats + coats]
    taking_off = [partial(player.unequip, slot) for slot in (HAT, OUTFIT, ACCESSORY)]

    at_once([insisting(work) for work in wearing + taking_off])

    worn = player.worn()
    assert worn.equipped_hat_id in {"", *hats}
    assert worn.equipped_outfit_id in {"", *coats}
    assert not worn.HasField("equipped_accessory_id")


def test_the_database_refuses_to_wear_what_is_not_owned(stock: Stock, player: Player) -> None:
    player.own(HAT)
    other = stock.catalogue()[-1].id

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        stock.change(
            "UPDATE wardrobe SET equipped_hat_id = %s WHERE user_id = %s", other, player.id
        )


@pytest.mark.parametrize(
    ("item", "session", "key"),
    [
        ("item_id", "gen_random_uuid()", "inventory_pkey"),
        ("%(other)s", "session_id", "session_id_key"),
    ],
)
def test_the_database_refuses_a_second_copy_and_a_second_item_of_a_session(
    stock: Stock, player: Player, item: str, session: str, key: str
) -> None:
    given = player.drop().item.item.id
    other = next(item.id for item in stock.catalogue() if item.id != given)
    copied = f"""
        INSERT INTO inventory (user_id, item_id, id, obtained_at, source, session_id)
        SELECT user_id, {item}, id, obtained_at, source, {session}
        FROM inventory WHERE user_id = %(user)s
    """  # noqa: S608  # The words are those above.

    with (
        psycopg.connect(stock.url) as connection,
        pytest.raises(psycopg.errors.UniqueViolation, match=key),
    ):
        connection.execute(copied, {"user": player.id, "other": other})
