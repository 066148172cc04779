"""A service on a stage: it plays what it was told, behind real gRPC."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from services.kit.server import Offer, Served

Play = Callable[[Any], Any]
# A gRPC service, and what adds a servicer of it to a server.
Act = tuple[ServiceDescriptor, Callable[[Any, grpc.Server], None]]


class Actor:
    """A service that plays what it was told; `seen` are the requests per method."""

    def __init__(self, name: str, *acts: Act, **plays: Play) -> None:
        self.plays = plays
        self.seen: dict[str, list[Any]] = {}
        offers = tuple(self._offer(*act) for act in acts)
        self.served = Served(name, offers, is_ready=lambda: True, close=lambda: None)

    def _offer(
        self, descriptor: ServiceDescriptor, add: Callable[[Any, grpc.Server], None]
    ) -> Offer:
        everyone = {method.name: frozenset({"gateway"}) for method in descriptor.methods}
        return Offer(descriptor.full_name, everyone, lambda server: add(self, server))

    def __getattr__(self, method: str) -> Callable[[Any, Any], Any]:
        def play(request: Any, _: Any) -> Any:
            self.seen.setdefault(method, []).append(request)
            return self.plays[method](request)

        return play

    @contextmanager
    def playing(self, **plays: Play) -> Iterator[None]:
        """Plays these instead, until the end."""
        before = dict(self.plays)
        self.plays.update(plays)
        try:
            yield
        finally:
            self.plays.clear()
            self.plays.update(before)


def refusing(failure: Exception) -> Play:
    def play(_: Any) -> Any:
        raise failure

    return play
