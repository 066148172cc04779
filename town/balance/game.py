"""The game that is played: the numbers of the services and their catalogue."""

from dataclasses import dataclass
from pathlib import Path

from services.inventory.catalogue_file import read_catalogue
from services.inventory.rules import Item
from services.inventory.rules import Rules as InventoryRules
from services.kit.rulesfile import BadRules, load
from services.session.rules import Rules as SessionRules
from services.world.rules import Rules as WorldRules
from town.failures import CannotOpen


@dataclass(frozen=True, slots=True)
class Game:
    """The rules of one file, with its version, and all items that can be obtained."""

    session: SessionRules
    world: WorldRules
    inventory: InventoryRules
    items: tuple[Item, ...]
    version: str


def game_of(file: Path) -> Game:
    """Return the game that a rules file makes, with the shipped catalogue. Raises CannotOpen."""
    try:
        session, version = load(file, "session", SessionRules)
        world, _ = load(file, "world", WorldRules)
        inventory, _ = load(file, "inventory", InventoryRules)
    except BadRules as error:
        sentence = f"This makes no game: {error}"
        raise CannotOpen(sentence) from error
    return Game(session, world, inventory, read_catalogue(), version)
