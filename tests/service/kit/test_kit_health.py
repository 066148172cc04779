"""Health is told to whoever watches, whatever becomes of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.kit.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ASKED = health_pb2.HealthCheckRequest()
# Far more than it takes; who waits for each other would wait for ever.
PATIENCE_S = 10.0


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def stub(health: Health, tmp_path: Path) -> Iterator[health_pb2_grpc.HealthStub]:
    target = f"unix:{tmp_path}/health.sock"
    server = grpc.server(ThreadPoolExecutor(4))
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    server.add_insecure_port(target)
    server.start()
    with grpc.insecure_channel(target) as channel:
        yield health_pb2_grpc.HealthStub(channel)
    server.stop(None).wait(PATIENCE_S)


def test_who_watches_is_told_of_every_change(
    health: Health, stub: health_pb2_grpc.HealthStub
) -> None:
    told = stub.Watch(ASKED, timeout=PATIENCE_S)
    first = next(told).status

    health.set("", NOT_SERVING)

    assert (first, next(told).status) == (SERVING, NOT_SERVING)


class EventThread:
    """The one thread of a server that sees what was sent, and runs what follows on a watcher's end."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._ends: list[Callable[[], None]] = []

    def add_callback(self, follows: Callable[[], None]) -> None:
        """As the context of a call takes it."""
        self._ends.append(follows)

    def send(self, _: object) -> None:
        """Sends; done when the thread has seen it, and before it whatever happened before."""
        for follows in self._ends:
            self._thread.submit(follows)
        self._thread.submit(lambda: None).result(PATIENCE_S)


def test_a_telling_does_not_wait_for_the_end_of_a_watcher_that_waits_for_the_telling(
    health: Health,
) -> None:
    server = EventThread()
    health.Watch(ASKED, server, server.send)

    health.set("", NOT_SERVING)

    assert health.Check(ASKED, server).status == NOT_SERVING
