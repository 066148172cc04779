"""Somebody who listens to what auth tells, in a thread, and how fast it does."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from protos.auth.v1 import auth_pb2 as pb
from protos.auth.v1.auth_pb2_grpc import AuthServiceStub
from services.kit.callers import TokenMaker
from services.kit.errors import Failure, from_rpc
from tests.service.peers import SECRET


class Listener:
    """What was told so far, when, and how the stream ended: None while it goes on."""

    def __init__(self, channel: grpc.Channel, since: Timestamp | None) -> None:
        self.told: list[pb.WatchLoginsResponse] = []
        self.beats: list[float] = []
        self.ended: Failure | None = None
        metadata = TokenMaker("gateway", SECRET).metadata("auth")
        request = pb.WatchLoginsRequest(since=since)
        self._call = AuthServiceStub(channel).WatchLogins(request, metadata=metadata)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    @property
    def families(self) -> list[str]:
        """Every family that was told, in order."""
        return [family for told in self.told for family in told.family_ids]

    def kids(self) -> list[str]:
        """The keys that were told last."""
        return [key.kid for key in self.told[-1].keys]

    def until(self, holds: Callable[[], bool], *, seconds: float = 10.0) -> float:
        """Waits until it holds; returns the seconds that it took. Fails when it does not come true."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, self.ended
            time.sleep(0.005)
        return time.monotonic() - began

    def until_ended(self) -> str:
        """How the stream ended."""
        self._thread.join(10)
        assert self.ended is not None
        return self.ended.reason

    def leave(self) -> None:
        """Listens no more."""
        self._call.cancel()
        self._thread.join(10)

    def _listen(self) -> None:
        try:
            for told in self._call:
                self.told.append(told)
                self.beats.append(time.monotonic())
        except grpc.RpcError as error:
            self.ended = from_rpc(error)


@contextmanager
def listening_to(target: str, since: Timestamp | None = None) -> Iterator[Listener]:
    """Somebody who listens until the end, and has been told the first."""
    with grpc.insecure_channel(target) as channel:
        listener = Listener(channel, since)
        try:
            listener.until(lambda: bool(listener.told) or listener.ended is not None)
            yield listener
        finally:
            listener.leave()
