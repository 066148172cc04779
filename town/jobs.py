"""List what the town does by the clock, and run one of it now.

The worker of an open town runs every job when its time comes, by UTC. Run by hand, a job does the same in this
process, whether a worker runs or not: nothing is done twice, and a job that is running already is waited for.
"""

import argparse
import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row

from services.kit import jobs, telemetry
from services.kit.jobs import Job
from services.kit.queue import AWAY
from services.kit.runs import Run
from services.kit.worker import desk
from town.databases import SERVICES, told_in_one_sentence
from town.failures import CannotOpen, DatabaseFailed
from town.numbers import rules_path
from town.reach import urls_of_town
from town.reading import connection_of, database_now

RUNS: Final = """
    SELECT job, started_at, ended_at, succeeded_at, done, failures, failed_at, error FROM job_run
"""
HEAD: Final = ("SERVICE", "JOB", "SCHEDULE", "LAST RUN", "OUTCOME", "NEXT RUN")


@dataclass(frozen=True, slots=True)
class Listed:
    """A job, its last run (None where it never ran), and when its next is due."""

    service: str
    job: Job
    last: Run | None
    due: datetime

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        began = _minute(self.last.started_at) if self.last else "never"
        return (
            self.service,
            self.job.name,
            self.job.cron,
            began,
            told(self.last),
            _minute(self.due),
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do: list, or run one."""
    todo = parser.add_subparsers(metavar="list|run", required=True)
    todo.add_parser("list", help="every job, its last run and its next").set_defaults(name=None)
    once = todo.add_parser("run", help="run a job now, and tell what it did")
    once.add_argument("name", metavar="NAME", help="as `nesra jobs list` has it")
    once.add_argument("--service", choices=SERVICES, help="whose, where several have one")


def run(arguments: argparse.Namespace) -> int:
    """List the jobs, or run one. Returns 0, and 1 when the one failed; raises CannotOpen."""
    if arguments.name is None:
        with told_in_one_sentence():
            _print([HEAD, *(row.cells() for service in SERVICES for row in listed(service))])
        return 0
    service = whose(arguments.name, arguments.service)
    telemetry.configure("jobs", is_production=False)
    with told_in_one_sentence():
        # Whatever is the matter with the database is told before anything waits for it.
        next(listed(service))
        is_done = asyncio.run(_run(service, arguments.name))
        (row,) = (row for row in listed(service) if row.job.name == arguments.name)
    print(f"{service} {arguments.name}: {told(row.last)}.")
    return 0 if is_done else 1


def listed(service: str) -> Iterator[Listed]:
    """Return the jobs of a service as its database knows them."""
    urls = urls_of_town([service])
    with connection_of(service, urls) as connection:
        known = connection.cursor(row_factory=class_row(Run)).execute(RUNS).fetchall()
        last, now = {run.job: run for run in known}, database_now(connection)
    for job in jobs.jobs_of(service, jobs.database(urls[service]), rules_path()):
        yield Listed(service, job, last.get(job.name), job.next_after(now))


def told(last: Run | None) -> str:
    """Return what became of the last run, in words."""
    if last is None:
        return "-"
    if not last.failures:
        return f"did {last.done:,} in {(last.ended_at - last.started_at).total_seconds():.2f} s"
    since = f" since {_minute(last.succeeded_at)}" if last.succeeded_at else ""
    return f"failed {last.failures:,} times{since}: {last.error}"


def whose(name: str, service: str | None) -> str:
    """Return the service whose job is meant. Raises CannotOpen."""
    found = [s for s in SERVICES if service in {None, s} and name in _names(s)]
    if not found:
        sentence = f"There is no job {name}{f' of {service}' if service else ''}: `nesra jobs list` has all."
        raise CannotOpen(sentence)
    if len(found) > 1:
        sentence = (
            f"Several services have a job {name}: choose by --service from {', '.join(found)}."
        )
        raise CannotOpen(sentence)
    return found[0]


def _names(service: str) -> set[str]:
    return {job.name for job in jobs.jobs_of(service, jobs.database(""), rules_path())}


async def _run(service: str, name: str) -> bool:
    stopping = threading.Event()
    mine = desk(service, urls_of_town([service])[service], rules_path(), stopping)
    mine.database.open()
    try:
        async with mine.queue.opened():
            return await to_its_end(mine.queue.run_once(name), stopping)
    except AWAY as error:
        sentence = f"The queue of {service} cannot be used: {error.__cause__ or error}".split("\n")[
            0
        ]
        raise DatabaseFailed(sentence.rstrip(".") + ".") from error
    finally:
        mine.database.close()


async def to_its_end(once: Coroutine[Any, Any, bool], stopping: threading.Event) -> bool:
    """Interrupted, it ends after the page in hand: the queue itself would wait for the last."""
    task = asyncio.create_task(once)
    try:
        return await asyncio.shield(task)
    finally:
        stopping.set()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
