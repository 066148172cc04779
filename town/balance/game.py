"""The game that is played: the numbers of the services and their catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.inventory.catalogue_file import read_catalogue
from services.inventory.events import obtainable
from services.inventory.rules import Item
from services.inventory.rules import Rules as InventoryRules
from services.kit.rulesfile import BadRules, check, read
from services.session.rules import Rules as SessionRules
from services.world.rules import Rules as WorldRules
from town.failures import CannotOpen
from town.numbers import INVENTORY, SESSION, SHAPES, WORLD


@dataclass(frozen=True, slots=True)
class Game:
    """The rules of one file, with its version, and the items of the catalogue."""

    session: SessionRules
    world: WorldRules
    inventory: InventoryRules
    items: tuple[Item, ...]
    version: str

    def obtainable(self, at: datetime) -> Sequence[Item]:
        """Return those of the items that drop and are sold at an instant: an event may have some of its own."""
        return obtainable(self.items, self.inventory.events, at)


def game_of(file: Path) -> Game:
    """Return the game that a rules file makes, with the shipped catalogue. Raises CannotOpen."""
    try:
        rules = read(file)
        check(rules, list(SHAPES.values()))
        return Game(
            session=rules.bound(SESSION),
            world=rules.bound(WORLD),
            inventory=rules.bound(INVENTORY),
            items=read_catalogue(),
            version=rules.version,
        )
    except BadRules as error:
        sentence = f"This makes no game: {'; '.join(error.problems)}"
        raise CannotOpen(sentence) from error
