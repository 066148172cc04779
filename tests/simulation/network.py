"""gRPC without a network: the real stubs, servicers and clients, and a courier for every message.

A courier may lose a request or an answer, bring it late or twice, and finds who
is there when it arrives.
"""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import grpc

from services.kit.breaker import Breaker
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.errors import Failure, Internal, Unavailable
from tests.simulation.scheduler import Killed, Scheduler
from tests.simulation.weather import Weather

Outcome = bytes | grpc.Status
Handler = Any


@dataclass(eq=False)
class Process:
    """A process that serves: by method what handles it, while it is up."""

    name: str
    service: str
    handlers: dict[str, Handler]
    is_up: bool = True


class Network:
    """Brings messages to the processes of a service."""

    def __init__(self, scheduler: Scheduler, weather: Weather) -> None:
        self.scheduler = scheduler
        self.weather = weather
        self.processes: list[Process] = []
        # What broke in a handler that nobody poisoned: bugs.
        self.broken: list[str] = []
        self._sent = 0

    def send(self, service: str, method: str, request: bytes, future: "_Future") -> None:
        """The request is on its way, so many times as fate has it."""
        self._sent += 1
        number = self._sent
        self.scheduler.note(f"asks {service}.{method} #{number}")
        for delay in self.weather.legs():
            self.scheduler.spawn(
                f"{method} #{number}",
                partial(self._carry, service, method, request, future, delay),
            )

    def _carry(
        self, service: str, method: str, request: bytes, future: "_Future", delay: float
    ) -> None:
        self.scheduler.sleep(delay)
        there = [p for p in self.processes if p.service == service and p.is_up]
        if not there or f"{service} process" in self.weather.away:
            future.settle(Unavailable().as_status())
            return
        process = self.scheduler.dice.choice(there)
        self.scheduler.enter(process.name)
        self.scheduler.note(f"arrives at {process.name}")
        try:
            outcome = self._handled(process.handlers[method], method, request, future)
        except Killed:
            if self.weather.resets:
                future.settle(Unavailable().as_status())
            raise
        self.scheduler.enter(None)
        for leg in self.weather.legs():
            self.scheduler.sleep(leg)
            future.settle(outcome)

    def _handled(self, handler: Any, method: str, request: bytes, future: "_Future") -> Outcome:
        """As services.kit.server guards a handler."""
        try:
            answer = handler.unary_unary(handler.request_deserializer(request), future)
            return cast("bytes", handler.response_serializer(answer))
        except Failure as failure:
            return failure.as_status()
        except Exception as error:  # noqa: BLE001  # as a server does, but remembered
            self.broken.append(f"{method}: {error!r}")
            return Internal().as_status()


class _Failed(grpc.RpcError):
    """A call that failed, as grpc tells it."""

    def __init__(self, status: grpc.Status) -> None:
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status.code

    def details(self) -> str:
        return self._status.details

    def trailing_metadata(self) -> Any:
        return self._status.trailing_metadata


class _Timeout:
    """The status of a call that nobody answered in time."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    details = ""
    trailing_metadata = None


class _Future:
    """A call under way; to the other side, its context."""

    def __init__(self, scheduler: Scheduler, read: Callable[[bytes], Any], timeout: float) -> None:
        self._scheduler = scheduler
        self._read = read
        self._until = scheduler.now + timeout
        self._outcome: Outcome | None = None

    def settle(self, outcome: Outcome) -> None:
        """The first word counts."""
        if self._outcome is None:
            self._outcome = outcome

    def result(self) -> Any:
        """Waits. Raises RpcError."""
        left = max(0.0, self._until - self._scheduler.now)
        self._scheduler.wait(lambda: self._outcome is not None, seconds=left)
        if isinstance(self._outcome, bytes):
            return self._read(self._outcome)
        raise _Failed(self._outcome or cast("grpc.Status", _Timeout))

    def time_remaining(self) -> float:
        """Seconds that the caller still waits."""
        return max(0.0, self._until - self._scheduler.now)


class _Method:
    """One method of a stub."""

    def __init__(self, network: Network, path: str, write: Any, read: Any) -> None:
        self._network = network
        self._service, self._name = _named(path)
        self._write = write
        self._read = read

    def __call__(self, request: Any, *, timeout: float, metadata: Any) -> Any:
        """Makes a call, and waits for its answer. Raises RpcError."""
        del metadata
        future = _Future(self._network.scheduler, self._read, timeout)
        self._network.send(self._service, self._name, self._write(request), future)
        return future.result()


class _Channel:
    """What a generated stub is made from."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def unary_unary(
        self, path: str, *, request_serializer: Any, response_deserializer: Any, **_: Any
    ) -> _Method:
        """A method by its path."""
        return _Method(self._network, path, request_serializer, response_deserializer)


class _Threads(Executor):
    """Threads of the simulation."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def submit(self, work: Callable[..., Any], /, *_: Any, **__: Any) -> Any:
        """Begins `work`."""
        begun = _Begun(self._scheduler)
        self._scheduler.spawn("a call", partial(begun.run, work), home=self._scheduler.home)
        return begun


class _Begun(Future[Any]):
    """Something that a thread of the simulation does."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def run(self, work: Callable[[], Any]) -> None:
        """Does it."""
        try:
            self.set_result(work())
        except Failure as failure:
            self.set_exception(failure)

    def result(self, timeout: float | None = None) -> Any:
        """Waits for it. Raises the failure that it was."""
        del timeout
        self._scheduler.wait(self.done)
        return super().result(0)


class _NoTokens(TokenMaker):
    """Nobody checks them here."""

    def __init__(self) -> None:
        pass

    def metadata(self, audience: str) -> tuple[tuple[str, str], ...]:
        del audience
        return ()


class SimulatedClient(Client):
    """The services' own client, breaker and all, over the simulated network."""

    def __init__(self, network: Network) -> None:
        self.channel = cast("grpc.Channel", _Channel(network))
        self._service = ""
        self._tokens = _NoTokens()
        self._breakers = defaultdict(lambda: Breaker(network.scheduler.clock))
        self._threads = _Threads(network.scheduler)


class Handlers:
    """Stands where a grpc.Server stands when a servicer is added to it."""

    def __init__(self) -> None:
        self.by_method: dict[str, Handler] = {}

    def add_generic_rpc_handlers(self, _: Any) -> None:
        """The registered ones are enough."""

    def add_registered_method_handlers(self, _: str, handlers: Any) -> None:
        """Remembers them by the method's name."""
        self.by_method = dict(handlers)


def _named(path: str) -> tuple[str, str]:
    """The service's short name and the method: /protos.world.v1.WorldService/SetClock."""
    service, method = path.rsplit("/", 1)
    return service.split(".")[1], method
