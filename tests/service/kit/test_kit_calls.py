"""Calls between processes: who has gone is not worked for, who does not answer is not waited for."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.breaker import FAILURES
from services.kit.callers import TokenMaker
from services.kit.client import FAIR_S, Client
from services.kit.errors import Unavailable
from services.kit.server import Offer, Served, build_server
from services.kit.tls import PLAIN
from tests.service.peers import SECRET, listening

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


class Sleeper(world_pb2_grpc.WorldServiceServicer):
    """Answers once it is woken; counts whom it worked for."""

    def __init__(self) -> None:
        self.awake = threading.Event()
        self.worked_for: list[str] = []

    def SetClock(self, request: world_pb2.SetClockRequest, _: Any) -> world_pb2.SetClockResponse:
        self.worked_for.append(request.user_id)
        self.awake.wait(10)
        return world_pb2.SetClockResponse()


class Far:
    """A service with a single thread, and a client of it."""

    def __init__(self, sleeper: Sleeper, client: Client) -> None:
        self.sleeper = sleeper
        self._client = client
        self._stub = world_pb2_grpc.WorldServiceStub(client.channel)

    def ask(self, user: str, *, timeout_s: float) -> None:
        request = world_pb2.SetClockRequest(user_id=user)
        self._client.call(self._stub.SetClock, request, timeout_s=timeout_s).answer()


def served(sleeper: Sleeper) -> Served:
    """How a sleeper is served."""
    return Served(
        name="world",
        offers=(
            Offer(
                world_pb2.DESCRIPTOR.services_by_name["WorldService"].full_name,
                {"SetClock": frozenset({"session"})},
                lambda server: world_pb2_grpc.add_WorldServiceServicer_to_server(sleeper, server),
            ),
        ),
        is_ready=lambda: True,
        close=lambda: None,
        threads=1,
    )


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    sleeper = Sleeper()  # type: ignore[abstract]  # it is asked nothing else
    with listening(served(sleeper), tmp_path) as target:
        client = Client("world", target, TokenMaker("session", SECRET), PLAIN)
        grpc.channel_ready_future(client.channel).result(10)
        yield Far(sleeper, client)
        sleeper.awake.set()
        client.close()


@contextmanager
def replica(*, is_healthy: bool) -> Iterator[tuple[Sleeper, str]]:
    """One of several servers of the service, awake, and its address."""
    sleeper = Sleeper()  # type: ignore[abstract]  # it is asked nothing else
    sleeper.awake.set()
    server, health = build_server(served(sleeper), SECRET, is_production=False)
    health.set("", SERVING if is_healthy else NOT_SERVING)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield sleeper, f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def test_calls_go_only_to_replicas_that_call_themselves_healthy() -> None:
    with replica(is_healthy=False) as (blind, one), replica(is_healthy=True) as (sound, other):
        client = Client("world", f"ipv4:{one},{other}", TokenMaker("session", SECRET), PLAIN)
        grpc.channel_ready_future(client.channel).result(10)
        far = Far(sound, client)

        for number in range(20):
            far.ask(str(number), timeout_s=10.0)

        client.close()
    assert (len(blind.worked_for), len(sound.worked_for)) == (0, 20)


def test_a_call_that_waited_for_a_thread_until_its_caller_left_is_not_begun(far: Far) -> None:
    busy = threading.Thread(target=far.ask, args=("first",), kwargs={"timeout_s": 10.0})
    busy.start()
    while not far.sleeper.worked_for:
        time.sleep(0.01)

    with pytest.raises(Unavailable):
        far.ask("impatient", timeout_s=0.2)
    far.sleeper.awake.set()
    far.ask("patient", timeout_s=10.0)

    busy.join()
    assert far.sleeper.worked_for == ["first", "patient"]


def test_who_does_not_answer_three_times_is_not_waited_for_again(far: Far) -> None:
    for _ in range(FAILURES):
        with pytest.raises(Unavailable):
            far.ask("somebody", timeout_s=FAIR_S)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        far.ask("somebody", timeout_s=10.0)

    assert time.monotonic() - began < FAIR_S


def test_calls_that_were_given_little_time_say_nothing_of_the_far_side(far: Far) -> None:
    for _ in range(2 * FAILURES):
        with pytest.raises(Unavailable):
            far.ask("somebody", timeout_s=0.01)

    far.sleeper.awake.set()

    far.ask("somebody", timeout_s=10.0)
