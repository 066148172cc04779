"""One PostgreSQL of its own for the whole test run, migrated once, shared by all workers.

Tests do not clean up after themselves: every test plays with players of its
own, and no row is shared between players.
"""

import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.kit import migrations
from services.kit.settings import database_on
from town.postgres import EmbeddedPostgres

SERVICES = ("auth", "session", "inventory", "world")
SERVER = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    config.stash[SERVER] = worker["server"] if worker else _start_server(config)


def pytest_configure_node(node: Any) -> None:
    node.workerinput["server"] = node.config.stash[SERVER]


@pytest.fixture(scope="session")
def server_url(pytestconfig: pytest.Config) -> str:
    """The superuser's URL of the test run's PostgreSQL."""
    return pytestconfig.stash[SERVER]


def _start_server(config: pytest.Config) -> str:
    folder = tempfile.TemporaryDirectory(prefix="nesra-test-")
    config.add_cleanup(folder.cleanup)
    home = Path(folder.name)
    postgres = EmbeddedPostgres(home / "postgres", home / "sockets")
    config.add_cleanup(postgres.stop)
    postgres.start()
    server = postgres.url()
    for service in SERVICES:
        _make_database(server, service)
    return server


def _make_database(server: str, service: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE nesra_{service}")
    migrations.upgrade(service, database_on(server, f"nesra_{service}"))
