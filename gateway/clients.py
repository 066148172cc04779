"""The four services, as the gateway calls them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc
from grpc import aio

from gateway.coalescer import LEAST_CALL_S
from protos.audit.v1.audit_pb2_grpc import AuditServiceStub
from protos.auth.v1.auth_pb2_grpc import AuthServiceStub
from protos.inventory.v1.inventory_pb2_grpc import InventoryServiceStub
from protos.personal.v1.personal_pb2_grpc import PersonalDataServiceStub
from protos.session.v1.session_pb2_grpc import SessionServiceStub
from protos.timeline.v1.timeline_pb2_grpc import TimelineServiceStub
from protos.world.v1.world_pb2_grpc import WorldServiceStub
from services.kit import client
from services.kit.breaker import Breaker
from services.kit.callers import TokenMaker
from services.kit.errors import Unavailable, from_rpc
from services.kit.settings import target_of
from services.kit.tls import PLAIN, Tls

if TYPE_CHECKING:
    # These exist for the type checker only: at run time one stub serves both.
    from protos.audit.v1.audit_pb2_grpc import AuditServiceAsyncStub
    from protos.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from protos.inventory.v1.inventory_pb2_grpc import InventoryServiceAsyncStub
    from protos.personal.v1.personal_pb2_grpc import PersonalDataServiceAsyncStub
    from protos.session.v1.session_pb2_grpc import SessionServiceAsyncStub
    from protos.timeline.v1.timeline_pb2_grpc import TimelineServiceAsyncStub
    from protos.world.v1.world_pb2_grpc import WorldServiceAsyncStub

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Stub = TypeVar("Stub")

# A service that hangs is told within 3 s also by a gateway that has much to do; two calls
# in a row and a body sent slowly end within 10 s.
CALL_S = 2.0
# Of all calls together that one request makes, one after the other, from its first on.
CALLS_S = 2.3
# The fullest batch: 128 players with 200 tasks of about 600 bytes each.
MAX_ANSWER_BYTES = 16 << 20
# To one service, beside the batches. A service takes 256 at most; whatever else
# waits here waits for one that hangs.
MAX_CALLS = 512
_SIZE = "grpc.max_receive_message_length"
# Of an option that is given twice gRPC takes the first.
_OPTIONS = [*(o for o in client.OPTIONS if o[0] != _SIZE), (_SIZE, MAX_ANSWER_BYTES)]


class Budget:
    """The time that is left for the calls of one request; it begins with the first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: float | None = None

    def left(self) -> float:
        """Seconds for the next call."""
        now = self._clock()
        if self._until is None:
            self._until = now + CALLS_S
        return max(LEAST_CALL_S, self._until - now)


# Of the request under way; None for a batch, which minds the time of all its requests.
BUDGET: ContextVar[Budget | None] = ContextVar("budget", default=None)


def _left(timeout_s: float) -> float:
    """What the request under way leaves of a call's time."""
    budget = BUDGET.get()
    return min(timeout_s, budget.left()) if budget else timeout_s


