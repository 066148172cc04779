"""Calls to another service: channels that outlive replicas, calls with a deadline."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from services.kit.breaker import Breaker
from services.kit.callers import TokenMaker
from services.kit.errors import Unavailable, from_rpc

Answer = TypeVar("Answer")

MAX_MESSAGE_BYTES = 1 << 20
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


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """A call that is under way; None where nobody may be asked at present."""

    future: Any
    timeout_s: float
    breaker: Breaker

    def answer(self) -> Answer:
        """Waits for the answer. Raises Refused, Unavailable or Internal."""
        if self.future is None:
            raise Unavailable
        try:
            answer: Answer = self.future.result()
        except grpc.RpcError as error:
            note(self.breaker, error, timeout_s=self.timeout_s)
            raise from_rpc(error) from error
        self.breaker.answered()
        return answer


def note(breaker: Breaker, error: grpc.RpcError, *, timeout_s: float) -> None:
    """Tells a breaker what a failed call says of the far side."""
    if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
        breaker.answered()
    elif timeout_s >= FAIR_S:
        breaker.unanswered()


class Client:
    """The methods of one service, called as `caller`, synchronously.

    `client.begin(stub.BatchGetWorlds, request, timeout_s=1.0).answer()`. A method
    that nobody answers is asked once a second only; the other calls to it fail at once.
    """

    def __init__(self, service: str, target: str, tokens: TokenMaker) -> None:
        self.channel = grpc.insecure_channel(target, options=OPTIONS)
        self._service = service
        self._tokens = tokens
        self._breakers: dict[Any, Breaker] = defaultdict(Breaker)

    def begin(self, method: Any, request: Any, *, timeout_s: float) -> Call[Any]:
        """Starts a call."""
        breaker = self._breakers[method]
        if not breaker.allows():
            return Call(None, timeout_s, breaker)
        metadata = self._tokens.metadata(self._service)
        future = method.future(request, timeout=timeout_s, metadata=metadata)
        return Call(future, timeout_s, breaker)

    def close(self) -> None:
        """Closes the channel."""
        self.channel.close()
