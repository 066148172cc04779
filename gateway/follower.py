"""Following auth: the gateway listens to what it tells, and asks while it hears nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.clients import Service
from gateway.keys import AuthClock, Ended, Keys
from protos.auth.v1.auth_pb2 import (
    ListEndedFamiliesRequest,
    ListEndedFamiliesResponse,
    WatchLoginsRequest,
    WatchLoginsResponse,
)
from services.kit.errors import Failure
from services.kit.times import instant

if TYPE_CHECKING:
    from protos.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

# Auth tells the time twice a second: who has not heard it for longer than this asks.
SILENT_S = 1.5
# After an hour another replica of auth may have become the better one to listen to.
LISTEN_FOR_S = 3600.0
LISTEN_AGAIN_S = 0.5
# A logout reaches every gateway within 1 s: this, and the call itself.
ASK_EVERY_S = 0.5
ASK_WITHIN_S = 0.4

log = structlog.get_logger(__name__)


class Follower:
    """Keeps a gateway's time, keys and ended logins as auth has them.

    One stream tells them. As long as there is none, be it that auth is away, silent, or
    has enough listeners, auth is asked twice a second.
    """

    def __init__(
        self,
        auth: "Service[AuthServiceAsyncStub]",
        keys: Keys,
        ended: Ended,
        auth_clock: AuthClock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._keys = keys
        self._ended = ended
        self._auth_clock = auth_clock
        self._clock = clock
        self._since: Timestamp | None = None
        self._heard = float("-inf")
        self._how = ""

    async def keep_up(self) -> None:
        """Follows auth until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(_again_and_again(self._listen, LISTEN_AGAIN_S))
            both.create_task(_again_and_again(self._ask, ASK_EVERY_S))

    async def _listen(self) -> None:
        """Learns what auth tells, until it tells no more. Raises why it does not."""
        request, method = WatchLoginsRequest(since=self._since), self._auth.methods.WatchLogins
        try:
            async with aclosing(
                self._auth.stream(method, request, timeout_s=LISTEN_FOR_S)
            ) as stream:
                async for told in stream:
                    self._heard = self._clock()
                    self._learn(told)
                    self._keys.learn(told.keys)
                    self._say("listening")
        finally:
            self._heard = float("-inf")

    async def _ask(self) -> None:
        """Learns by asking, unless something was heard lately. Raises how a call failed."""
        if self._clock() - self._heard < SILENT_S:
            return
        try:
            await self._ask_for_ended()
            await self._keys.fetch(timeout_s=ASK_WITHIN_S)
        except Failure:
            self._say("in vain")
            raise
        self._say("asking")

    async def _ask_for_ended(self) -> None:
        method, is_behind = self._auth.methods.ListEndedFamilies, True
        while is_behind:
            request = ListEndedFamiliesRequest(since=self._since)
            told = await self._auth.call(method, request, timeout_s=ASK_WITHIN_S)
            is_behind = told.more and told.until != self._since
            self._learn(told)

    def _learn(self, told: ListEndedFamiliesResponse | WatchLoginsResponse) -> None:
        self._since = told.until
        if told.HasField("now"):
            self._auth_clock.set(instant(told.now))
        self._ended.add(*told.family_ids)
        if not told.more:
            self._ended.is_known = True

    def _say(self, how: str) -> None:
        """Logs how auth is followed, when that changes."""
        if how != self._how:
            log.info("following_auth", how=how)
        self._how = how


async def _again_and_again(step: Callable[[], Awaitable[None]], every_s: float) -> None:
    """Does a step until cancelled, whether or not it succeeds."""
    while True:
        try:
            await step()
        except Failure:
            pass
        except Exception:
            # A bug must not end the following: no logout would reach this gateway any more.
            log.exception("following_broke")
        await asyncio.sleep(every_s)
