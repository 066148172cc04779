"""A service that is told to stop says so first, and finishes what it accepted."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.tls import PLAIN
from tests.service.peers import SECRET

# Says when it works, and answers when its input ends.
SERVICE = """
import sys
from protos.world.v1 import world_pb2, world_pb2_grpc
from services.kit.server import Offer, Served, serve

class Slow(world_pb2_grpc.WorldServiceServicer):
    def SetClock(self, request, context):
        print("working", flush=True)
        sys.stdin.read()
        return world_pb2.SetClockResponse()

serve(
    Served(
        name="world",
        offers=(
            Offer(
                world_pb2.DESCRIPTOR.services_by_name["WorldService"].full_name,
                {"SetClock": frozenset({"session"})},
                lambda server: world_pb2_grpc.add_WorldServiceServicer_to_server(Slow(), server),
            ),
        ),
        is_ready=lambda: True,
        close=lambda: None,
    ),
    listen=sys.argv[1],
    secret=sys.argv[2],
    is_production=True,
)
"""
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def serving(target: str) -> Iterator[subprocess.Popen[str]]:
    """A process that serves until it is told to stop."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE, target, SECRET],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def accepts(client: Client) -> bool:
    """Whether the service takes a new call."""
    stub = health_pb2_grpc.HealthStub(client.channel)
    try:
        stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    except grpc.RpcError:
        return False
    return True


def test_who_stops_tells_its_watchers_and_answers_the_calls_that_it_accepted(
    tmp_path: Path,
) -> None:
    target = f"unix:{tmp_path}/slow.sock"
    client = Client("world", target, TokenMaker("session", SECRET), PLAIN)
    with serving(target) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        grpc.channel_ready_future(client.channel).result(30)
        watch = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest())
        method = world_pb2_grpc.WorldServiceStub(client.channel).SetClock
        call = client.call(method, world_pb2.SetClockRequest(), timeout_s=20.0)
        answer = ThreadPoolExecutor(1).submit(call.answer)
        assert "working\n" in process.stdout
        assert next(watch).status == SERVING

        process.send_signal(signal.SIGTERM)

        assert next(watch, None) == health_pb2.HealthCheckResponse(status=NOT_SERVING)
        while accepts(client):
            pass
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.5)
        process.stdin.close()
        assert answer.result(15) == world_pb2.SetClockResponse()
        watch.cancel()
        assert process.wait(15) == 0
    client.close()
