"""Limits that several gateways share: what each counts, the others learn through Redis.

No request waits for Redis. Each gateway judges by its own counters, and a few times a
second tells what it counted and learns what all counted together. So a budget that is
spent at one gateway is spent at all of them a moment later, and a Redis that is slow or
away costs nothing but this: until it is back, every gateway counts for itself.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.limits import Counter, Limits

# What a caller gets beyond a limit who spreads over all gateways is what they let
# through within this, and it is counted afterwards.
EVERY_S = 0.2
# A healthy Redis answers within 1 ms; what takes longer than this may as well be told later.
WITHIN_S = 0.5
# So that neither we nor Redis do nothing else for longer than about 1 ms.
AT_ONCE = 128

# Moves on when each caller's budget is whole again, by what was spent in the last
# ARGV[1] µs; answers how far ahead that is, in µs. By the clock of Redis alone, because
# gateways agree on none.
_ADD = """
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local ahead = {}
    for i, key in ipairs(KEYS) do
        local whole = math.max(tonumber(redis.call('GET', key) or 0), now - ARGV[1]) + ARGV[i + 1]
        local keep_ms = math.max(1, math.ceil((whole - now) / 1000))
        redis.call('SET', key, string.format('%.0f', whole), 'PX', keep_ms)
        ahead[i] = string.format('%.0f', whole - now)
    end
    return table.concat(ahead, ' ')
"""

log = structlog.get_logger(__name__)


class Sharing:
    """Keeps the counters of one gateway in step with those of all others at the same Redis."""

    def __init__(self, limits: Limits, redis: Redis) -> None:
        self._counters = limits.counters
        self._redis = redis
        self._add = redis.register_script(_ADD)
        self._answers = True
        self._told: dict[Counter, int] = {}
        for counter in self._counters:
            counter.news = {}
            self._told[counter] = counter.clock()

    async def keep_up(self) -> None:
        """Tells and learns until cancelled."""
        while True:
            await self.attempt()
            await asyncio.sleep(EVERY_S)

    async def attempt(self) -> None:
        """Tells and learns if Redis answers. The log says once that it does not, and once that it does again."""
        try:
            await self.sync()
        except (RedisError, OSError) as error:
            if self._answers:
                log.warning("limits_not_shared", reason=type(error).__name__)
            self._answers = False
        else:
            if not self._answers:
                log.info("limits_shared_again")
            self._answers = True

    async def sync(self) -> None:
        """Tells what was counted since the last time, and learns what all counted.

        Raises RedisError or OSError; what then was not told stays known here alone.
        """
        taken = [(counter, *self._taken(counter)) for counter in self._counters]
        # Also when there is nothing to tell, so that the log says when Redis is away.
        await self._redis.ping()
        for counter, news, since in taken:
            for first in range(0, len(news), AT_ONCE):
                await self._tell(counter, news[first : first + AT_ONCE], since)

    def _taken(self, counter: Counter) -> tuple[list[tuple[str, int]], int]:
        """What was counted since the last time, and when that was. It does not pile up while Redis is away."""
        news, counter.news = list((counter.news or {}).items()), {}
        since, self._told[counter] = self._told[counter], counter.clock()
        return news, since

    async def _tell(self, counter: Counter, news: Sequence[tuple[str, int]], since: int) -> None:
        now = counter.clock()
        keys = [f"nesra:limit:{counter.limit.name}:{who}" for who, _ in news]
        spent = [calls * counter.share for _, calls in news]
        answer = await self._add(keys=keys, args=[now - since, *spent])
        for (who, _), ahead in zip(news, cast("bytes", answer).split(), strict=True):
            meanwhile = (counter.news or {}).get(who, 0) * counter.share
            counter.learn(who, now + int(ahead) + meanwhile)


def client(url: str) -> Redis:
    """A client of the Redis at `url` that gives up soon, because the next time comes soon enough."""
    return Redis.from_url(
        url,
        socket_timeout=WITHIN_S,
        socket_connect_timeout=WITHIN_S,
        retry=Retry(NoBackoff(), 0),
    )


async def share(limits: Limits, url: str) -> None:
    """Shares the limits through the Redis at `url` until cancelled."""
    async with client(url) as redis:
        await Sharing(limits, redis).keep_up()
