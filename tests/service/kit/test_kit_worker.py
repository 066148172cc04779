"""Real workers of jobs, what they tell, and the tables that they stand on."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager
from prometheus_client import generate_latest
from psycopg import sql

from services.kit.metrics import registry
from services.kit.settings import RULES
from services.kit.worker import desk, figures_of
from tests.faults.patience import await_that
from tests.service.kit.conftest import Clerk, NewDatabase
from town.readiness import worker_is_ready

WITHIN_S = 60.0


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
