"""What the gateway knows of auth: its time, the public keys, and the logins that ended.

All is kept while auth is down, so that playing goes on for whoever is in. How it is
kept up to date stands in follower.py.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.clients import CALL_S, Service
from protos.auth.v1 import auth_pb2
from services.kit.errors import Failure, Unavailable
from services.kit.ids import is_canonical

if TYPE_CHECKING:
    from protos.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub

# Made-up key ids must not become a flood of calls.
REFETCH_EVERY_S = 1.0
# Nor a crowd of requests that wait for the next one.
MAX_WAITING = 256
# Longer than any access token lives (15 min): until then an ended login is remembered.
REMEMBER_S = 1200.0

log = structlog.get_logger(__name__)


class AuthClock:
    """The time by which tokens expire: auth's, told with everything that it says of ended logins.

    A gateway whose own clock is wrong judges tokens rightly all the same.
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
        self._begun = float("-inf")
        self._coming: asyncio.Task[bool] | None = None
        self._waiting = 0

    def learn(self, keys: Iterable[auth_pb2.SigningKey]) -> None:
        """Takes these for all that there are: what is signed with another is not believed."""
        raw = {key.kid: key.public_key for key in keys}
        if raw != self.raw:
            self.known = {k: Ed25519PublicKey.from_public_bytes(v) for k, v in raw.items()}
            self.raw = raw

    async def find(self, kid: str) -> Ed25519PublicKey | None:
        """The key of that kid; None for none. For one not seen yet, auth is asked.

        A token may arrive before word of the key that signed it. So what counts is an
        answer to a question put from now on: it is waited for, for a second and a call.
        Raises Unavailable when auth does not answer, or too many wait already.
        """
        if kid not in self.known and is_canonical(kid):
            await self._asked_in_turn()
        return self.known.get(kid)

    async def fetch(self, *, timeout_s: float = CALL_S) -> None:
        """Asks auth for its keys. Raises a Failure when it does not answer."""
        self._begun = self._clock()
        request = auth_pb2.GetSigningKeysRequest()
        method = self._auth.methods.GetSigningKeys
        self.learn((await self._auth.call(method, request, timeout_s=timeout_s)).keys)

    async def _asked_in_turn(self) -> None:
        """Returns after the next call for keys; all who want one share it. Raises Unavailable."""
        if self._waiting >= MAX_WAITING:
            raise Unavailable
        if self._coming is None:
            self._coming = asyncio.create_task(self._answers())
        self._waiting += 1
        try:
            is_answered = await asyncio.shield(self._coming)
        finally:
            self._waiting -= 1
        if not is_answered:
            raise Unavailable

    async def _answers(self) -> bool:
        """Makes the next call when it may be made; tells whether it was answered."""
        await asyncio.sleep(self._begun + REFETCH_EVERY_S - self._clock())
        # Whoever comes from now on may want a key that this call does not see yet.
        self._coming = None
        try:
            await self.fetch()
        except Failure as failure:
            log.warning("keys_not_fetched", reason=failure.reason)
            return False
        return True


class Ended:
    """The logins (token families) that ended before their access tokens expired.

    `is_known` says whether auth has told of all that still matter.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_known = False
        self._clock = clock
        # In the order in which they became known, with the time of that.
        self._families: dict[str, float] = {}

    def add(self, *families: str) -> None:
        """Refuses the families' tokens from now on."""
        now = self._clock()
        for family in families:
            self._families.setdefault(family, now)
        old = list(takewhile(lambda f: self._families[f] < now - REMEMBER_S, self._families))
        for family in old:
            del self._families[family]

    def __contains__(self, family: str) -> bool:
        return family in self._families
