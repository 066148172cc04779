"""What the session service does by the clock: see kit/jobs.py."""

from functools import partial
from pathlib import Path

from services.kit.database import Database
from services.kit.jobs import Job
from services.kit.rulebook import numbers_of
from services.session.play import SHAPE
from services.session.purge import KeyPurge
from services.session.tables import editions
from services.session.timeouts import Timeouts


def jobs(database: Database, rules: Path) -> tuple[Job, ...]:
    """The jobs, by the rules of that file."""
    timeouts = Timeouts(database, numbers_of(rules, SHAPE, database, editions))
    purge = KeyPurge(database)
    return (
        # Whoever looks at such a session closes it at once; this is for those that nobody looks at.
        Job("timeouts", "* * * * *", partial(iter, timeouts.close_due, 0)),
        Job("forget_keys", "17 * * * *", partial(iter, purge.purge_due, 0)),
    )
