"""How much anybody may ask, as data, and who asked how much.

Open calls count by the client's address, all others by their player; what comes to
those without a good token counts by its address, so that nobody spends another's.

Each caller has one number per limit: the moment at which their budget is whole
again. A call moves it on by one share of a minute, and is refused where it would then
lie more than a minute ahead (known as GCRA). So a budget can be spent at once and
comes back share by share; no edge of a window lets twice as much through; and what
is refused counts for nothing, so that nobody stays shut out by asking.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.types import Scope

from gateway.errors import Problem

MINUTE: Final = 60_000_000
# In the state of a request: the headers by which its answer tells what is left.
TOLD = "limit_headers"
# What these headers say, as the OpenAPI document explains them.
TOLD_AS = {
    "RateLimit-Limit": "So many calls of this kind may be made at once. Errors tell it too.",
    "RateLimit-Remaining": "So many are left now; they come back evenly.",
    "RateLimit-Reset": "In so many seconds all of them are back, if none is made.",
    "RateLimit-Policy": "The limit and its period in seconds, such as `600;w=60`.",
}
# Twice as many callers are remembered per limit at most, in about 8 MB.
KEPT = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """`calls` at once, and as many a minute for as long as somebody asks."""

    name: str
    calls: int


# One address may be a whole school, or a test run with some hundred players. Guesses at
# one account are stopped by auth long before; this bounds guesses at many, and each
# costs 30 ms of hashing.
CREDENTIALS = Limit("credentials", 600)
# As a login, of which each player's first comes along with it.
REGISTER = Limit("register", 600)
# Each may send a mail; a class that resets its passwords together stays below.
MAIL = Limit("mail", 120)
# By player: a stolen access token is no way to try out passwords, and nobody's own
# account changes every second.
ACCOUNT = Limit("account", 60)
# By player: reads all that four services hold about somebody.
EXPORT = Limit("export", 10)
# By player: a client that looks twenty times a second has a bug. One that shows four
# screens, each polled every second, stays far below.
READ = Limit("read", 1200)
# By player: half of the reads, because each takes a transaction and a lock.
WRITE = Limit("write", 600)
# For who must never be refused: probes, scrapers, and those who check our signatures.
# What they get is at hand.
UNLIMITED = Limit("unlimited", 0)

LIMITS = (CREDENTIALS, REGISTER, MAIL, ACCOUNT, EXPORT, READ, WRITE)


class Standing(NamedTuple):
    """Where somebody stands after a call.

    `remaining` calls would be let through at once; all is back after `reset_s`
    seconds without one. `retry_s`: 0, or refused, and again after so many seconds.
    """

    remaining: int
    reset_s: int
    retry_s: int


def microseconds() -> int:
    """A clock that only goes forward."""
    return time.monotonic_ns() // 1000


class Counter:
    """Who spent how much of one limit. In whole microseconds, so that nothing is lost by rounding."""

    def __init__(self, limit: Limit, clock: Callable[[], int] = microseconds) -> None:
        self.limit = limit
        self.clock = clock
        # What was counted since somebody took it to tell others, where somebody does.
        self.news: dict[str, int] | None = None
        self.share = MINUTE // limit.calls
        self._budget = self.share * limit.calls
        # By caller, when their budget is whole again. Whoever is only among the older
        # has not asked for a minute when these are dropped, and has it whole again.
        self._newer: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._turn = 0

    def count(self, who: str) -> Standing:
        """Counts one call, unless it is refused."""
        now = self.clock()
        ahead = max(self._whole_at(who, now) - now, 0)
        left = self._budget - ahead - self.share
        if left < 0:
            return Standing(0, _seconds(ahead), _seconds(-left))
        ahead += self.share
        self._newer[who] = now + ahead
        if self.news is not None:
            self.news[who] = self.news.get(who, 0) + 1
        return Standing(left // self.share, _seconds(ahead), 0)

    def learn(self, who: str, whole_at: int) -> None:
        """Goes by what was counted elsewhere too, where that is more."""
        self._newer[who] = max(self._whole_at(who, self.clock()), whole_at)

    def _whole_at(self, who: str, now: int) -> int:
        if now >= self._turn or len(self._newer) >= KEPT:
            self._older, self._newer = self._newer, {}
            self._turn = now + MINUTE
        found = self._newer.get(who)
        return self._older.get(who, 0) if found is None else found


class Limits:
    """All that is counted at this gateway. Where limits are off, nothing is, and nothing is told."""

    def __init__(self, *, is_on: bool, clock: Callable[[], int] = microseconds) -> None:
        self._counters = {limit: Counter(limit, clock) for limit in LIMITS if is_on}
        self._fixed = {
            limit: (
                (b"ratelimit-limit", b"%d" % limit.calls),
                (b"ratelimit-policy", b"%d;w=60" % limit.calls),
            )
            for limit in LIMITS
        }

    @property
    def counters(self) -> Sequence[Counter]:
        """One per limit."""
        return tuple(self._counters.values())

    def count(self, limit: Limit, who: str, scope: Scope) -> None:
        """Counts a call of `who`, and has its answer tell what is left. Raises RATE_LIMITED."""
        counter = self._counters.get(limit)
        if counter is None:
            return
        remaining, reset_s, retry_s = counter.count(who)
        scope["state"][TOLD] = (
            *self._fixed[limit],
            (b"ratelimit-remaining", b"%d" % remaining),
            (b"ratelimit-reset", b"%d" % reset_s),
        )
        if retry_s:
            raise Problem(code="RATE_LIMITED", headers={"Retry-After": str(retry_s)})


def _seconds(span: int) -> int:
    """Rounded up: whoever waits that long does not come too early."""
    return -(-span // 1_000_000)
