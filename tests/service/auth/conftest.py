"""The real auth service on real PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from protos.auth.v1 import auth_pb2_grpc
from services.auth import rules
from services.auth.__main__ import wired
from services.auth.passwords import Hasher
from services.auth.settings import AuthSettings
from services.kit.settings import database_on
from tests.service.peers import SECRET, Peer, listening, peer, working

OpenHouse = Callable[..., AbstractContextManager["House"]]


@dataclass(frozen=True)
class House:
    """An auth service, and its database seen from behind."""

    auth: Peer
    url: str
    target: str

    def rows(self, text: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(text, parameters).fetchall()

    def change(self, text: str, *parameters: object) -> None:
        """Changes what the database holds, as time or an operator would."""
        with psycopg.connect(self.url) as connection:
            connection.execute(text, parameters)

    def age_keys(self, by: timedelta) -> None:
        """Lets time pass over the signing keys."""
        columns = ("created_at", "signs_from", "renew_at", "retired_at", "revoked_at")
        shifts = sql.SQL(", ").join(
            sql.SQL("{0} = {0} - {1}").format(sql.Identifier(column), by) for column in columns
        )
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.SQL("UPDATE signing_key SET {}").format(shifts))


@pytest.fixture(scope="session")
def open_house(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> OpenHouse:
    """Serves auth: on the shared database, unless another is given.

    With `is_working` it also does what it does beside its calls.
    """

    @contextmanager
    def opened(
        url: str | None = None,
        *,
        secret: str = SECRET,
        hasher: Hasher | None = None,
        lead: timedelta = rules.KEY_LEAD,
        is_working: bool = False,
    ) -> Iterator[House]:
        settings = settings_for(url or database_on(server_url, "nesra_auth"), secret)
        folder = tmp_path_factory.mktemp("a")
        # Where its letters go.
        settings.home = folder
        served = wired(settings, hasher=hasher, lead=lead)
        work = working(served) if is_working else nullcontext()
        with listening(served, folder) as target, work:
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
