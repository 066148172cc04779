"""A database for jobs, and who runs them on it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from services.kit import jobs, runs
from services.kit.jobs import Job, Runner
from services.kit.queue import Queue

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
            return asyncio.run(run_once(queue, name))

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


async def run_once(queue: Queue, name: str) -> bool:
    async with queue.opened():
        return await queue.run_once(name)


@pytest.fixture
def clerk(url: str) -> Clerk:
    return Clerk(url, threading.Event())
