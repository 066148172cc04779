"""Calls to another service: channels that outlive replicas, calls with a deadline."""

import json
from concurrent.futures import Future
from typing import Any, TypeVar

import grpc

from services.kit.callers import TokenMaker
from services.kit.errors import from_rpc

Answer = TypeVar("Answer")

MAX_MESSAGE_BYTES = 1 << 20

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
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A killed service is back within 2 s; the default back-off would wait longer.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]


class Client:
    """The methods of one service, called as `caller`, synchronously.

    `client.call(stub.BatchGetWorlds, request, timeout_s=1.0)`.
    """

    def __init__(self, service: str, target: str, tokens: TokenMaker) -> None:
        self.channel = grpc.insecure_channel(target, options=OPTIONS)
        self._service = service
        self._tokens = tokens

    def begin(self, method: Any, request: Any, *, timeout_s: float) -> "Future[Any]":
        """Starts a call; `finish` waits for it."""
        metadata = self._tokens.metadata(self._service)
        return method.future(request, timeout=timeout_s, metadata=metadata)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Closes the channel."""
        self.channel.close()


def finish(call: "Future[Answer]") -> Answer:
    """The answer of a call. Raises Refused, Unavailable or Internal."""
    try:
        return call.result()
    except grpc.RpcError as error:
        raise from_rpc(error) from error
