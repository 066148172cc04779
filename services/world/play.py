"""What the world service decides with, made of one edition of its rules."""

from typing import NamedTuple

from services.kit.database import Database
from services.kit.rulesfile import Edition, Shape
from services.world.rules import Rules, losses
from services.world.worlds import Worlds

SHAPE = Shape("world", Rules, losses)


class Play(NamedTuple):
    """Worlds under one edition."""

    edition: Edition[Rules]
    worlds: Worlds

    @property
    def rules(self) -> Rules:
        """The numbers."""
        return self.edition.rules


def play(database: Database, edition: Edition[Rules], *, has_sandbox: bool) -> Play:
    """Everything that follows one edition."""
    return Play(edition, Worlds(database, edition.rules, has_sandbox=has_sandbox))
