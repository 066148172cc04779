"""Jobs on real PostgreSQL: recorded, never two at a time, taken up from the dead; by real workers where it matters."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from prometheus_client import generate_latest
from psycopg import sql

from services.kit import jobs, runs
from services.kit.errors import Unavailable
from services.kit.jobs import Job, Runner
from services.kit.metrics import registry
from services.kit.queue import AWAY, Queue
from services.kit.settings import RULES
from services.kit.worker import desk, figures_of
from tests.faults.patience import await_that
from town.jobs import to_its_end
from town.readiness import worker_is_ready

WITHIN_S = 60.0

NewDatabase = Callable[[str], str]


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    """A database of world for the jobs of these tests; each has names of its own."""
    return new_database("world")


@dataclass
class Clerk:
    """Runs jobs on a database in this process."""

    url: str
    stopping: threading.Event

    def run(self, name: str, pages: Callable[[], Iterator[int]]) -> None:
        with self.runner() as runner:
            runner.run(Job(name, "* * * * *", pages))

    def run_by_hand(self, name: str, pages: Callable[[], Iterator[int]]) -> bool:
        """As `nesra jobs run` does."""
        with self.runner() as runner:
            queue = Queue(self.url, [Job(name, "* * * * *", pages)], runner)
            return asyncio.run(_once(queue, name))

    def last(self, name: str) -> runs.Run:
        with psycopg.connect(self.url) as connection:
            columns = ", ".join(runs.Run._fields)
            row = connection.execute(f"SELECT {columns} FROM job_run WHERE job = %s", [name])  # noqa: S608  # our own columns
            return runs.Run(*row.fetchone() or ())

    def ticks(self, name: str) -> list[str]:
        """What became of each, in their order."""
        status = "SELECT status::text FROM jobs.procrastinate_jobs WHERE task_name = %s ORDER BY id"
        return [status for (status,) in self.rows(status, name)]

    def put(self, name: str, *, scheduled_in: str = "0") -> None:
        """Puts a tick into the queue."""
        tick = """
            INSERT INTO procrastinate_jobs (queue_name, task_name, lock, scheduled_at, args)
            SELECT name, name, name, now() + %s::interval, '{"timestamp": 1}'
            FROM (VALUES (%s)) AS named (name)
        """
        with psycopg.connect(self.url, options=jobs.OPTIONS) as connection:
            connection.execute(tick, [scheduled_in, name])

    def rows(self, sql: Any, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        own = jobs.database(self.url)
        own.open()
        try:
            yield Runner("world", own, self.stopping)
        finally:
            own.close()


async def _once(queue: Queue, name: str) -> bool:
    async with queue.opened():
        return await queue.run_once(name)


@pytest.fixture
def clerk(url: str) -> Clerk:
    return Clerk(url, threading.Event())


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
        await _once(queue, "hangs")
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


def test_a_prometheus_hears_of_failures_and_of_the_age_of_successes(clerk: Clerk) -> None:
    clerk.run("told", lambda: iter([1]))
    mine = desk("world", clerk.url, RULES, clerk.stopping)
    mine.database.open()

    told = generate_latest(registry(lambda: figures_of(mine))).decode()

    mine.database.close()
    assert 'nesra_job_failures{job="told",of="world"} 0.0' in told
    assert 'nesra_job_success_age_seconds{job="told",of="world"}' in told


def test_a_prometheus_hears_nothing_of_a_database_without_the_tables(server_url: str) -> None:
    mine = desk("world", server_url, RULES, threading.Event())
    mine.database.open()

    assert list(figures_of(mine)) == []

    mine.database.close()


# As PostgreSQL does to all of them when it stops.
CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class Office:
    """A real worker of world's jobs."""

    process: subprocess.Popen[bytes]
    beat: Path

    def await_ready(self) -> None:
        await_that(lambda: worker_is_ready(self.beat), within_s=WITHIN_S)


