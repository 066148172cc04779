"""Real gRPC servers within the test process, and callers with a service token."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any, ParamSpec, TypeVar

import grpc

from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.errors import Unavailable
from services.kit.server import Served, build_server
from services.kit.shards import shard_of
from services.kit.tls import PLAIN

Answer = TypeVar("Answer")
Asked = ParamSpec("Asked")

SECRET = "a secret of tests that is long enough"


class Peer:
    """The methods of a service as plain functions: a request in, the answer out.

    Raises the service's named failures as `Refused`.
    """

    def __init__(self, stub: Callable[[Any], Any], client: Client) -> None:
        self._stub = stub(client.channel)
        self._client = client

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        call = getattr(self._stub, method)
        return lambda request: self._client.call(call, request, timeout_s=10.0).answer()

    def await_service(self) -> None:
        """Returns when the service takes calls again: channels back off from where nobody was."""
        grpc.channel_ready_future(self._client.channel).result(10)


def at_once(count: int, work: Callable[[int], Answer]) -> list[Answer]:
    """What `work` answers to each number below `count`, by threads that begin together."""
    barrier = Barrier(count)

    def begin(number: int) -> Answer:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))


def insisting(work: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """`work` by one who asks again whenever it is unavailable at the moment.

    A service has eight connections to its database and lets nobody wait a second for one:
    where more than eight come at once on a busy machine, some are told so.
    """

    def insist(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        while True:
            with suppress(Unavailable):
                return work(*args, **kwargs)

    return insist


def neighbours(count: int) -> Iterator[str]:
    """Ids of new players who live on one shard, as those of one batch do."""
    shard = None
    while count:
        player = str(uuid.uuid4())
        shard = shard_of(player) if shard is None else shard
        if shard_of(player) == shard:
            count -= 1
            yield player


@contextmanager
def listening(served: Served, folder: Path, *, is_production: bool = False) -> Iterator[str]:
    """The target at which `served` answers, until the end."""
    target = f"unix:{folder / served.name}.sock"
    server, _ = build_server(served, SECRET, is_production=is_production)
    server.add_insecure_port(target)
    server.start()
    try:
        yield target
    finally:
        server.stop(None).wait()
        served.close()


@contextmanager
def working(served: Served) -> Iterator[None]:
    """Does what `served` does beside its calls, until the end."""
    stopping = Event()
    tasks = [Thread(target=task, args=(stopping,)) for task in served.tasks]
    for task in tasks:
        task.start()
    try:
        yield
    finally:
        stopping.set()
        for task in tasks:
            task.join(10)


def peer(service: str, target: str, stub: Callable[[Any], Any], *, caller: str = "gateway") -> Peer:
    """A caller of the service at `target`, who shows itself as `caller`."""
    return Peer(stub, Client(service, target, TokenMaker(caller, SECRET), PLAIN))
