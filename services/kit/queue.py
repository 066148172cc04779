"""The queue of a service's jobs: procrastinate, in the service's own database.

Its tables have each tick once, however many workers find that it is due, and one job never
runs twice at a time (its lock). A worker shows by a heartbeat that it lives; what it had in
hand when it died is taken up by another.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import AppNotOpen, ConnectorException
from procrastinate.jobs import Status
from psycopg import OperationalError

from services.kit.database import KEEPALIVE, RECONNECT_S
from services.kit.jobs import OPTIONS, Job, Runner

# How its connections show in PostgreSQL's own log and views: they see no table of ours.
NAME = "nesra-jobs"
# What may be raised while the database is away.
AWAY = (ConnectorException, OperationalError, AppNotOpen, TimeoutError)
OPEN_S = 4.0
# For who was not there when a tick came: run late, once. An older one is not worth it.
LATE_S = 3600.0
# Twice, after 4 s and 16 s: before the next tick of whatever has one each minute.
AGAIN = RetryStrategy(max_attempts=2, exponential_wait=4)
# Longer than those: only a worker whose clock is ahead puts a try off so far, and the next ticks with it.
PUT_OFF_S = 30.0
HEARTBEAT_S = 5.0
# Several heartbeats, so that nobody who merely waits for the database is taken for dead.
DEAD_AFTER_S = 20.0
# Between a tick and the look that finds it; to be told of it would take one more connection.
LOOK_EVERY_S = 1.0
# Far longer than any page: its statements end after 2 s. A thread cannot be ended, a process can.
HANGS_S = 120.0
DRAIN_S = 8.0
# The library waits until a clock that was set back is where it was, and makes up for every tick
# of a night that the machine slept.
JUMP_S = 60.0

log = structlog.get_logger(__name__)

# In one statement, so that what somebody else took up meanwhile is not taken up again.
_TAKE_UP = """
    WITH put_off AS (
        UPDATE procrastinate_jobs SET scheduled_at = now()
        WHERE status = 'todo' AND scheduled_at > now() + make_interval(secs => %(put_off_s)s)
    ), left_behind AS (
        SELECT id FROM procrastinate_jobs
        WHERE status = 'doing' AND (worker_id IS NULL OR worker_id IN (
            SELECT id FROM procrastinate_workers
            WHERE last_heartbeat < now() - make_interval(secs => %(dead_after_s)s)
        ))
        FOR UPDATE
    )
    SELECT id, procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM left_behind
"""


class Queue:
    """The ticks of one service's jobs; everything but `tick` within `async with queue.opened()`."""

    def __init__(self, url: str, jobs: Sequence[Job], runner: Runner) -> None:
        connector = PsycopgConnector(
            conninfo=url,
            kwargs={"application_name": NAME, "options": OPTIONS, "autocommit": True} | KEEPALIVE,
            min_size=1,
            max_size=1,
            timeout=RECONNECT_S,
            reconnect_timeout=RECONNECT_S,
        )
        self._app = App(connector=connector, periodic_defaults={"max_delay": LATE_S})
        self._jobs = {job.name: job for job in jobs}
        self._runner = runner
        self.hangs = asyncio.Event()
        self._working: asyncio.Timeout | None = None
        self._seen = time.time()

    def tick(self) -> None:
        """Has every job run when its time comes, and again soon when it fails."""
        for job in self._jobs.values():
            task = self._app.task(name=job.name, queue=job.name, lock=job.name, retry=AGAIN)
            self._app.periodic(cron=job.cron)(task(self._body(job)))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Within, the database is connected. Raises AWAY."""
        try:
            # The library would wait for longer than a database is away, and try too rarely.
            async with asyncio.timeout(OPEN_S):
                await self._app.open_async()
            yield
        finally:
            await self._app.close_async()

    async def work(self) -> None:
        """Runs what is due until cancelled, then ends what is in hand. Raises AWAY.

        Returns when it should be begun anew.
        """
        try:
            async with asyncio.timeout(None) as self._working:
                await self._app.run_worker_async(
                    # Those of a neighbour of another version are not ours to fail.
                    queues=[*self._jobs],
                    install_signal_handlers=False,
                    listen_notify=False,
                    fetch_job_polling_interval=LOOK_EVERY_S,
                    # Nobody aborts a job here.
                    abort_job_polling_interval=HANGS_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=DEAD_AFTER_S,
                    shutdown_graceful_timeout=DRAIN_S,
                )
        except TimeoutError:
            log.info("queue_begun_anew")
        finally:
            self._working = None

    def look_at_clock(self) -> None:
        """Has the work begin anew when the clock has jumped since the last look."""
        last, self._seen = self._seen, time.time()
        if abs(self._seen - last) > JUMP_S:
            log.warning("clock_jumped", seconds=round(self._seen - last))
            self._begin_anew()

    def _begin_anew(self) -> None:
        if self._working is not None and not self._working.expired():
            self._working.reschedule(asyncio.get_running_loop().time())

    async def take_up(self) -> int:
        """Puts back what dead workers had in hand; says how much. Raises AWAY."""
        left = await self._app.connector.execute_query_all_async(
            _TAKE_UP, dead_after_s=DEAD_AFTER_S, put_off_s=PUT_OFF_S
        )
        return len(left)

    async def run_once(self, name: str) -> bool:
        """Has a job run now, here or by the worker that takes it first; whether it came to its end.

        Waits while the job is running already. Raises AWAY.
        """
        job = self._jobs[name]
        task: Any = self._app.task(name=name, queue=name, lock=name)(self._body(job))
        job_id = await task.defer_async(timestamp=0)
        while (status := await self._status(job_id)) in (Status.TODO, Status.DOING):
            # Who has it in hand may die meanwhile, with nobody else there.
            await self.take_up()
            await self._app.run_worker_async(
                queues=[name], wait=False, listen_notify=False, install_signal_handlers=False
            )
            await asyncio.sleep(LOOK_EVERY_S / 4)
        return status is Status.SUCCEEDED

    async def _status(self, job_id: int) -> Status:
        return await self._app.job_manager.get_job_status_async(job_id)

    def _body(self, job: Job) -> Callable[[int], Awaitable[None]]:
        async def body(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives it by this name
            if task := asyncio.current_task():
                task.add_done_callback(self._heard)
            try:
                await asyncio.wait_for(asyncio.to_thread(self._runner.run, job), HANGS_S)
            except TimeoutError:
                log.error("job_hangs", job=job.name)  # noqa: TRY400  # its traceback is that of a wait
                self.hangs.set()
                raise

        return body

    def _heard(self, task: asyncio.Task[Any]) -> None:
        """Has who could not tell the queue what became of a job let go of it: it would hold it for ever."""
        if not task.cancelled() and task.exception() is not None:
            log.warning("outcome_not_recorded", reason=type(task.exception()).__name__)
            self._begin_anew()
