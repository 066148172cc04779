"""The sandbox: given items and a clock of one's own, and nothing of it without."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from protos.inventory.v1 import inventory_pb2 as pb
from services.kit.errors import Refused
from services.kit.settings import database_on
from tests.service.inventory.stock import Player, Stock, new_id, opened

DAY_S = 86_400
# Longer than any test takes, shorter than any offset here.
SOON = timedelta(minutes=10)


@pytest.fixture(scope="module")
def earnest(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """The same database, served without a sandbox."""
    url = database_on(server_url, "nesra_inventory")
    with opened(url, tmp_path_factory.mktemp("i"), sandbox=False) as stock:
        yield stock


def ahead(owned: pb.OwnedItem) -> timedelta:
    """How far after now an item was obtained."""
    return owned.obtained_at.ToDatetime(UTC) - datetime.now(UTC)


def test_a_given_item_is_owned(stock: Stock, player: Player) -> None:
    item = stock.catalogue()[0]

    owned = player.grant(item.id)

    assert owned.item == item
    assert owned.source == pb.SOURCE_GRANT
    assert player.items() == [owned]


def test_giving_again_gives_the_owned_one(stock: Stock, player: Player) -> None:
    item = stock.catalogue()[0]

    assert player.grant(item.id) == player.grant(item.id)
    assert player.ids() == [item.id]


def test_giving_what_is_worn_tells_that_it_is_worn(stock: Stock, player: Player) -> None:
    item = stock.catalogue()[0]
    player.grant(item.id)
    player.equip(item.id)

    assert player.grant(item.id).equipped


def test_an_unknown_item_is_not_given(player: Player) -> None:
    with pytest.raises(Refused, match="ITEM_UNKNOWN"):
        player.grant(new_id())


def test_a_drop_is_obtained_by_the_players_clock(player: Player) -> None:
    player.set_clock(3 * DAY_S, revision=1)

    owned = player.drop().item

    assert abs(ahead(owned) - timedelta(days=3)) < SOON


def test_a_given_item_is_obtained_by_the_players_clock(stock: Stock, player: Player) -> None:
    player.set_clock(3 * DAY_S, revision=1)

    owned = player.grant(stock.catalogue()[0].id)

    assert abs(ahead(owned) - timedelta(days=3)) < SOON


def test_another_players_clock_is_not_moved(stock: Stock, player: Player) -> None:
    player.set_clock(3 * DAY_S, revision=1)

    assert abs(ahead(Player(stock).drop().item)) < SOON


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_the_newest_revision_of_a_clock_wins_in_whatever_order(
    player: Player, order: tuple[int, ...]
) -> None:
    for revision in order:
        player.set_clock(revision * DAY_S, revision=revision)

    assert abs(ahead(player.drop().item) - timedelta(days=3)) < SOON


def test_a_clock_is_set_back_by_a_newer_revision(player: Player) -> None:
    player.set_clock(3 * DAY_S, revision=1)

    player.set_clock(0, revision=2)

    assert abs(ahead(player.drop().item)) < SOON


@pytest.mark.parametrize(
    "call",
    [lambda p: p.grant(new_id()), lambda p: p.set_clock(DAY_S, revision=1)],
    ids=["grant", "clock"],
)
def test_without_a_sandbox_there_is_none(earnest: Stock, call: Callable[[Player], object]) -> None:
    with pytest.raises(Refused, match="SANDBOX_OFF"):
        call(Player(earnest))


def test_without_a_sandbox_a_clock_that_was_set_counts_for_nothing(
    earnest: Stock, player: Player
) -> None:
    player.set_clock(3 * DAY_S, revision=1)

    owned = Player(earnest, player.id).drop().item

    assert abs(ahead(owned)) < SOON
