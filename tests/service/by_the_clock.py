"""The jobs of a service, each as a worker runs it, when a test says so."""

from contextlib import closing

from services.kit.database import Database
from services.kit.jobs import Job, jobs_of
from services.kit.settings import RULES


def done(service: str, name: str, url: str) -> int:
    """Runs a job to its end, by that database's clock; what it says that it did."""
    # Without the queue's path, so that a database's own clock stays in force.
    with closing(Database(url, size=2)) as database:
        database.open()
        return sum(job_of(service, name, database).pages())


def job_of(service: str, name: str, database: Database) -> Job:
    """A job by its name."""
    return next(job for job in jobs_of(service, database, RULES) if job.name == name)
