"""Jobs: what a service does by the clock, page by page.

Each service lists its own in `jobs.py`. None of them decides anything that somebody waits
for, and each is a sweep: it looks for what is due by the database's clock, whoever started
it when. So a run may be left out, stopped between two pages, or done twice.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path

import structlog
from croniter import croniter
from procrastinate.sql import queries

from services.kit import runs
from services.kit.clock import database_now
from services.kit.database import SESSION_OPTIONS, Connection, Database
from services.kit.errors import Failure

# The schema of the queue's own tables, in each service's database.
SCHEMA = "jobs"
# Its names are none of ours, so that one path does for both.
OPTIONS = f"{SESSION_OPTIONS} -c search_path=public,{SCHEMA}"
# A run that goes on for longer leaves the rest to the next, and the others their turn.
RUN_S = 45.0
# Between the runs of most jobs, a connection would cost PostgreSQL 4 MiB for nothing.
IDLE_S = 10.0
# For who looks after an incident; a busy service makes some 2,000 rows a day.
KEPT_HOURS = 48

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done whenever `cron` says (in UTC).

    `pages` does it: an iterator that does one page of work at a time, short and committed, and
    gives how many things it did. Between two pages the run may end.
    """

    name: str
    cron: str
    pages: Callable[[], Iterator[int]]

    def next_after(self, instant: datetime) -> datetime:
        """When its next tick is."""
        tick: datetime = croniter(self.cron, instant.astimezone(UTC)).get_next(datetime)
        return tick


def database(url: str) -> Database:
    """The database of a service for its jobs, not yet open: they run one after the other."""
    return Database(url, size=1, options=OPTIONS, idle_s=IDLE_S)


def jobs_of(service: str, own: Database, rules: Path) -> list[Job]:
    """What `services/<service>/jobs.py` lists, and the one that every queue needs."""
    listed: Sequence[Job] = import_module(f"services.{service}.jobs").jobs(own, rules)
    return [*listed, Job("forget_runs", "23 * * * *", partial(_forgotten, own))]


class Runner:
    """Runs a service's jobs, and records what became of them."""

    def __init__(self, service: str, own: Database, stopping: threading.Event) -> None:
        self._service = service
        self._database = own
        self._stopping = stopping

    def run(self, job: Job) -> None:
        """Does what is due, up to the end, to `stopping` or for `RUN_S`. Raises what broke."""
        began, done = self._now(), 0
        try:
            done = self._done(job)
        except Failure as failure:
            log.warning("job_failed", of=self._service, job=job.name, reason=failure.reason)
            self._note(partial(runs.failed, job=job.name, error=failure.reason), began)
            raise
        except Exception as error:
            log.exception("job_broke", of=self._service, job=job.name)
            self._note(partial(runs.failed, job=job.name, error=type(error).__name__), began)
            raise
        self._note(partial(runs.succeeded, job=job.name, done=done), began)
        if done:
            log.info("job_done", of=self._service, job=job.name, done=done)

    def _done(self, job: Job) -> int:
        done, until = 0, time.monotonic() + RUN_S
        for count in job.pages():
            done += count
            if self._stopping.is_set() or time.monotonic() > until:
                log.info("job_cut_short", of=self._service, job=job.name, done=done)
                break
        return done

    def _now(self) -> datetime:
        with self._database.read() as connection:
            return database_now(connection)

    def _note(self, note: Callable[..., None], began: datetime) -> None:
        def noted(connection: Connection) -> None:
            note(connection, between=(began, database_now(connection)))

        self._database.transact(noted)


def _forgotten(own: Database) -> Iterator[int]:
    """Forgets ticks of long ago."""
    over = ["succeeded", "failed", "cancelled", "aborted"]
    with own.read() as connection:
        old = {"nb_hours": KEPT_HOURS, "queue": None, "statuses": over}
        yield connection.execute(queries["delete_old_jobs"], old).rowcount
