"""The four real services on databases of their own, in which every session drops."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest

from protos.auth.v1 import auth_pb2_grpc
from protos.inventory.v1 import inventory_pb2_grpc
from protos.session.v1 import session_pb2_grpc
from protos.world.v1 import world_pb2_grpc
from services.auth.__main__ import wired as wired_auth
from services.auth.settings import AuthSettings
from services.inventory.__main__ import wired as wired_inventory
from services.kit.server import Served
from services.kit.settings import RULES, ServiceSettings
from services.session.__main__ import wired as wired_session
from services.world.__main__ import wired as wired_world
from tests.conftest import SERVICES
from tests.service.peers import SECRET, listening, peer
from tests.service.personal.archive import Archive, Archives


@pytest.fixture(scope="module")
def archives(
    new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archives]:
    folder = tmp_path_factory.mktemp("p")
    rules = folder / "rules.toml"
    rules.write_text(RULES.read_text().replace("chance = 1000", "chance = 10000"))
    settings = {name: _settings(name, new_database(name), rules) for name in SERVICES}
    targets: dict[str, str] = {}
    with ExitStack() as stack:

        def listen(served: Served) -> None:
            targets[served.name] = stack.enter_context(listening(served, folder))
            assert any(served.is_ready() for _ in range(5))

        listen(wired_inventory(settings["inventory"]))
        listen(wired_world(settings["world"]))
        listen(wired_session(settings["session"], targets.__getitem__))
        listen(wired_auth(AuthSettings(**dict(settings["auth"])), targets.__getitem__))
        yield Archives(
            {name: _archive(name, targets[name], settings[name]) for name in SERVICES},
            auth=peer("auth", targets["auth"], auth_pb2_grpc.AuthServiceStub),
            session=peer("session", targets["session"], session_pb2_grpc.SessionServiceStub),
            inventory=peer(
                "inventory", targets["inventory"], inventory_pb2_grpc.InventoryServiceStub
            ),
            world=peer("world", targets["world"], world_pb2_grpc.WorldServiceStub),
        )


@pytest.fixture(params=SERVICES)
def archive(request: pytest.FixtureRequest, archives: Archives) -> Archive:
    """Each of the four in turn."""
    return archives.of[request.param]


@pytest.fixture(params=[name for name in SERVICES if name != "auth"])
def forgetful(request: pytest.FixtureRequest, archives: Archives) -> Archive:
    """Each of the three that erase when they are told to."""
    return archives.of[request.param]


def _archive(service: str, target: str, settings: ServiceSettings) -> Archive:
    metadata = import_module(f"services.{service}.tables").metadata
    return Archive(service, target, settings.database_url, metadata)


def _settings(service: str, url: str, rules: Path) -> ServiceSettings:
    return ServiceSettings(
        secret=SECRET,
        environment="development",
        sandbox=True,
        service=service,
        database_url=url,
        listen="",
        rules=rules,
    )
