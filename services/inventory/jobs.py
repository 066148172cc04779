"""What the inventory service does by the clock: see kit/jobs.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import read_catalogue
from services.inventory.play import SHAPE
from services.inventory.rules import Rules
from services.inventory.shop import rotation
from services.inventory.tables import editions
from services.kit.clock import database_now
from services.kit.database import Database
from services.kit.jobs import Job
from services.kit.rulebook import numbers_of

log = structlog.get_logger(__name__)


def jobs(database: Database, rules: Path) -> tuple[Job, ...]:
    """The jobs, by the rules of that file."""
    catalogue = Catalogue(database, read_catalogue())
    turning = Turning(database, catalogue, numbers_of(rules, SHAPE, database, editions))
    # At midnight in UTC, and between for what starts and ends within a day.
    return (Job("shop_rotation", "*/5 * * * *", turning.rounds),)


class Turning:
    """Says when the shop offers other items. Which ones follows from the date: nothing is stored."""

    def __init__(
        self, database: Database, catalogue: Catalogue, numbers: Callable[[], Rules]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._numbers = numbers
        self._told = ""

    def rounds(self) -> Iterator[int]:
        """One, where the shop offers others than when this was asked last. Raises Unavailable."""
        with self._database.read() as connection:
            now = database_now(connection)
        current = rotation(now, self._catalogue.refreshed().obtainable, self._numbers().shop)
        if current.id != self._told:
            self._told = current.id
            log.info("shop_rotated", rotation=current.id, until=current.rotates_at.isoformat())
            yield 1
