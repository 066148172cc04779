"""What the inventory service decides with, made of one edition of its rules."""

from typing import NamedTuple

from services.inventory.catalogue import Catalogue
from services.inventory.rules import Rules
from services.inventory.sales import Sales
from services.kit.database import Database
from services.kit.rulesfile import Edition, Shape

SHAPE = Shape("inventory", Rules)


class Play(NamedTuple):
    """The shop and the drops under one edition."""

    edition: Edition[Rules]
    sales: Sales

    @property
    def rules(self) -> Rules:
        """The numbers."""
        return self.edition.rules


def play(
    database: Database, catalogue: Catalogue, edition: Edition[Rules], *, is_sandbox: bool
) -> Play:
    """Everything that follows one edition."""
    return Play(edition, Sales(database, catalogue, edition.rules.shop, is_sandbox=is_sandbox))
