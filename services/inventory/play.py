"""What the inventory service decides with, made of one edition of its rules."""

from datetime import datetime
from typing import NamedTuple

from services.inventory.calendar import Calendar
from services.inventory.catalogue import Catalogue
from services.inventory.drops import DropTable
from services.inventory.rotations import Rotations
from services.inventory.rules import Rules
from services.inventory.sales import Sales
from services.kit.database import Database
from services.kit.rulesfile import Edition, Shape

SHAPE = Shape("inventory", Rules, shared=("events",))


class Play(NamedTuple):
    """The shop, the drops and the events under one edition."""

    edition: Edition[Rules]
    sales: Sales
    calendar: Calendar

    @property
    def rules(self) -> Rules:
        """The numbers."""
        return self.edition.rules

    def drops_at(self, started_at: datetime | None) -> DropTable:
        """What a session that started then may drop. Raises Unavailable."""
        items = self.calendar.obtainable(started_at)
        return DropTable(items, self.rules.rarity_weights, self.edition.version)


def play(
    database: Database,
    catalogue: Catalogue,
    rotations: Rotations,
    edition: Edition[Rules],
    *,
    is_sandbox: bool,
) -> Play:
    """Everything that follows one edition."""
    return Play(
        edition,
        Sales(database, catalogue, rotations, edition, is_sandbox=is_sandbox),
        Calendar(catalogue, edition.rules.events),
    )
