"""Health is told to whoever watches, whatever becomes of them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.kit.health import Health
from tests.service.peers import at_once

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


def test_watchers_who_leave_while_they_are_told_hang_nobody(
    health: Health, stub: health_pb2_grpc.HealthStub
) -> None:
    is_over = threading.Event()

    def tell() -> None:
        while not is_over.is_set():
            health.set("", SERVING)

    def come_and_go(_: int) -> None:
        for _ in range(50):
            watching = stub.Watch(ASKED, timeout=PATIENCE_S)
            next(watching)
            watching.cancel()

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    at_once(4, come_and_go)
    is_over.set()

    assert stub.Check(ASKED, timeout=PATIENCE_S).status == SERVING
    telling.join(PATIENCE_S)
    assert not telling.is_alive()
