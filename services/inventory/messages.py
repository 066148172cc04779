"""Rows of the inventory service as messages of its contract."""

from collections.abc import Mapping
from datetime import datetime

from protos.inventory.v1 import inventory_pb2 as pb
from services.inventory.calendar import Show
from services.inventory.catalogue_store import ItemRow
from services.inventory.delivery_store import Delivery
from services.inventory.rules import Item, Worn
from services.inventory.shop import Offer
from services.inventory.store import Grant, OwnedRow
from services.kit.enums import Words
from services.kit.times import wire

TYPES = Words[pb.ItemType.ValueType](pb.ItemType)
RARITIES = Words[pb.Rarity.ValueType](pb.Rarity)
SOURCES = Words[pb.Source.ValueType](pb.Source)


def item_message(item: Item) -> pb.Item:
    """An item of the catalogue."""
    return pb.Item(
        id=item.id,
        name=item.name,
        type=TYPES.value(item.type),
        rarity=RARITIES.value(item.rarity),
        sprite_key=item.sprite_key,
    )


def stocked_message(row: ItemRow) -> pb.StockedItem:
    """An item as operators see it."""
    return pb.StockedItem(
        item=item_message(row.item),
        retired=row.retired_at is not None,
        edited=row.edited_at is not None,
    )


def owned_message(row: OwnedRow, items: Mapping[str, Item]) -> pb.OwnedItem:
    """An item that a player has, and whether the hero wears it now."""
    return pb.OwnedItem(
        item=item_message(items[row.item_id]),
        obtained_at=wire(row.obtained_at),
        equipped=row.equipped,
        source=SOURCES.value(row.source),
    )


def granted_message(grant: Grant, items: Mapping[str, Item]) -> pb.Granted:
    """What a drop gave, as it was given: not worn, whatever was done with it since."""
    if grant.item_id is None:
        return pb.Granted()
    item = _as_given(items[grant.item_id], grant.obtained_at, pb.SOURCE_DROP)
    return pb.Granted(item=item)


def delivered_message(delivery: Delivery, items: Mapping[str, Item]) -> pb.OwnedItem:
    """What a purchase brought, as it was delivered: not worn, whatever was done with it since."""
    return _as_given(items[delivery.item_id], delivery.obtained_at, pb.SOURCE_SHOP)


def offer_message(offer: Offer, *, owned: bool) -> pb.Offer:
    """An offer, as a player sees it."""
    return pb.Offer(item=item_message(offer.item), price_gold=offer.price_gold, owned=owned)


def event_message(show: Show) -> pb.Event:
    """An event, as a player sees it now."""
    event = show.event
    return pb.Event(
        event_id=event.id,
        name=event.name,
        starts_at=wire(event.starts_at),
        ends_at=wire(event.ends_at),
        running=show.is_running,
        exp_percent=event.exp_percent,
        gold_percent=event.gold_percent,
        items=map(item_message, show.items),
    )


def wardrobe_message(user_id: str, worn: Worn) -> pb.Wardrobe:
    """What a hero wears."""
    return pb.Wardrobe(
        user_id=user_id,
        equipped_hat_id=worn.hat,
        equipped_outfit_id=worn.outfit,
        equipped_accessory_id=worn.accessory,
    )


def _as_given(item: Item, obtained_at: datetime, source: pb.Source.ValueType) -> pb.OwnedItem:
    return pb.OwnedItem(item=item_message(item), obtained_at=wire(obtained_at), source=source)
