"""What the inventory service does by the clock: see kit/jobs.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import read_catalogue
from services.inventory.play import SHAPE
from services.inventory.rotations import Rotations
from services.inventory.rules import Rules
from services.inventory.tables import editions
from services.kit.database import Database
from services.kit.jobs import Job
from services.kit.rulebook import edition_of
from services.kit.rulesfile import Edition


def jobs(database: Database, rules: Path) -> tuple[Job, ...]:
    """The jobs, by the rules of that file."""
    catalogue = Catalogue(database, read_catalogue())
    turning = Turning(database, catalogue, edition_of(rules, SHAPE, database, editions))
    # Before midnight in UTC, and between for what starts and ends within a day.
    return (Job("shop_rotation", "*/5 * * * *", turning.rounds),)


class Turning:
    """Has the next offers of the shop stand there before they are needed."""

    def __init__(
        self, database: Database, catalogue: Catalogue, edition: Callable[[], Edition[Rules]]
    ) -> None:
        self._catalogue = catalogue
        self._rotations = Rotations(database, catalogue)
        self._edition = edition

    def rounds(self) -> Iterator[int]:
        """How many rotations were recorded that nobody had recorded yet. Raises Unavailable."""
        # Nobody else refreshes it in a process of jobs.
        self._catalogue.refreshed()
        yield self._rotations.record_due(self._edition())
