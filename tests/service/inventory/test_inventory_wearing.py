"""Wearing what is owned, each item in the slot of its type."""

import pytest

from protos.inventory.v1 import inventory_pb2 as pb
from services.kit.errors import Refused
from tests.service.inventory.stock import Player, Stock, new_id

HAT, OUTFIT, ACCESSORY = pb.ITEM_TYPE_HAT, pb.ITEM_TYPE_OUTFIT, pb.ITEM_TYPE_ACCESSORY


def test_an_owned_item_is_worn_in_the_slot_of_its_type(player: Player) -> None:
    hat, outfit, accessory = (player.own(kind) for kind in (HAT, OUTFIT, ACCESSORY))

    player.equip(outfit)
    player.equip(accessory)
    worn = player.equip(hat)

    assert worn == pb.Wardrobe(
        user_id=player.id,
        equipped_hat_id=hat,
        equipped_outfit_id=outfit,
        equipped_accessory_id=accessory,
    )
    assert player.worn() == worn


def test_wearing_again_changes_nothing(player: Player) -> None:
    hat = player.own(HAT)

    assert player.equip(hat) == player.equip(hat)


def test_another_hat_takes_the_place_of_the_first(player: Player) -> None:
    first, second = player.own(HAT), player.own(HAT, number=1)
    player.equip(first)

    worn = player.equip(second)

    assert worn.equipped_hat_id == second


def test_the_inventory_tells_what_is_worn(player: Player) -> None:
    hat, coat = player.own(HAT), player.own(OUTFIT)
    player.equip(hat)

    assert {owned.item.id: owned.equipped for owned in player.items()} == {hat: True, coat: False}


def test_an_item_that_is_not_owned_is_not_worn(stock: Stock, player: Player) -> None:
    with pytest.raises(Refused, match="ITEM_NOT_OWNED"):
        player.equip(stock.catalogue()[0].id)


def test_an_unknown_item_looks_like_one_that_is_not_owned(player: Player) -> None:
    with pytest.raises(Refused, match="ITEM_NOT_OWNED"):
        player.equip(new_id())


def test_another_players_item_is_not_worn(stock: Stock, player: Player) -> None:
    hat = Player(stock).own(HAT)

    with pytest.raises(Refused, match="ITEM_NOT_OWNED"):
        player.equip(hat)


def test_a_refused_item_leaves_what_was_worn(stock: Stock, player: Player) -> None:
    hat = player.own(HAT)
    before = player.equip(hat)

    with pytest.raises(Refused):
        player.equip(stock.catalogue()[1].id)

    assert player.worn() == before


def test_taking_off_empties_one_slot(player: Player) -> None:
    hat, coat = player.own(HAT), player.own(OUTFIT)
    player.equip(hat)
    player.equip(coat)

    worn = player.unequip(HAT)

    assert worn == pb.Wardrobe(user_id=player.id, equipped_outfit_id=coat)
    assert player.worn() == worn


def test_taking_off_again_changes_nothing(player: Player) -> None:
    assert player.unequip(ACCESSORY) == player.unequip(ACCESSORY) == pb.Wardrobe(user_id=player.id)


def test_a_slot_that_does_not_exist_is_refused(player: Player) -> None:
    with pytest.raises(Refused, match="SLOT_UNKNOWN"):
        player.unequip(pb.ITEM_TYPE_UNSPECIFIED)


def test_what_one_player_wears_is_not_worn_by_another(stock: Stock, player: Player) -> None:
    player.equip(player.own(HAT))

    assert Player(stock).worn().equipped_hat_id == ""


def test_a_retired_item_can_still_be_worn(own_stock: Stock) -> None:
    player = Player(own_stock)
    hat = player.own(HAT)
    own_stock.change("UPDATE item SET retired_at = now() WHERE id = %s", hat)
    own_stock.look_again()

    assert player.equip(hat).equipped_hat_id == hat
    assert player.ids() == [hat]
