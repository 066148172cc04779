"""The worker: the process that runs the jobs of one service or of several.

`python -m services.kit.worker [SERVICE …]`, without names those of all. It has their
databases and calls nobody. Any number may run; a process that hangs or is killed loses
what it had in hand to another.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from psycopg.errors import UndefinedTable

from services.kit import jobs, memory, metrics, runs, telemetry
from services.kit.clock import database_now
from services.kit.database import Database
from services.kit.errors import Unavailable
from services.kit.jobs import Job, Runner
from services.kit.queue import AWAY, Queue
from services.kit.settings import PORTS, WorkerSettings, database_urls, load

BEAT_S = 1.0
# After the queue was away, or a worker of the library ended: as soon as a service is asked again.
AGAIN_S = 1.0
# A little less than whoever stops it waits.
ENDS_WITHIN_S = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a worker has of one service."""

    service: str
    database: Database
    jobs: Sequence[Job]
    queue: Queue


def desk(service: str, url: str, rules: Path, stopping: threading.Event) -> Desk:
    """A desk that is not open yet; its database may come later."""
    own = jobs.database(url)
    listed = jobs.jobs_of(service, own, rules)
    return Desk(service, own, listed, Queue(url, listed, Runner(service, own, stopping)))


def main(services: Sequence[str]) -> None:
    """Works until SIGTERM or SIGINT, then ends what it has in hand. Exits with 1 when a job hangs."""
    settings, urls = load(WorkerSettings), database_urls(services or PORTS)
    telemetry.configure("worker", is_production=settings.environment == "production")
    stopping = threading.Event()
    desks = [desk(s, url, settings.rules, stopping) for s, url in urls.items()]
    if settings.worker_metrics_listen:
        figures = metrics.registry(*(partial(figures_of, each) for each in desks))
        metrics.serve(settings.worker_metrics_listen, figures)
    memory.settle()
    asyncio.run(_work(desks, settings.beat, stopping))


def figures_of(desk: Desk) -> Iterator[Metric]:
    """How each job of a service goes; nothing while its database is away, or not migrated yet."""
    age = GaugeMetricFamily(
        "nesra_job_success_age_seconds",
        "How long ago a job succeeded last.",
        labels=["of", "job"],
    )
    failures = GaugeMetricFamily(
        "nesra_job_failures", "How often it has failed since then.", labels=["of", "job"]
    )
    try:
        with desk.database.read() as connection:
            known, now = runs.runs(connection), database_now(connection)
    except (Unavailable, UndefinedTable):
        return
    for run in known:
        failures.add_metric([desk.service, run.job], run.failures)
        if run.succeeded_at:
            age.add_metric([desk.service, run.job], (now - run.succeeded_at).total_seconds())
    yield from (age, failures)


async def _work(desks: Sequence[Desk], beat: Path, stopping: threading.Event) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    for each in desks:
        each.database.open()
        each.queue.tick()
    tasks = [asyncio.create_task(_kept(each, stopping)) for each in desks]
    tasks.append(asyncio.create_task(_beats(desks, beat.touch)))
    ends = [asyncio.create_task(event.wait()) for event in _ends(asked, desks)]
    log.info("serving", of=[each.service for each in desks])
    await asyncio.wait([*ends, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if not asked.is_set():
        _break_off(tasks)
    log.info("draining")
    stopping.set()
    for task in (*ends, *tasks):
        task.cancel()
    _, late = await asyncio.wait(tasks, timeout=ENDS_WITHIN_S)
    if late:
        _break_off(tasks)
    for each in desks:
        each.database.close()
    log.info("stopped")


async def _kept(desk: Desk, stopping: threading.Event) -> None:
    """Works at a desk, and begins anew whenever its database was away."""
    # Who is told to end while the database is away may hear of that alone.
    while not stopping.is_set():
        try:
            async with desk.queue.opened():
                await desk.queue.work()
        except AWAY as error:
            # What the library met, such as tables that are not migrated yet.
            reason = type(error.__cause__ or error).__name__
            log.warning("queue_away", of=desk.service, reason=reason)
        await asyncio.sleep(AGAIN_S)


async def _beats(desks: Sequence[Desk], beat: Callable[[], None]) -> None:
    """Takes up what the dead left, and tells by the file that every queue answers."""
    while True:
        if all(await asyncio.gather(*map(_answers, desks))):
            with contextlib.suppress(OSError):
                beat()
        await asyncio.sleep(BEAT_S)


async def _answers(desk: Desk) -> bool:
    desk.queue.look_at_clock()
    try:
        count = await desk.queue.take_up()
    except AWAY:
        return False
    if count:
        log.warning("jobs_taken_up", of=desk.service, jobs=count)
    return True


def _ends(asked: asyncio.Event, desks: Sequence[Desk]) -> list[asyncio.Event]:
    return [asked, *(each.queue.hangs for each in desks)]


def _break_off(tasks: Sequence[asyncio.Task[None]]) -> NoReturn:
    """Ends the process where a job hangs or something broke: another worker takes up what is in hand."""
    done = [task for task in tasks if task.done() and not task.cancelled()]
    broken = [error for task in done if (error := task.exception())]
    for error in broken:
        log.error("worker_broke", exc_info=error)
    # A thread cannot be ended otherwise.
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
