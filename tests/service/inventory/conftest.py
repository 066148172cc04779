"""The real inventory service on real PostgreSQL."""

from collections.abc import Callable, Iterator

import pytest

from services.kit.settings import database_on
from tests.service.inventory.stock import Player, Stock, opened


@pytest.fixture(scope="module")
def stock(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """An inventory service that all tests share, with its sandbox on."""
    url = database_on(server_url, "nesra_inventory")
    with opened(url, tmp_path_factory.mktemp("i")) as stock:
        yield stock


@pytest.fixture
def own_stock(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stock]:
    """An inventory service with a database of its own, whose catalogue a test may change."""
    with opened(new_database("inventory"), tmp_path_factory.mktemp("i")) as stock:
        yield stock


@pytest.fixture
def player(stock: Stock) -> Player:
    return Player(stock)
