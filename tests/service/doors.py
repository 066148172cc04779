"""The doors of the town: every RPC method of every service, and who comes through."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import grpc
from google.protobuf.descriptor import MethodDescriptor
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.kit.callers import METADATA_KEY
from services.kit.errors import Failure
from services.kit.server import Offer, Served
from services.kit.settings import PORTS, ServiceSettings, database_on
from tests.service.peers import SECRET, listening

ROOT = Path(__file__).parents[2]
# Every process that may show itself by a token.
TOWN = (*PORTS, "gateway")


class CameIn(Failure):
    """The answer to whoever is let in: all that stands behind these doors."""


@dataclass(frozen=True)
class Door:
    """One gRPC service of a process as it is wired, except that behind its methods nothing is done.

    `came_in` are the methods that somebody came so far as to begin.
    """

    process: str
    offer: Offer
    channel: grpc.Channel
    came_in: list[str] = field(default_factory=list)

    def answers(
        self, method: MethodDescriptor, headers: Mapping[str, str | None], *, request: bytes = b""
    ) -> dict[str, str]:
        """The answer to a call with each of the headers; CAME_IN to whoever is let in."""
        path = f"/{self.offer.service}/{method.name}"
        kind = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        return {what: _answer(kind(path), request, header) for what, header in headers.items()}

    def registered(self, server: grpc.Server) -> None:
        """Registers the service's own handlers, each with nothing behind it."""
        self.offer.register(_Doorway(server, self.came_in))  # type: ignore[arg-type]  # it stands in for a server


def every_method() -> dict[str, MethodDescriptor]:
    """Every method of every service in protos/, by its full name."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("protos/*/v1/*.proto"))
    files = (import_module(f"{'.'.join(path.parts)}_pb2").DESCRIPTOR for path in sorted(paths))
    services = (service for file in files for service in file.services_by_name.values())
    return {method.full_name: method for service in services for method in service.methods}


def services_told(channel: grpc.Channel) -> list[str]:
    """The services that reflection tells. Raises grpc.RpcError where there is none."""
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    (answer,) = stub.ServerReflectionInfo(asked, timeout=10)
    return [service.name for service in answer.list_services_response.service]


@contextmanager
def doors_of_the_town(
    server_url: str, folder: Path, *, is_production: bool
) -> Iterator[list[Door]]:
    """Every door of the four services, open until the end."""
    with ExitStack() as stack:
        yield [
            door
            for process in PORTS
            for door in stack.enter_context(
                _doors_of(wired(process, server_url), folder, is_production=is_production)
            )
        ]


@contextmanager
def _doors_of(served: Served, folder: Path, *, is_production: bool) -> Iterator[list[Door]]:
    with grpc.insecure_channel(f"unix:{folder / served.name}.sock") as channel:
        doors = [Door(served.name, offer, channel) for offer in served.offers]
        guarded = replace(
            served,
            offers=tuple(replace(door.offer, register=door.registered) for door in doors),
        )
        with listening(guarded, folder, is_production=is_production):
            yield doors


def wired(process: str, server_url: str) -> Served:
    """A service as its process serves it, on its database of that server."""
    wired: Callable[..., Served] = import_module(f"services.{process}.__main__").wired
    kind: type[ServiceSettings] = get_type_hints(wired)["settings"]
    url = database_on(server_url, f"nesra_{process}")
    return wired(kind(secret=SECRET, service=process, database_url=url, listen=""))


class _Doorway:
    """In place of a server where a service registers its handlers."""

    def __init__(self, server: grpc.Server, came_in: list[str]) -> None:
        self._server = server
        self._came_in = came_in

    def add_generic_rpc_handlers(self, handlers: tuple[Any, ...]) -> None:
        """Generated code registers its handlers in both ways; the other one is enough."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Registers each handler with nothing behind it."""
        empty = {name: self._emptied(name, handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, empty),)
        )

    def _emptied(self, name: str, handler: Any) -> Any:
        def come_in(_request: Any, _context: grpc.ServicerContext) -> Any:
            self._came_in.append(name)
            raise CameIn

        shape = "unary_stream" if handler.response_streaming else "unary_unary"
        return handler._replace(**{shape: come_in})


def _answer(call: Any, request: bytes, header: str | None) -> str:
    metadata = () if header is None else ((METADATA_KEY, header),)
    try:
        for _ in call(request, metadata=metadata, timeout=10):
            pass
    except grpc.RpcError as error:
        return str(error.details()) if error.details() == CameIn.reason else error.code().name
    return "OK"
