"""Jobs on real PostgreSQL: recorded, never two at a time, taken up from the dead."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from services.kit import jobs
from services.kit.errors import Unavailable
from services.kit.jobs import Job
from services.kit.queue import AWAY, Queue
from services.kit.settings import RULES
from tests.service.kit.conftest import Clerk, run_once
from town.jobs import to_its_end

WITHIN_S = 60.0


def test_a_run_goes_page_by_page_and_is_recorded(clerk: Clerk) -> None:
    clerk.run("pages", lambda: iter([2, 0, 3]))

    last = clerk.last("pages")
    assert (last.done, last.failures, last.error) == (5, 0, "")
    assert last.started_at <= last.ended_at == last.succeeded_at


def test_failures_are_counted_until_a_run_succeeds_and_told_by_name_alone(clerk: Clerk) -> None:
    def breaks() -> Iterator[int]:
        message = "ada@example.com"
        raise LookupError(message)
        yield

    def is_away() -> Iterator[int]:
        raise Unavailable
        yield

    clerk.run("fails", lambda: iter([1]))
    for pages in (breaks, is_away):
        with pytest.raises((LookupError, Unavailable)):
            clerk.run("fails", pages)

    failed = clerk.last("fails")
    assert (failed.failures, failed.error, failed.done) == (2, "UNAVAILABLE", 1)
    assert failed.succeeded_at is not None
    assert failed.failed_at is not None
    assert failed.succeeded_at < failed.failed_at
    clerk.run("fails", lambda: iter([]))
    assert (clerk.last("fails").failures, clerk.last("fails").error) == (0, "UNAVAILABLE")


def test_a_worker_that_is_to_end_stops_a_job_after_the_page_in_hand(clerk: Clerk) -> None:
    def pages() -> Iterator[int]:
        yield 1
        clerk.stopping.set()
        yield 1
        pytest.fail("a third page was begun")

    clerk.run("long", pages)

    assert clerk.last("long").done == 2


def test_a_job_runs_by_hand_without_any_worker(clerk: Clerk) -> None:
    is_done = clerk.run_by_hand("by_hand", lambda: iter([4]))

    assert is_done
    assert clerk.last("by_hand").done == 4


def test_one_that_fails_by_hand_is_not_tried_again(clerk: Clerk) -> None:
    calls = []

    def breaks() -> Iterator[int]:
        calls.append(1)
        raise Unavailable
        yield

    assert not clerk.run_by_hand("hopeless", breaks)

    assert len(calls) == 1
    status = "SELECT status::text FROM jobs.procrastinate_jobs WHERE task_name = 'hopeless'"
    assert clerk.rows(status) == [("failed",)]


def test_run_by_several_hands_at_once_a_job_never_runs_twice_at_a_time(clerk: Clerk) -> None:
    running, most = 0, 0
    begun = threading.Barrier(2)

    def pages() -> Iterator[int]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        # Whoever could run beside us has the time to.
        time.sleep(0.3)
        running -= 1
        yield 1

    def by_hand() -> None:
        begun.wait()
        clerk.run_by_hand("alone", pages)

    hands = [threading.Thread(target=by_hand) for _ in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()

    done = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'alone' AND status = 'succeeded'"
    assert clerk.rows(done) == [(2,)]
    assert most == 1


def test_what_a_dead_worker_had_in_hand_is_taken_up_also_by_who_came_before_it_was_missed(
    clerk: Clerk,
) -> None:
    in_hand = """
        WITH worker AS (
            INSERT INTO jobs.procrastinate_workers (last_heartbeat)
            VALUES (now() - interval '19 seconds') RETURNING id
        )
        INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, lock, status, worker_id, args)
        SELECT 'orphan', 'orphan', 'orphan', 'doing', id, '{"timestamp": 1}' FROM worker
        RETURNING id
    """
    clerk.rows(in_hand)

    assert clerk.run_by_hand("orphan", lambda: iter([1]))

    over = """
        SELECT status::text, attempts FROM jobs.procrastinate_jobs
        WHERE task_name = 'orphan' ORDER BY id
    """
    assert clerk.rows(over) == [("succeeded", 2), ("succeeded", 1)]


def test_a_try_that_a_clock_ahead_put_off_holds_up_no_others(clerk: Clerk) -> None:
    clerk.put("put_off", scheduled_in="1 day")

    assert clerk.run_by_hand("put_off", lambda: iter([1]))

    assert clerk.ticks("put_off") == ["succeeded", "succeeded"]


def test_interrupted_by_hand_a_job_ends_after_the_page_in_hand(clerk: Clerk) -> None:
    begun = threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        begun.set()
        clerk.stopping.wait(WITHIN_S)
        yield 1
        pytest.fail("a third page was begun")

    async def interrupted() -> None:
        queue = Queue(clerk.url, [Job("long_by_hand", "* * * * *", pages)], runner)
        async with queue.opened():
            run = asyncio.create_task(to_its_end(queue.run_once("long_by_hand"), clerk.stopping))
            await asyncio.to_thread(begun.wait, WITHIN_S)
            run.cancel()
            await asyncio.wait([run])

    with clerk.runner() as runner:
        asyncio.run(interrupted())

    assert clerk.last("long_by_hand").done == 2
    assert clerk.ticks("long_by_hand") == ["succeeded"]


async def _worked(queue: Queue, until: Callable[[], bool], *, seeing: Callable[[], None]) -> None:
    """Works as a worker does, a look every tenth of a second, until something is so."""

    async def works() -> None:
        while True:
            async with queue.opened():
                await queue.work()

    working = asyncio.create_task(works())
    for _ in range(int(WITHIN_S * 10)):
        await asyncio.sleep(0.1)
        seeing()
        queue.look_at_clock()
        with suppress(*AWAY):
            await queue.take_up()
        if working.done() or await asyncio.to_thread(until):
            break
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled()
    assert until()


def test_whose_outcome_could_not_be_recorded_runs_again_and_another_versions_jobs_wait_for_it(
    clerk: Clerk,
) -> None:
    clerk.put("newer")
    locked: list[psycopg.Connection[Any]] = []

    def pages() -> Iterator[int]:
        yield 1
        if not locked:
            locked.append(psycopg.connect(clerk.url))
            # For longer than the queue waits for a lock, as a full disk would refuse it.
            locked[0].execute(
                "SELECT 1 FROM jobs.procrastinate_jobs WHERE task_name = 'untold' FOR UPDATE"
            )
            threading.Timer(1.5, locked[0].close).start()

    with clerk.runner() as runner:
        queue = Queue(clerk.url, [Job("untold", "* * * * *", pages)], runner)
        queue.tick()
        asyncio.run(
            _worked(queue, lambda: "succeeded" in clerk.ticks("untold"), seeing=lambda: None)
        )

    assert clerk.ticks("newer") == ["todo"]


def test_ticks_go_on_when_a_clock_that_was_a_day_ahead_is_set_right(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [86_400.0]
    clock = SimpleNamespace(time=lambda: time.time() + ahead[0], monotonic=time.monotonic)
    for module in ("procrastinate.periodic", "services.kit.queue"):
        monkeypatch.setattr(f"{module}.time", clock)

    def set_right() -> None:
        if clerk.ticks("by_day") == ["succeeded"]:
            ahead[0] = 0.0

    with clerk.runner() as runner:
        # Its last tick was within the hour, at whatever time of the day that this runs.
        queue = Queue(clerk.url, [Job("by_day", "0 * * * *", lambda: iter([1]))], runner)
        queue.tick()
        asyncio.run(_worked(queue, lambda: len(clerk.ticks("by_day")) == 2, seeing=set_right))

    times = "SELECT (args ->> 'timestamp')::bigint FROM jobs.procrastinate_jobs WHERE task_name = 'by_day' ORDER BY id"
    (first,), (second,) = clerk.rows(times)
    assert abs(first - second - 86_400) <= 3_600


def test_a_job_that_does_not_come_back_has_its_process_end(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hangs() -> Iterator[int]:
        over.wait(WITHIN_S)
        yield 1

    async def hung() -> bool:
        queue = Queue(clerk.url, [Job("hangs", "* * * * *", hangs)], runner)
        await run_once(queue, "hangs")
        over.set()
        return queue.hangs.is_set()

    monkeypatch.setattr("services.kit.queue.HANGS_S", 0.1)
    with clerk.runner() as runner:
        assert asyncio.run(hung())


def test_ticks_of_long_ago_are_forgotten(clerk: Clerk) -> None:
    for name in ("old", "new"):
        assert clerk.run_by_hand(name, lambda: iter([1]))
    clerk.rows(
        "UPDATE jobs.procrastinate_events SET at = at - interval '49 hours' WHERE job_id IN"
        " (SELECT id FROM jobs.procrastinate_jobs WHERE task_name = 'old') RETURNING id"
    )
    own = jobs.database(clerk.url)
    own.open()
    (forget,) = (job for job in jobs.jobs_of("world", own, RULES) if job.name == "forget_runs")

    assert list(forget.pages()) == [1]

    left = "SELECT task_name FROM jobs.procrastinate_jobs WHERE task_name IN ('old', 'new')"
    assert clerk.rows(left) == [("new",)]
    own.close()
