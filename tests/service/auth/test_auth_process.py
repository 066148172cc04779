"""Auth as a process: it leaves in time, is killed, comes back, and everybody is told all the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1 import auth_pb2_grpc
from services.kit.errors import Unavailable
from tests.service.auth.conftest import House
from tests.service.auth.gates import Gate, gates
from tests.service.auth.listener import listening_to
from tests.service.auth.member import Member
from tests.service.gateway.stage import within
from tests.service.peers import SECRET, peer

NewDatabase = Callable[[str], str]


@dataclass(frozen=True)
class Place:
    """Where an auth process serves, again and again."""

    url: str
    folder: Path

    @property
    def target(self) -> str:
        """Where its callers find it."""
        return f"unix:{self.folder}/auth.sock"

    @contextmanager
    def served(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process that serves here, until the end."""
        own = {
            "NESRA_SECRET": SECRET,
            "NESRA_ENVIRONMENT": "development",
            "NESRA_AUTH_DATABASE_URL": self.url,
            "NESRA_AUTH_LISTEN": self.target,
            "NESRA_HOME": str(self.folder),
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("NESRA_")}
        shards = {"NESRA_SHARDS": os.environ["NESRA_SHARDS"]}
        command = [sys.executable, "-m", "services.auth"]
        with subprocess.Popen(command, env=inherited | shards | own) as process:
            try:
                assert within(30, self._is_serving)
                yield process
            finally:
                process.kill()

    def house(self) -> House:
        """The auth that serves here, seen as the other tests see it."""
        stub = auth_pb2_grpc.AuthServiceStub
        return House(peer("auth", self.target, stub), self.url, self.target)

    def _is_serving(self) -> bool:
        with grpc.insecure_channel(self.target) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture
def place(new_database: NewDatabase, tmp_path: Path) -> Place:
    return Place(new_database("auth"), tmp_path)


def test_who_is_listened_to_leaves_in_time_all_the_same(place: Place) -> None:
    with place.served() as process, ExitStack() as stack:
        listeners = [stack.enter_context(listening_to(place.target)) for _ in range(5)]
        began = time.monotonic()

        process.send_signal(signal.SIGTERM)

        assert [listener.until_ended() for listener in listeners] == ["UNAVAILABLE"] * 5
        assert process.wait(15) == 0
        assert time.monotonic() - began < 3


def refuse(opened: list[Gate], token: str) -> bool:
    return all(gate.status(token) == 401 for gate in opened)


def test_an_auth_that_was_killed_and_is_back_tells_its_gateways_of_every_logout(
    place: Place, tmp_path: Path
) -> None:
    house = place.house()
    with ExitStack() as stack:
        with place.served() as process:
            member = Member(house)
            before, after, kept = (member.log_in().access_token for _ in range(3))
            opened = stack.enter_context(gates(tmp_path, place.target))
            member.log_out(member.families()[0])
            process.kill()
            with pytest.raises(Unavailable):
                member.log_in()
            # As another replica would have.
            house.change(
                "UPDATE refresh_family SET ended_at = clock_timestamp(), end_reason = 'logout'"
                " WHERE id = %s",
                member.families()[0],
            )

            assert [gate.status(kept) for gate in opened] == [200, 200]

        with place.served():
            assert within(3, lambda: refuse(opened, before) and refuse(opened, after))
            assert [gate.status(kept) for gate in opened] == [200, 200]
            last = pb.LogoutRequest(user_id=member.id, family_id=member.families()[0])
            house.auth.await_service()
            house.auth.Logout(last)
            assert within(1, lambda: refuse(opened, kept))
