"""What became of each job: one row a job in its service's own database.

The queue's own tables say which ticks there were; this says how long the last run took,
what it did, and why it failed. It belongs to no player.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    MetaData,
    Table,
    Text,
    bindparam,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from services.kit.database import Connection
from services.kit.statements import Command, Query

INSTANT = DateTime(timezone=True)


class Run(NamedTuple):
    """The last run of a job, and the last one that failed.

    `done` is what it did, in the job's own things; `failures` how often it has failed since it
    last succeeded; `error` why it failed last, by name alone; "" where it never did.
    """

    job: str
    started_at: datetime
    ended_at: datetime
    succeeded_at: datetime | None
    done: int
    failures: int
    failed_at: datetime | None
    error: str


def table(metadata: MetaData) -> Table:
    """The table `job_run`, for a service's own metadata."""
    return Table(
        "job_run",
        metadata,
        Column("job", Text, primary_key=True),
        Column("started_at", INSTANT, nullable=False),
        Column("ended_at", INSTANT, nullable=False),
        Column("succeeded_at", INSTANT),
        Column("done", BigInteger, nullable=False),
        Column("failures", BigInteger, nullable=False),
        Column("failed_at", INSTANT),
        Column("error", Text, nullable=False),
        CheckConstraint("char_length(job) BETWEEN 1 AND 64", name="job_to_64"),
        CheckConstraint("char_length(error) <= 200", name="error_to_200"),
        CheckConstraint("done >= 0 AND failures >= 0", name="counts_from_0"),
    )


_run = table(MetaData())
_ALL = Query(select(*[_run.c[name] for name in Run._fields]).order_by(_run.c.job), Run)


def _new() -> Insert:
    return insert(_run).values({c.name: bindparam(c.name, type_=c.type) for c in _run.c})


def _put(new: Insert, *columns: str) -> Command:
    changed: dict[str, Any] = {name: new.excluded[name] for name in columns}
    if "error" in columns:
        changed["failures"] = _run.c.failures + 1
    return Command(new.on_conflict_do_update(index_elements=["job"], set_=changed))


_SUCCEEDED = _put(_new(), "started_at", "ended_at", "succeeded_at", "done", "failures")
_FAILED = _put(_new(), "started_at", "ended_at", "failed_at", "error")


def runs(connection: Connection) -> Sequence[Run]:
    """The last run of every job that ever ran, by name."""
    return _ALL.all(connection)


def succeeded(connection: Connection, job: str, *, between: Sequence[datetime], done: int) -> None:
    """Records a run that came to its end, `between` two instants; its failures are over."""
    started_at, ended_at = between
    row = Run(job, started_at, ended_at, ended_at, done, 0, None, "")
    _SUCCEEDED.run(connection, **row._asdict())


def failed(connection: Connection, job: str, *, between: Sequence[datetime], error: str) -> None:
    """Records a run that failed, `between` two instants; the last success stays known."""
    started_at, ended_at = between
    row = Run(job, started_at, ended_at, None, 0, 1, ended_at, error[:200])
    _FAILED.run(connection, **row._asdict())
