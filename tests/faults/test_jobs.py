"""Three workers of every service, a simulated week: each job's ticks exactly once, though one is killed."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from croniter import croniter

from services.kit.jobs import Job, database, jobs_of
from services.kit.queue import LATE_S
from services.kit.settings import RULES
from tests.faults.patience import await_that
from tests.faults.tier import Tier

REPLICAS = 3
# A Monday, a second after midnight: the ticks of midnight are late by it, and due.
BEGIN = datetime(2031, 5, 12, 0, 0, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# Beyond what it takes to be missed and taken up, and to do what is still queued.
EMPTIED_WITHIN_S = 300.0

TICKS = """
    SELECT task_name, (args ->> 'timestamp')::bigint, status::text, attempts
    FROM jobs.procrastinate_jobs
"""
OPEN = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status IN ('todo', 'doing')"


class Replica:
    """A worker whose ticks come when it is told."""

    def __init__(self, urls: dict[str, str], folder: Path, now: datetime) -> None:
        settings = {f"NESRA_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
        with (folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.clockwork", *urls],
                env={**os.environ, **settings, "NESRA_HOME": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.tell(now)

    def tell(self, now: datetime) -> None:
        """Says what time it is."""
        assert self._process.stdin is not None
        print(now.timestamp(), file=self._process.stdin, flush=True)

    def hear(self) -> None:
        """Returns when it has deferred what is due."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "done\n", f"a worker ended ({self._process.poll()})"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> int:
        """Has it drain; its exit code."""
        self._process.terminate()
        self._process.communicate(timeout=60)
        return self._process.returncode


@contextmanager
def replicas(urls: dict[str, str], folder: Path) -> Iterator[list[Replica]]:
    workers = [Replica(urls, folder, BEGIN) for _ in range(REPLICAS)]
    try:
        for worker in workers:
            worker.hear()
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def expected(job: Job, end: datetime) -> set[int]:
    """The ticks of a job from the begin to the end, and the one before where it is not too late."""
    ticks, last = set(), croniter(job.cron, BEGIN).get_prev(float)
    if BEGIN.timestamp() - last <= LATE_S:
        ticks.add(int(last))
    for tick in croniter(job.cron, BEGIN).all_next(float):
        if tick > end.timestamp():
            return ticks
        ticks.add(int(tick))
    raise AssertionError


def is_empty(urls: dict[str, str]) -> bool:
    for url in urls.values():
        with psycopg.connect(url) as connection:
            if connection.execute(OPEN).fetchone() != (0,):
                return False
    return True


@pytest.mark.timeout(0)
def test_three_replicas_run_each_tick_exactly_once(
    new_database: Callable[[str], str],
    tier: Tier,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    urls = {service: new_database(service) for service in tier.job_services}
    minutes = tier.job_hours * 60

    with replicas(urls, tmp_path) as workers:
        for minute in range(1, minutes + 1):
            now = BEGIN + minute * MINUTE
            if minute == minutes // 2:
                # In the midst of the ticks of before. It comes back, as it is started again.
                workers.pop(0).kill()
                workers.append(Replica(urls, tmp_path, now - MINUTE))
                workers[-1].hear()
            for worker in workers:
                worker.tell(now)
            for worker in workers:
                worker.hear()
        log = tmp_path / "worker.log"
        await_that(
            lambda: is_empty(urls),
            within_s=EMPTIED_WITHIN_S,
            otherwise=lambda: log.read_text()[-4000:],
        )
        assert [worker.end() for worker in workers] == [0] * REPLICAS

    counted = []
    for service, url in urls.items():
        with psycopg.connect(url) as connection:
            rows = connection.execute(TICKS).fetchall()
        for job in jobs_of(service, database(url), RULES):
            times = Counter(tick for name, tick, *_ in rows if name == job.name)
            assert times == Counter(expected(job, now)), f"{service} {job.name}"
            counted.append(f"{service} {job.name} {len(times):,}")
        assert {status for _, _, status, _ in rows} == {"succeeded"}
    told = f"{tier.job_hours} simulated hours, {REPLICAS} workers, one killed: each tick once:"
    record_property("counted", f"{told} {', '.join(counted)}")
