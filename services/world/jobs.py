"""What the world service does by the clock: see kit/jobs.py."""

from pathlib import Path

from services.kit.database import Database
from services.kit.jobs import Job
from services.kit.rulebook import numbers_of
from services.world.endings import Endings
from services.world.play import SHAPE
from services.world.tables import editions


def jobs(database: Database, rules: Path) -> tuple[Job, ...]:
    """The jobs, by the rules of that file."""
    endings = Endings(database, numbers_of(rules, SHAPE, database, editions))
    # It is midnight somewhere at every quarter of an hour: Kathmandu is 5:45 ahead of UTC.
    return (Job("streaks", "*/15 * * * *", endings.rounds),)
