"""The inventory service and a player of it, in few words."""

import secrets
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration

from protos.inventory.v1 import inventory_pb2 as pb
from protos.inventory.v1 import inventory_pb2_grpc
from services.inventory.__main__ import wired
from services.inventory.catalogue_file import read_catalogue
from services.inventory.events import obtainable
from services.inventory.play import SHAPE
from services.inventory.rules import Item
from services.kit.database import Connection, Database
from services.kit.errors import Refused, from_item
from services.kit.rulesfile import load
from services.kit.settings import RULES, ServiceSettings
from services.kit.times import wire
from tests.service.peers import SECRET, Peer, listening, peer


def new_id() -> str:
    return str(uuid.uuid4())


def shipped(at: datetime | None = None) -> list[Item]:
    """What can be obtained of the shipped catalogue at an instant; without one, outside all events."""
    return list(obtainable(read_catalogue(), load(RULES, SHAPE).rules.events, at))


def drop_of(
    user_id: str,
    session_id: str | None = None,
    *,
    luck: bytes | None = None,
    started_at: datetime | None = None,
    rules_version: str = "",
) -> pb.Drop:
    """A drop, by default of a new session with luck of its own, outside all events."""
    return pb.Drop(
        user_id=user_id,
        session_id=session_id or new_id(),
        luck=secrets.token_bytes(16) if luck is None else luck,
        started_at=wire(started_at),
        rules_version=rules_version,
    )


@dataclass(frozen=True)
class Stock:
    """An inventory service, with those who call it and a look into its database."""

    gateway: Peer
    session: Peer
    url: str

    def give(self, drops: Sequence[pb.Drop]) -> list[pb.DropResult]:
        """Tells a batch of drops, as the session service does."""
        answer = self.session.BatchGrantDrops(pb.BatchGrantDropsRequest(drops=drops))
        return list(answer.results)

    def catalogue(self) -> list[pb.Item]:
        """What can be obtained now."""
        answer = self.gateway.ListItems(pb.ListItemsRequest(user_id=new_id()))
        return [entry.item for entry in answer.entries]

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, *parameters: Any) -> None:
        """Changes the database directly."""
        with psycopg.connect(self.url) as connection:
            connection.execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction as the service's own, committed at the end."""
        database = Database(self.url, size=1)
        database.open()
        try:
            assert any(database.is_ready() for _ in range(5))
            with database.read() as connection, connection.transaction():
                yield connection
        finally:
            database.close()

    def look_again(self) -> None:
        """Has the service read its catalogue again, by an id that it cannot know."""
        with pytest.raises(Refused, match="ITEM_NOT_OWNED"):
            Player(self).equip(new_id())


@dataclass
class Player:
    """A new player. Failures are raised as `Refused`."""

    stock: Stock
    id: str = field(default_factory=new_id)

    def drop(self, session_id: str | None = None, *, luck: bytes | None = None) -> pb.Granted:
        """What a session's drop gives."""
        result = self.stock.give([drop_of(self.id, session_id, luck=luck)])[0]
        if result.HasField("failure"):
            raise from_item(result.failure)
        return result.granted

    def items(self) -> list[pb.OwnedItem]:
        request = pb.BatchGetInventoriesRequest(user_ids=[self.id])
        return list(self.stock.gateway.BatchGetInventories(request).inventories[0].items)

    def ids(self) -> list[str]:
        return [owned.item.id for owned in self.items()]

    def worn(self) -> pb.Wardrobe:
        request = pb.BatchGetWardrobesRequest(user_ids=[self.id])
        wardrobe: pb.Wardrobe = self.stock.gateway.BatchGetWardrobes(request).wardrobes[0]
        return wardrobe

    def equip(self, item_id: str) -> pb.Wardrobe:
        request = pb.EquipItemRequest(user_id=self.id, item_id=item_id)
        wardrobe: pb.Wardrobe = self.stock.gateway.EquipItem(request).wardrobe
        return wardrobe

    def unequip(self, slot: pb.ItemType.ValueType) -> pb.Wardrobe:
        request = pb.UnequipSlotRequest(user_id=self.id, slot=slot)
        wardrobe: pb.Wardrobe = self.stock.gateway.UnequipSlot(request).wardrobe
        return wardrobe

    def grant(self, item_id: str) -> pb.OwnedItem:
        request = pb.GrantItemRequest(user_id=self.id, item_id=item_id)
        owned: pb.OwnedItem = self.stock.gateway.GrantItem(request).item
        return owned

    def be_at(self, at: datetime, *, revision: int) -> None:
        """Moves the player's clock to an instant ahead, but for a second."""
        self.set_clock(int((at - datetime.now(UTC)).total_seconds()), revision=revision)

    def set_clock(self, seconds: int, *, revision: int) -> None:
        self.stock.gateway.SetClock(
            pb.SetClockRequest(user_id=self.id, offset=Duration(seconds=seconds), revision=revision)
        )

    def own(self, kind: pb.ItemType.ValueType, *, number: int = 0) -> str:
        """The id of an item of this type, which the player now owns."""
        of_type = [item for item in self.stock.catalogue() if item.type == kind]
        return self.grant(of_type[number].id).item.id


def settings_of(url: str, *, sandbox: bool = True, rules: Path = RULES) -> ServiceSettings:
    """The settings of an inventory service."""
    return ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=sandbox,
        service="inventory",
        database_url=url,
        listen="",
        rules=rules,
    )


@contextmanager
def opened(url: str, folder: Path, *, sandbox: bool = True, rules: Path = RULES) -> Iterator[Stock]:
    """The service on the database at `url`, until the end."""
    served = wired(settings_of(url, sandbox=sandbox, rules=rules))
    with listening(served, folder) as target:
        # Each waits for a connection, on a busy machine longer than one try.
        assert any(served.is_ready() for _ in range(5))
        stub = inventory_pb2_grpc.InventoryServiceStub
        yield Stock(
            gateway=peer("inventory", target, stub),
            session=peer("inventory", target, stub, caller="session"),
            url=url,
        )
