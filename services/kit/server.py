"""A service's process: typed failures, callers, health, and a graceful drain."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.kit import listening
from services.kit.callers import METADATA_KEY, CallerList
from services.kit.client import MAX_MESSAGE_BYTES
from services.kit.errors import (
    Failure,
    Internal,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from services.kit.health import Health
from services.kit.metrics import Reading
from services.kit.tls import PLAIN, Tls

THREADS = 8
# Beyond what the threads do and a queue that is over in a third of a second, a call is
# better refused at once.
MAX_CALLS = 256
# Longer than any call may take (statement_timeout 2 s, a few statements).
DRAIN_S = 10.0
HEALTH_EVERY_S = 1.0
# Between saying that we leave and closing the door.
NOTICE_S = 0.3
# What is left to answer in, when a call passes the rest of its time on.
MARGIN_S = 0.05

log = structlog.get_logger(__name__)
_Status = health_pb2.HealthCheckResponse.ServingStatus
# Health and reflection are asked by probes that have no token.
_OPEN = ("/grpc.health.", "/grpc.reflection.")


@dataclass(frozen=True, slots=True)
class Offer:
    """One gRPC service of a process.

    `callers` names, for every method of `service` (a full name like
    protos.world.v1.WorldService), the services of the town that may call it.
    """

    service: str
    callers: Mapping[str, frozenset[str]]
    register: Callable[[grpc.Server], None]


@dataclass(frozen=True, slots=True)
class Served:
    """What a process serves.

    `tasks` are bodies of background threads, given the event that tells them to
    end. `readings` are its figures.
    `close` gives back what the process holds, after the drain.
    """

    name: str
    offers: tuple[Offer, ...]
    is_ready: Callable[[], bool]
    close: Callable[[], None]
    tasks: tuple[Callable[[threading.Event], None], ...] = ()
    readings: tuple[Reading, ...] = ()
    threads: int = THREADS


def remaining(context: grpc.ServicerContext, *, at_most: float) -> float:
    """Seconds that a call made on behalf of this one may take."""
    left = context.time_remaining()
    return at_most if left is None else max(0.0, min(at_most, left - MARGIN_S))


def serve(
    served: Served, *, listen: str, secret: str, is_production: bool, tls: Tls = PLAIN
) -> None:
    """Serves until SIGTERM or SIGINT, then drains: nothing accepted is lost.

    So too when `is_ready` raises, and then raises that. Exits with code 2 when the
    address is taken.
    """
    # Not an event: a handler runs between two steps of whatever the main thread does, and
    # would wait for ever for a lock that this very thread holds. This queue takes no lock.
    asked: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.put(number))
    stopping = threading.Event()
    server, state = build_server(served, secret, is_production=is_production)
    _listen(server, listen, tls)
    server.start()
    tasks = [threading.Thread(target=t, args=(stopping,), daemon=True) for t in served.tasks]
    for task in tasks:
        task.start()
    log.info("serving", service=served.name, listen=listen)
    try:
        _watch(served, state, asked)
    finally:
        stopping.set()
        _drain(served, server, state)
        for task in tasks:
            task.join(DRAIN_S)
        served.close()
        log.info("stopped", service=served.name)


def build_server(served: Served, secret: str, *, is_production: bool) -> tuple[grpc.Server, Health]:
    """A server with its health, not yet listening."""
    callers = {
        f"/{offer.service}/{method}": services
        for offer in served.offers
        for method, services in offer.callers.items()
    }
    guard = _Guard(CallerList(served.name, secret, callers))
    server = grpc.server(
        ThreadPoolExecutor(served.threads, thread_name_prefix="call"),
        interceptors=[guard],
        maximum_concurrent_rpcs=MAX_CALLS,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
            # Accept the keepalive pings that our clients send (every 10 s).
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ],
    )
    for offer in served.offers:
        offer.register(server)
    state = Health()
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    if not is_production:
        names = [offer.service for offer in served.offers]
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
    return server, state


def _listen(server: grpc.Server, address: str, tls: Tls) -> None:
    try:
        bound = listening.listen(server, address, tls)
    except RuntimeError:
        bound = 0
    if not bound and not address.startswith("unix:"):
        log.error("address_taken", listen=address)
        raise SystemExit(2)


def _drain(served: Served, server: grpc.Server, state: Health) -> None:
    """Finishes what was accepted, and takes nothing more."""
    log.info("draining", service=served.name)
    state.enter_graceful_shutdown()
    # Callers that watch our health go elsewhere by then; a call that meets the closing
    # door may be lost without a word of whether it was begun.
    time.sleep(NOTICE_S)
    server.stop(DRAIN_S).wait()


def _watch(served: Served, state: Health, asked: SimpleQueue[int]) -> None:
    """Tells the truth about readiness until we are asked to stop."""
    while True:
        status = _Status.SERVING if served.is_ready() else _Status.NOT_SERVING
        for name in ("", *(offer.service for offer in served.offers)):
            state.set(name, status)
        with suppress(Empty):
            asked.get(timeout=HEALTH_EVERY_S)
            return


class _Guard(grpc.ServerInterceptor):
    """Around every handler: who calls, and how failures leave."""

    def __init__(self, callers: CallerList) -> None:
        self._callers = callers

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = continuation(details)
        if handler is None or details.method.startswith(_OPEN):
            return handler
        header = str(dict(details.invocation_metadata).get(METADATA_KEY, ""))
        writes = handler.response_serializer
        if handler.response_streaming:
            streaming = self._streaming(handler, details.method, header)
            return grpc.unary_stream_rpc_method_handler(streaming, response_serializer=writes)
        guarded = self._guarded(handler, details.method, header)
        return grpc.unary_unary_rpc_method_handler(guarded, response_serializer=writes)

    def _guarded(
        self, handler: Any, method: str, header: str
    ) -> Callable[[bytes, grpc.ServicerContext], Any]:
        def handle(request: bytes, context: grpc.ServicerContext) -> Any:
            with _named_failures(method, context):
                self._callers.check(method, header)
                _require_waiting(context)
                # Read here and not before: what a stranger sends is not worth it.
                return handler.unary_unary(handler.request_deserializer(request), context)

        return handle

    def _streaming(
        self, handler: Any, method: str, header: str
    ) -> Callable[[bytes, grpc.ServicerContext], Iterator[Any]]:
        def handle(request: bytes, context: grpc.ServicerContext) -> Iterator[Any]:
            with _named_failures(method, context):
                self._callers.check(method, header)
                _require_waiting(context)
                yield from handler.unary_stream(handler.request_deserializer(request), context)

        return handle


@contextmanager
def _named_failures(method: str, context: grpc.ServicerContext) -> Iterator[None]:
    """Ends the call as the failure says that is raised within; any other is Internal, and logged."""
    try:
        yield
    except Failure as failure:
        if isinstance(failure, (Unauthenticated, PermissionDenied)):
            peer = context.peer()
            log.warning("caller_refused", method=method, reason=failure.reason, peer=peer)
        context.abort_with_status(failure.as_status())
    except Exception:
        log.exception("handler_broke", method=method)
        context.abort_with_status(Internal().as_status())


def _require_waiting(context: grpc.ServicerContext) -> None:
    """Passes while the caller waits. Raises Unavailable.

    A call may wait for a thread for too long; work that nobody waits for any more
    only keeps the next one waiting.
    """
    left = context.time_remaining()
    if not context.is_active() or (left is not None and left <= 0):
        raise Unavailable
