"""The real auth service on real PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from protos.auth.v1 import auth_pb2_grpc
from services.auth.__main__ import wired
from services.auth.passwords import Hasher
from services.auth.settings import AuthSettings
from services.kit.settings import database_on
from tests.service.peers import SECRET, Peer, listening, peer

OpenHouse = Callable[..., AbstractContextManager["House"]]


@dataclass(frozen=True)
class House:
    """An auth service, and its database seen from behind."""

    auth: Peer
    url: str
    target: str

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, *parameters: object) -> None:
        """Changes what the database holds, as time or an operator would."""
        with psycopg.connect(self.url) as connection:
            connection.execute(sql, parameters)


@pytest.fixture(scope="session")
def open_house(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> OpenHouse:
    """Serves auth: on the shared database, unless another is given."""

    @contextmanager
    def opened(
        url: str | None = None, *, secret: str = SECRET, hasher: Hasher | None = None
    ) -> Iterator[House]:
        settings = settings_for(url or database_on(server_url, "nesra_auth"), secret)
        folder = tmp_path_factory.mktemp("a")
        with listening(wired(settings, hasher=hasher), folder) as target:
            yield House(
                auth=peer("auth", target, auth_pb2_grpc.AuthServiceStub),
                url=settings.database_url,
                target=target,
            )

    return opened


@pytest.fixture(scope="session")
def house(open_house: OpenHouse) -> Iterator[House]:
    with open_house() as opened:
        yield opened


def settings_for(url: str, secret: str = SECRET) -> AuthSettings:
    return AuthSettings(
        secret=secret,
        environment="development",
        service="auth",
        database_url=url,
        listen="",
    )