class Service(Generic[Stub]):
    """One service: `await auth.call(auth.methods.Login, request)`.

    `personal`, `audit` and `timeline` are the methods that every service offers beside its own.
    """

    def __init__(
        self,
        name: str,
        channel: aio.Channel,
        stub: Callable[[aio.Channel], Stub],
        tokens: TokenMaker,
    ) -> None:
        self.name = name
        self._tokens = tokens
        self._channel = channel
        self.methods = stub(channel)
        self.personal: PersonalDataServiceAsyncStub = PersonalDataServiceStub(channel)
        self.audit: AuditServiceAsyncStub = AuditServiceStub(channel)
        self.timeline: TimelineServiceAsyncStub = TimelineServiceStub(channel)
        self._breakers: dict[Any, Breaker] = defaultdict(Breaker)
        # All calls of all methods, for readiness alone.
        self._whole = Breaker()
        self._under_way = 0

    async def call(
        self,
        method: "aio.UnaryUnaryMultiCallable[Asked, Answer]",
        request: Asked,
        *,
        timeout_s: float = CALL_S,
    ) -> Answer:
        """The answer. Raises Refused, Unavailable or Internal.

        A method that nobody answers is asked once a second only, and no service
        more than MAX_CALLS things at once; the other calls fail at once.
        """
        timeout_s = _left(timeout_s)
        with self._asking(method, given_s=timeout_s) as metadata:
            return await method(request, timeout=timeout_s, metadata=metadata)

    async def stream(
        self,
        method: "aio.UnaryStreamMultiCallable[Asked, Answer]",
        request: Asked,
        *,
        timeout_s: float,
    ) -> AsyncGenerator[Answer, None]:
        """The answers of a call that has many, as they come. Close it, and the call ends.

        Raises, at the first answer or at a later one, what `call` raises. Each has
        CALL_S from when it is asked for, and all together `timeout_s`.
        """
        wait_s = _left(CALL_S)
        # That the time of all runs out may be the fault of whoever asks slowly.
        with self._asking(method, given_s=0.0) as metadata:
            call = method(request, timeout=timeout_s, metadata=metadata)
            answers = aiter(call)
            try:
                while True:
                    async with asyncio.timeout(wait_s):
                        answer = await anext(answers, None)
                    if answer is None:
                        break
                    yield answer
                    wait_s = CALL_S
            finally:
                call.cancel()

    @contextmanager
    def _asking(self, method: Any, *, given_s: float) -> Iterator[Any]:
        """Around a call: its metadata; and afterwards what it says of the far side, given so long.

        Raises what `call` raises.
        """
        breaker = self._breakers[method]
        if self._under_way >= MAX_CALLS or not breaker.allows():
            raise Unavailable
        self._under_way += 1
        try:
            yield self._tokens.metadata(self.name)
        except grpc.RpcError as error:
            for each in (breaker, self._whole):
                client.note(each, error, timeout_s=given_s)
            raise from_rpc(error) from error
        except TimeoutError as error:
            for each in (breaker, self._whole):
                each.unanswered()
            raise Unavailable from error
        finally:
            self._under_way -= 1
        breaker.answered()
        self._whole.answered()

    def is_ready(self) -> bool:
        """Whether a replica that calls itself healthy is connected, and answers what it is asked.

        Connects if need be.
        """
        state = self._channel.get_state(try_to_connect=True)
        return state is grpc.ChannelConnectivity.READY and not self._whole.is_silent

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()


class Services:
    """All four."""

    def __init__(
        self, secret: str, target_of: Callable[[str], str] = target_of, tls: Tls = PLAIN
    ) -> None:
        tokens = TokenMaker("gateway", secret)

        def channel(name: str) -> aio.Channel:
            return tls.aio_channel(target_of(name), _OPTIONS)

        self.auth: Service[AuthServiceAsyncStub] = Service(
            "auth", channel("auth"), AuthServiceStub, tokens
        )
        self.session: Service[SessionServiceAsyncStub] = Service(
            "session", channel("session"), SessionServiceStub, tokens
        )
        self.inventory: Service[InventoryServiceAsyncStub] = Service(
            "inventory", channel("inventory"), InventoryServiceStub, tokens
        )
        self.world: Service[WorldServiceAsyncStub] = Service(
            "world", channel("world"), WorldServiceStub, tokens
        )

    @property
    def every(self) -> tuple[Service[Any], ...]:
        """All four."""
        return self.auth, self.session, self.inventory, self.world

    def readiness(self) -> dict[str, bool]:
        """Per service, whether it is reachable."""
        return {service.name: service.is_ready() for service in self.every}

    async def close(self) -> None:
        """Closes every channel."""
        await asyncio.gather(*(service.close() for service in self.every))
