"""What the auth service does by the clock: see kit/jobs.py."""

from functools import partial
from pathlib import Path

from services.auth.erasures import Erasures
from services.auth.purge import Purge
from services.kit.database import Database
from services.kit.jobs import Job


def jobs(database: Database, _rules: Path) -> tuple[Job, ...]:
    """The jobs. An erasure is begun here; auth itself then asks the others until nothing is left."""
    erasures, purge = Erasures(database, []), Purge(database)
    return (
        Job("erasures", "*/5 * * * *", partial(iter, erasures.begin_due, 0)),
        Job("forget_tokens", "*/10 * * * *", partial(iter, purge.purge_due, 0)),
    )
