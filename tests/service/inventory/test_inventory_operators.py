"""What operators do to the catalogue and give to players, each with its entry in the trail."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from protos.audit.v1 import audit_pb2
from protos.inventory.v1 import inventory_pb2 as pb
from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import read_catalogue
from services.inventory.rules import Item
from services.kit.audit import NOBODY
from services.kit.database import Database
from services.kit.errors import Refused
from tests.service.inventory.stock import Player, Stock, new_id, opened
from tests.service.peers import at_once

ACTOR = str(uuid.uuid4())
WARRANT = audit_pb2.Warrant(actor=ACTOR, reason="ticket 7")
SHIPPED = read_catalogue()
HAT = SHIPPED[0]


@pytest.fixture
def earnest(own_stock: Stock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """A service without a sandbox, on a catalogue of its own, beside another one."""
    with opened(own_stock.url, tmp_path_factory.mktemp("i"), sandbox=False) as stock:
        yield stock


def create(stock: Stock, **changes: Any) -> pb.CreateItemResponse:
    """A hat that is not shipped, unless told otherwise."""
    wish: dict[str, Any] = {
        "name": "Crown",
        "type": pb.ITEM_TYPE_HAT,
        "rarity": pb.RARITY_EPIC,
        "sprite_key": "hat_crown",
    }
    request = pb.CreateItemRequest(warrant=WARRANT, **wish | changes)
    created: pb.CreateItemResponse = stock.gateway.CreateItem(request)
    return created


def change(stock: Stock, item_id: str, **changes: Any) -> pb.StockedItem:
    request = pb.UpdateItemRequest(item_id=item_id, warrant=WARRANT, **changes)
    item: pb.StockedItem = stock.gateway.UpdateItem(request).item
    return item


def listed(stock: Stock) -> dict[str, pb.StockedItem]:
    answer = stock.gateway.ListCatalogue(pb.ListCatalogueRequest())
    return {stocked.item.id: stocked for stocked in answer.items}


def entries(stock: Stock, user_id: str = NOBODY) -> list[tuple[Any, ...]]:
    sql = "SELECT actor, action, target::text, reason, changes FROM audit WHERE user_id = %s ORDER BY id"
    return stock.rows(sql, user_id)


def started(url: str, shipped: tuple[Item, ...]) -> Catalogue:
    """The catalogue of a process that starts with these items."""
    database = Database(url, size=1)
    database.open()
    try:
        assert any(database.is_ready() for _ in range(5))
        catalogue = Catalogue(database, shipped)
        catalogue.current()
        return catalogue
    finally:
        database.close()


def test_a_new_item_can_be_obtained_at_once_and_has_one_entry(own_stock: Stock) -> None:
    created = create(own_stock)

    item = created.item.item
    assert (created.replayed, created.item.retired, created.item.edited) == (False, False, True)
    assert item in own_stock.catalogue()
    assert listed(own_stock)[item.id] == created.item
    changes = {
        "name": [None, "Crown"],
        "type": [None, "hat"],
        "rarity": [None, "epic"],
        "sprite_key": [None, "hat_crown"],
    }
    assert entries(own_stock) == [(ACTOR, "item.create", item.id, "ticket 7", changes)]


def test_the_very_same_item_is_made_once_however_many_ask(own_stock: Stock) -> None:
    answers = at_once(6, lambda _: create(own_stock))

    assert {answer.item.item.id for answer in answers} == {answers[0].item.item.id}
    assert sum(not answer.replayed for answer in answers) == 1
    assert len(entries(own_stock)) == 1


@pytest.mark.parametrize(
    "changes", [{"name": "Other"}, {"type": pb.ITEM_TYPE_OUTFIT}, {"rarity": pb.RARITY_RARE}]
)
def test_another_item_of_the_same_sprite_key_is_refused_without_an_entry(
    own_stock: Stock, changes: dict[str, Any]
) -> None:
    create(own_stock)

    with pytest.raises(Refused, match="SPRITE_KEY_TAKEN"):
        create(own_stock, **changes)

    assert len(entries(own_stock)) == 1


def test_what_is_given_of_an_item_is_changed_with_one_entry(own_stock: Stock) -> None:
    item = change(own_stock, HAT.id, name="Sunday Hat", rarity=pb.RARITY_EPIC)

    assert (item.item.name, item.item.rarity) == ("Sunday Hat", pb.RARITY_EPIC)
    assert (item.item.sprite_key, item.retired, item.edited) == (HAT.sprite_key, False, True)
    assert item.item in own_stock.catalogue()
    changes = {"name": [HAT.name, "Sunday Hat"], "rarity": [HAT.rarity, "epic"]}
    assert entries(own_stock) == [(ACTOR, "item.update", HAT.id, "ticket 7", changes)]


def test_what_is_so_already_is_left_alone_without_an_entry(own_stock: Stock) -> None:
    item = change(own_stock, HAT.id, name=HAT.name, retired=False)

    assert not item.edited
    assert entries(own_stock) == []


def test_a_refused_change_has_no_entry(own_stock: Stock) -> None:
    with pytest.raises(Refused, match="ITEM_UNKNOWN"):
        change(own_stock, new_id(), name="Other")
    with pytest.raises(Refused, match="SPRITE_KEY_TAKEN"):
        change(own_stock, HAT.id, sprite_key=SHIPPED[1].sprite_key)

    assert entries(own_stock) == []


def test_a_retired_item_drops_and_is_sold_no_more_and_stays_with_its_owner(
    own_stock: Stock,
) -> None:
    owner, other = Player(own_stock), Player(own_stock)
    owner.grant(HAT.id)
    for item in own_stock.catalogue():
        if item.id != HAT.id:
            other.grant(item.id)

    assert change(own_stock, HAT.id, retired=True).retired

    assert not other.drop().HasField("item")
    assert HAT.id not in {item.id for item in own_stock.catalogue()}
    shop = own_stock.gateway.GetShop(pb.GetShopRequest(user_id=other.id))
    assert HAT.id not in {offer.item.id for offer in shop.offers}
    assert owner.ids() == [HAT.id]
    assert owner.equip(HAT.id).equipped_hat_id == HAT.id
    assert listed(own_stock)[HAT.id].retired


def test_the_catalogue_shows_a_retired_item_to_its_owner_alone(own_stock: Stock) -> None:
    owner = Player(own_stock)
    owner.grant(HAT.id)
    before = len(own_stock.catalogue())
    change(own_stock, HAT.id, retired=True)

    answer = own_stock.gateway.ListItems(pb.ListItemsRequest(user_id=owner.id))

    shown = {entry.item.id: entry.owned for entry in answer.entries}
    assert shown[HAT.id]
    assert len(shown) == before
    assert len(own_stock.catalogue()) == before - 1


def test_what_is_paid_is_delivered_although_it_was_retired_since(own_stock: Stock) -> None:
    change(own_stock, HAT.id, retired=True)
    purchase = pb.Purchase(user_id=new_id(), purchase_id=new_id(), item_id=HAT.id)

    request = pb.BatchDeliverPurchasesRequest(purchases=[purchase])
    (result,) = own_stock.session.BatchDeliverPurchases(request).results

    assert result.delivered.item.id == HAT.id


def test_a_retired_item_comes_back(own_stock: Stock) -> None:
    change(own_stock, HAT.id, retired=True)

    assert not change(own_stock, HAT.id, retired=False).retired

    assert HAT.id in {item.id for item in own_stock.catalogue()}
    retired, back = (entry[4]["retired_at"] for entry in entries(own_stock))
    assert (retired[0], back) == (None, [retired[1], None])


def test_what_an_operator_changed_survives_the_next_start(own_stock: Stock) -> None:
    change(own_stock, HAT.id, name="Sunday Hat")
    change(own_stock, SHIPPED[1].id, retired=True)
    mine = create(own_stock).item.item.id

    renamed = tuple(replace(item, name=f"New {item.name}") for item in SHIPPED)
    catalogue = started(own_stock.url, renamed)

    current = catalogue.current()
    assert current.items[HAT.id].name == "Sunday Hat"
    assert current.items[SHIPPED[1].id].name == SHIPPED[1].name
    assert SHIPPED[1].id not in {item.id for item in current.obtainable}
    assert current.items[mine].name == "Crown"
    assert current.items[SHIPPED[2].id].name == f"New {SHIPPED[2].name}"


def test_a_shipped_item_waits_while_an_operator_s_has_its_sprite_key(own_stock: Stock) -> None:
    mine = create(own_stock).item.item.id
    late = Item(new_id(), "Shipped Crown", "hat", "epic", "hat_crown")

    waiting = started(own_stock.url, (*SHIPPED, late)).current()
    change(own_stock, mine, sprite_key="hat_mine")
    there = started(own_stock.url, (*SHIPPED, late)).current()

    assert late.id not in waiting.items
    assert waiting.items[mine].sprite_key == "hat_crown"
    assert there.items[late.id] == late


def test_an_operator_gives_an_item_where_there_is_no_sandbox_with_one_entry(
    earnest: Stock,
) -> None:
    player = Player(earnest)
    change(earnest, HAT.id, retired=True)

    at_once(6, lambda _: give(earnest, player.id, HAT.id))

    (owned,) = player.items()
    assert (owned.item.id, owned.source) == (HAT.id, pb.SOURCE_GRANT)
    assert entries(earnest, player.id) == [
        (ACTOR, "item.grant", player.id, "ticket 7", {"item_id": [None, HAT.id]})
    ]


def give(stock: Stock, user_id: str, item_id: str) -> pb.OwnedItem:
    request = pb.GrantItemRequest(user_id=user_id, item_id=item_id, warrant=WARRANT)
    owned: pb.OwnedItem = stock.gateway.GrantItem(request).item
    return owned


def test_an_unknown_item_is_not_given_and_has_no_entry(earnest: Stock) -> None:
    player = Player(earnest)

    with pytest.raises(Refused, match="ITEM_UNKNOWN"):
        give(earnest, player.id, new_id())

    assert entries(earnest, player.id) == []


def test_the_sandbox_s_gifts_have_no_entry(own_stock: Stock) -> None:
    player = Player(own_stock)
    player.grant(HAT.id)

    assert entries(own_stock, player.id) == []
