"""What players own, what can be owned at all, and who may ask."""

from datetime import UTC, datetime

import pytest

from protos.inventory.v1 import inventory_pb2 as pb
from services.inventory.rules import display_order
from services.inventory.service import CALLERS
from services.kit.errors import Refused
from tests.service.inventory.stock import Player, Stock, drop_of, shipped
from tests.service.peers import neighbours

HAT = pb.ITEM_TYPE_HAT


def test_the_newest_item_comes_first(player: Player) -> None:
    given = []
    for day in range(4):
        player.set_clock(day * 86_400, revision=day + 1)
        given.append(player.drop().item.item.id)

    assert player.ids() == given[::-1]


def test_items_of_one_moment_keep_their_order(stock: Stock, player: Player) -> None:
    stock.give([drop_of(player.id) for _ in range(10)])

    assert player.ids() == player.ids()


def test_inventories_come_in_the_order_asked_for_and_may_repeat(stock: Stock) -> None:
    a, b, nobody = neighbours(3)
    ann, bob = Player(stock, a), Player(stock, b)
    hat, other = ann.own(HAT), bob.own(HAT, number=1)

    request = pb.BatchGetInventoriesRequest(user_ids=[bob.id, ann.id, nobody, bob.id])
    answer = stock.gateway.BatchGetInventories(request)

    ids = [[owned.item.id for owned in inventory.items] for inventory in answer.inventories]
    assert ids == [[other], [hat], [], [other]]


def test_wardrobes_come_in_the_order_asked_for_and_may_repeat(stock: Stock) -> None:
    a, b, nobody = neighbours(3)
    ann, bob = Player(stock, a), Player(stock, b)
    hat = ann.own(HAT)
    ann.equip(hat)

    request = pb.BatchGetWardrobesRequest(user_ids=[bob.id, ann.id, nobody, ann.id])
    answer = stock.session.BatchGetWardrobes(request)

    dressed = pb.Wardrobe(user_id=ann.id, equipped_hat_id=hat)
    bare = [pb.Wardrobe(user_id=bob.id), pb.Wardrobe(user_id=nobody)]
    assert list(answer.wardrobes) == [bare[0], dressed, bare[1], dressed]


def test_drops_come_with_the_wardrobes_that_were_asked_for(stock: Stock) -> None:
    ann = Player(stock)
    hat = ann.own(HAT)
    ann.equip(hat)

    drops = [drop_of(ann.id)]
    request = pb.BatchGrantDropsRequest(drops=drops, wardrobes_of=[ann.id])
    answer = stock.session.BatchGrantDrops(request)

    assert len(answer.results) == 1
    assert list(answer.wardrobes) == [pb.Wardrobe(user_id=ann.id, equipped_hat_id=hat)]


def test_wardrobes_may_be_asked_for_without_a_drop(stock: Stock) -> None:
    ann = Player(stock)

    answer = stock.session.BatchGrantDrops(pb.BatchGrantDropsRequest(wardrobes_of=[ann.id]))

    assert list(answer.results) == []
    assert list(answer.wardrobes) == [pb.Wardrobe(user_id=ann.id)]


def test_reading_a_player_who_was_never_here_writes_nothing(stock: Stock, player: Player) -> None:
    player.items()
    player.worn()
    stock.gateway.ListItems(pb.ListItemsRequest(user_id=player.id))

    assert stock.rows("SELECT 1 FROM wardrobe WHERE user_id = %s", player.id) == []


def test_the_catalogue_is_whole_and_in_order(stock: Stock) -> None:
    shown = [item.id for item in stock.catalogue()]

    now = shipped(datetime.now(UTC))
    assert shown == [item.id for item in sorted(now, key=display_order)]


def test_the_catalogue_tells_what_is_owned(stock: Stock, player: Player) -> None:
    hat = player.own(HAT)

    answer = stock.gateway.ListItems(pb.ListItemsRequest(user_id=player.id))

    assert [entry.item.id for entry in answer.entries if entry.owned] == [hat]


def test_the_weights_are_those_of_the_rules(stock: Stock) -> None:
    answer = stock.gateway.GetRarityWeights(pb.GetRarityWeightsRequest())

    assert [(w.rarity, w.weight) for w in answer.weights] == [
        (pb.RARITY_COMMON, 75),
        (pb.RARITY_RARE, 20),
        (pb.RARITY_EPIC, 5),
    ]


def test_every_method_names_its_callers() -> None:
    methods = pb.DESCRIPTOR.services_by_name["InventoryService"].methods

    assert set(CALLERS) == {method.name for method in methods}


def test_only_the_session_service_gives_drops(stock: Stock, player: Player) -> None:
    request = pb.BatchGrantDropsRequest(drops=[drop_of(player.id)])

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        stock.gateway.BatchGrantDrops(request)

    assert player.items() == []


def test_the_session_service_cannot_dress_anybody(stock: Stock, player: Player) -> None:
    request = pb.EquipItemRequest(user_id=player.id, item_id=player.own(HAT))

    with pytest.raises(Refused, match="PERMISSION_DENIED"):
        stock.session.EquipItem(request)