@contextmanager
def worker(url: str, folder: Path) -> Iterator[Office]:
    beat = folder / "beat"
    settings = {"NESRA_WORLD_DATABASE_URL": url, "NESRA_WORKER_BEAT": str(beat)}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.kit.worker", "world"],
            env=os.environ | settings,
            stderr=log,
        )
    try:
        yield Office(process, beat)
    finally:
        process.kill()
        process.wait()


def test_a_worker_runs_what_is_due_outlives_its_database_and_ends_also_without_it(
    new_database: NewDatabase, server_url: str, tmp_path: Path
) -> None:
    url = new_database("world")
    # Of the hour before: a worker that comes late runs it still, once.
    due = "SELECT task_name FROM jobs.procrastinate_jobs WHERE status = 'succeeded'"
    with worker(url, tmp_path) as office, psycopg.connect(url, autocommit=True) as connection:
        office.await_ready()
        await_that(
            lambda: {*connection.execute(due)} == {("streaks",), ("forget_runs",)},
            within_s=WITHIN_S,
        )

        connection.execute(CUT_OFF)
        office.beat.unlink()
        office.await_ready()
        assert Clerk(url, threading.Event()).run_by_hand("beside", lambda: iter([1]))

        with psycopg.connect(server_url, autocommit=True) as server:
            name = sql.Identifier(connection.info.dbname)
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(CUT_OFF)
        office.process.send_signal(signal.SIGTERM)
        assert office.process.wait(WITHIN_S) == 0
        long_ago = time.time() - 10
        os.utime(office.beat, (long_ago, long_ago))
        assert not worker_is_ready(office.beat)
    said = (tmp_path / "worker.log").read_text()
    assert '"event": "stopped"' in said.splitlines()[-1]


def test_a_worker_without_a_database_names_what_it_misses() -> None:
    settings = {n: v for n, v in os.environ.items() if not n.startswith("NESRA_")}
    settings["NESRA_AUTH_DATABASE_URL"] = "mysql://somewhere"

    run = subprocess.run(
        [sys.executable, "-m", "services.kit.worker", "auth", "world"],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 2
    assert run.stderr == (
        "Cannot start:\n"
        "  NESRA_AUTH_DATABASE_URL must look like postgresql://user:password@host/database\n"
        "  NESRA_WORLD_DATABASE_URL is missing\n"
    )


# What a schema is made of, each by its name: whatever an upgrade of the library would change.
SHAPE = """
    SELECT 'column', table_name || '.' || column_name,
           concat_ws(' ', udt_name, column_default, is_nullable)
    FROM information_schema.columns WHERE table_schema = %(schema)s
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid)
    FROM pg_proc p WHERE pronamespace = %(schema)s::regnamespace
    UNION ALL
    SELECT 'constraint', conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = %(schema)s
    UNION ALL
    SELECT 'trigger', tgname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE c.relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
    UNION ALL
    SELECT 'enum', t.typname, string_agg(enumlabel, ' ' ORDER BY enumsortorder)
    FROM pg_enum JOIN pg_type t ON t.oid = enumtypid
    WHERE t.typnamespace = %(schema)s::regnamespace GROUP BY t.typname
"""


def test_our_migrations_make_the_tables_of_the_release_that_is_installed(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA release")
        connection.execute("SET LOCAL search_path = release")
        connection.execute(SchemaManager.get_schema())
        ours, theirs = (_shape(connection, schema) for schema in ("jobs", "release"))
        connection.rollback()

    assert len(ours) > 60
    assert ours == theirs, f"procrastinate {version('procrastinate')} needs a migration of ours"


def _shape(connection: psycopg.Connection[Any], schema: str) -> set[tuple[str, ...]]:
    connection.execute(f"SET LOCAL search_path = {schema}")
    found = connection.execute(SHAPE, {"schema": schema}).fetchall()
    return {tuple(re.sub(r"\b(jobs|release)\.", "", text) for text in row) for row in found}
