"""Calls to another service: channels that outlive replicas, calls with a deadline."""

import json
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, Self, TypeVar

import grpc

from services.kit.breaker import Breaker
from services.kit.callers import TokenMaker
from services.kit.errors import Unavailable, from_rpc
from services.kit.tls import Tls

Answer = TypeVar("Answer")

MAX_MESSAGE_BYTES = 1 << 20
# More than the threads that serve calls, each of which begins one at most, and the sweeper.
THREADS = 16
# A call that was given less says nothing of the far side when it runs out of time.
FAIR_S = 0.5

_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # The name "" is the whole server: a draining or blind replica gets no calls.
        "healthCheckConfig": {"serviceName": ""},
    }
)
OPTIONS = [
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A link that was cut without a word is noticed within 13 s, and made anew.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # A killed service is back within 2 s; the default back-off would wait longer.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]


def note(breaker: Breaker, error: grpc.RpcError, *, timeout_s: float) -> None:
    """Tells a breaker what a failed call says of the far side."""
    if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
        breaker.answered()
    elif timeout_s >= FAIR_S:
        breaker.unanswered()


class Call(Generic[Answer]):
    """A call to another service: made when its answer is asked for, or begun before that."""

    _begun: "Future[Answer] | None" = None

    def __init__(self, ask: Callable[[], Answer], threads: Executor) -> None:
        self._ask = ask
        self._threads = threads

    def begin(self) -> Self:
        """Makes the call in a thread of its own, so that another can be made meanwhile."""
        self._begun = self._threads.submit(self._ask)
        return self

    def answer(self) -> Answer:
        """Waits for the answer. Raises Refused, Unavailable or Internal."""
        return self._begun.result() if self._begun else self._ask()


class Client:
    """The methods of one service, called as `caller`, synchronously.

    `client.call(stub.BatchGetWorlds, request, timeout_s=1.0).answer()`. A method that
    nobody answers is asked once a second only; the other calls to it fail at once.
    """

    def __init__(self, service: str, target: str, tokens: TokenMaker, tls: Tls) -> None:
        self.channel = tls.channel(target, OPTIONS)
        self._service = service
        self._tokens = tokens
        self._breakers: dict[Any, Breaker] = defaultdict(Breaker)
        # gRPC's own futures cost twice as much: each begins and ends a thread.
        self._threads: Executor = ThreadPoolExecutor(THREADS, thread_name_prefix=service)

    def call(self, method: Any, request: Any, *, timeout_s: float) -> Call[Any]:
        """A call that may take so long from when it is made."""
        return Call(partial(self._answer, method, request, timeout_s), self._threads)

    def close(self) -> None:
        """Closes the channel."""
        self.channel.close()
        self._threads.shutdown()

    def _answer(self, method: Any, request: Any, timeout_s: float) -> Any:
        breaker = self._breakers[method]
        if not breaker.allows():
            raise Unavailable
        metadata = self._tokens.metadata(self._service)
        try:
            answer = method(request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            note(breaker, error, timeout_s=timeout_s)
            raise from_rpc(error) from error
        breaker.answered()
        return answer
