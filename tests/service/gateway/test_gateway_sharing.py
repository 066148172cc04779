"""Limits that gateways share through a real Redis, and what becomes of them without it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from statistics import median

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from gateway.limits import CREDENTIALS, EXPORT, LIMITS, READ, Counter, Limit, Limits
from gateway.sharing import Sharing, client
from tests.service.gateway.calls import send
from tests.service.gateway.redis_server import RedisServer, redis_server
from tests.service.gateway.stage import Stage, staged

LOGIN = "POST /api/auth/login"
# Whoever counts alone does not come below this by asking twenty times a second for 5 s.
ALONE = CREDENTIALS.calls * 3 // 4


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """One that a test may kill."""
    with redis_server() as server:
        yield server


class Sharer:
    """The counters of one gateway, and what tells them to the others."""

    def __init__(self, redis: Redis) -> None:
        limits = Limits(is_on=True)
        self.sharing = Sharing(limits, redis)
        self._counters = dict(zip(LIMITS, limits.counters, strict=True))

    def of(self, limit: Limit) -> Counter:
        return self._counters[limit]

    def spend(self, limit: Limit, calls: int, who: str) -> None:
        for _ in range(calls):
            assert self.of(limit).count(who).retry_s == 0


@asynccontextmanager
async def sharers(redis: RedisServer) -> AsyncIterator[tuple[Sharer, Sharer]]:
    async with client(redis.url) as first, client(redis.url) as second:
        yield Sharer(first), Sharer(second)


@pytest.mark.anyio
async def test_what_is_spent_at_one_gateway_is_spent_at_the_other(redis: RedisServer) -> None:
    async with sharers(redis) as (here, there):
        here.spend(EXPORT, 10, "ada")
        await here.sharing.sync()
        there.spend(EXPORT, 1, "ada")

        await there.sharing.sync()

        assert there.of(EXPORT).count("ada").retry_s > 0


@pytest.mark.anyio
async def test_what_is_spent_while_redis_is_asked_is_not_forgotten(redis: RedisServer) -> None:
    async with sharers(redis) as (here, there):
        there.spend(EXPORT, 4, "bob")
        await there.sharing.sync()
        here.spend(EXPORT, 4, "bob")
        asking = asyncio.create_task(here.sharing.sync())
        await asyncio.sleep(0)

        here.spend(EXPORT, 1, "bob")
        await asking

        assert here.of(EXPORT).count("bob").remaining == 0


@pytest.mark.anyio
async def test_a_lone_gateway_finds_what_it_promised(redis: RedisServer) -> None:
    async with sharers(redis) as (alone, _):
        remaining = READ.calls
        for number in range(300):
            promised = remaining - 1
            remaining = alone.of(READ).count("eve").remaining
            assert remaining >= promised
            if number % 3 == 0:
                await alone.sharing.sync()


@pytest.mark.anyio
async def test_many_callers_are_told_of_in_turn(redis: RedisServer) -> None:
    async with sharers(redis) as (here, there):
        for who in range(500):
            here.spend(EXPORT, 9, f"caller {who}")
        await here.sharing.sync()
        for who in range(500):
            there.spend(EXPORT, 1, f"caller {who}")

        await there.sharing.sync()

        for who in range(500):
            assert there.of(EXPORT).count(f"caller {who}").retry_s > 0


@pytest.mark.anyio
async def test_nothing_is_kept_in_redis_for_longer_than_it_counts(redis: RedisServer) -> None:
    async with sharers(redis) as (here, _), client(redis.url) as look:
        here.spend(READ, 100, "carl")
        await here.sharing.sync()

        kept_ms = await look.pttl("nesra:limit:read:carl")

    assert 0 < kept_ms <= 5_001


@pytest.mark.anyio
async def test_a_redis_that_begins_anew_gives_nothing_back(own_redis: RedisServer) -> None:
    async with sharers(own_redis) as (here, there):
        here.spend(EXPORT, 9, "ada")
        await here.sharing.sync()
        own_redis.kill()
        with pytest.raises(RedisError):
            await here.sharing.sync()
        own_redis.start()

        here.spend(EXPORT, 1, "ada")
        await here.sharing.sync()
        there.spend(EXPORT, 1, "ada")
        await there.sharing.sync()

        assert here.of(EXPORT).count("ada").retry_s > 0


@pytest.mark.anyio
async def test_a_redis_that_is_away_is_told_of_once_and_so_is_its_return(
    own_redis: RedisServer,
) -> None:
    async with sharers(own_redis) as (here, _):
        with capture_logs() as logs:
            await here.sharing.attempt()
            own_redis.kill()
            for _ in range(3):
                await here.sharing.attempt()
            own_redis.start()
            for _ in range(2):
                await here.sharing.attempt()

    assert [line["event"] for line in logs] == ["limits_not_shared", "limits_shared_again"]


def remaining(visitor: httpx.Client) -> int:
    return int(send(visitor, LOGIN).headers["RateLimit-Remaining"])


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.05)
    return True


def two_gateways(
    redis: RedisServer, folders: pytest.TempPathFactory, stack: ExitStack
) -> list[Stage]:
    return [stack.enter_context(staged(folders.mktemp("g"), redis_url=redis.url)) for _ in range(2)]


def test_two_gateways_share_a_budget(
    redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ExitStack() as stack:
        visitors = [
            stack.enter_context(stage.visitor())
            for stage in two_gateways(redis, tmp_path_factory, stack)
        ]
        for _ in range(300):
            send(visitors[0], LOGIN)

        assert within(5, lambda: remaining(visitors[1]) < ALONE)


@pytest.mark.parametrize("harm", ["kill", "hang"])
def test_a_redis_that_goes_fails_no_call_and_holds_none_up(
    own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory, harm: str
) -> None:
    with ExitStack() as stack:
        stages = two_gateways(own_redis, tmp_path_factory, stack)
        player = stack.enter_context(stages[0].player())
        getattr(own_redis, harm)()
        answers = [send(player, "GET /api/tasks") for _ in range(50)]
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            answers.append(send(player, "GET /api/tasks"))
            threading.Event().wait(0.005)
        own_redis.kill()
        own_redis.start()

        visitors = [stack.enter_context(stage.visitor()) for stage in stages]
        for _ in range(300):
            send(visitors[0], LOGIN)
        assert within(5, lambda: remaining(visitors[1]) < ALONE)

    assert {answer.status_code for answer in answers} == {200}
    # A busy machine holds up one call or the other; whoever waits for Redis holds up each.
    assert median(answer.elapsed.total_seconds() for answer in answers) < 0.1
