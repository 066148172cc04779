"""What the gateway knows of auth: the public keys, and the logins that ended.

Both are kept while auth is down, so that playing goes on for whoever is in.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.clients import Service
from protos.auth.v1 import auth_pb2
from services.kit.errors import Failure, Unavailable
from services.kit.times import instant

if TYPE_CHECKING:
    from protos.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

# A logout reaches every gateway within 1 s: this, and the call itself.
ASK_EVERY_S = 0.5
ASK_WITHIN_S = 0.4
# Made-up key ids must not become a flood of calls.
REFETCH_EVERY_S = 1.0
# Longer than any access token lives (15 min): until then an ended login is remembered.
REMEMBER_S = 1200.0

log = structlog.get_logger(__name__)


class AuthClock:
    """The time by which tokens expire: auth's, told with every answer about ended logins.

    A gateway whose own clock is wrong judges tokens rightly all the same. Its own
    counts until auth was heard once.
    """

    def __init__(self) -> None:
        # Our monotonic clock goes on by itself, whatever happens to the time of day.
        self._ahead_of_monotonic = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Unix seconds."""
        return time.monotonic() + self._ahead_of_monotonic

    def set(self, now: datetime) -> None:
        """Goes by what auth said just now."""
        self._ahead_of_monotonic = now.timestamp() - time.monotonic()


class Keys:
    """The public keys that verify access tokens, by their kid."""

    def __init__(
        self, auth: "Service[AuthServiceAsyncStub]", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.known: dict[str, Ed25519PublicKey] = {}
        self.raw: dict[str, bytes] = {}
        self._auth = auth
        self._clock = clock
        self._fetched = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Ed25519PublicKey | None:
        """The key of that kid, asking auth for one not seen yet; None for none.

        Raises Unavailable when no key at all is known and auth does not answer.
        """
        if kid not in self.known and self._clock() - self._fetched >= REFETCH_EVERY_S:
            await self.fetch()
        if not self.known:
            raise Unavailable
        return self.known.get(kid)

    async def fetch(self) -> None:
        """Asks auth for its keys; all who want that at once share one call."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        request = auth_pb2.GetSigningKeysRequest()
        try:
            answer = await self._auth.call(self._auth.methods.GetSigningKeys, request)
        except Failure as failure:
            log.warning("keys_not_fetched", reason=failure.reason)
            return
        finally:
            self._fetched = self._clock()
        self.raw = {key.kid: key.public_key for key in answer.keys}
        self.known = {k: Ed25519PublicKey.from_public_bytes(v) for k, v in self.raw.items()}


class Ended:
    """The logins (token families) that ended before their access tokens expired."""

    def __init__(
        self,
        auth: "Service[AuthServiceAsyncStub]",
        auth_clock: AuthClock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._auth_clock = auth_clock
        self._clock = clock
        self._families: dict[str, float] = {}
        self._since: Timestamp | None = None

    def add(self, family: str) -> None:
        """Refuses the family's tokens from now on."""
        self._families[family] = self._clock()

    def __contains__(self, family: str) -> bool:
        return family in self._families

    async def ask(self) -> None:
        """Learns from auth which families ended since it was asked last.

        Raises a Failure when auth does not answer; the next time makes up for it.
        """
        request = auth_pb2.ListEndedFamiliesRequest(since=self._since)
        method = self._auth.methods.ListEndedFamilies
        answer = await self._auth.call(method, request, timeout_s=ASK_WITHIN_S)
        self._since = answer.until
        if answer.HasField("now"):
            self._auth_clock.set(instant(answer.now))
        for family in answer.family_ids:
            self._families.setdefault(family, self._clock())
        self._forget()

    def _forget(self) -> None:
        oldest = self._clock() - REMEMBER_S
        for family in [f for f, since in self._families.items() if since < oldest]:
            del self._families[family]


async def keep_up(keys: Keys, ended: Ended) -> None:
    """Follows auth until cancelled."""
    answered = True
    while True:
        try:
            # First the time by which tokens expire: who knows keys is ready for them.
            await ended.ask()
            if not keys.known:
                await keys.fetch()
            answered = True
        except Failure as failure:
            if answered:
                log.warning("auth_not_answering", reason=failure.reason)
            answered = False
        await asyncio.sleep(ASK_EVERY_S)
