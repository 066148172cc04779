"""The numbers of the game, as the services that are checked have them, and had them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from services.inventory.rules import Rules as InventoryRules
from services.kit.rulesfile import BadRules, RulesFile, Shape, read
from services.kit.settings import RULES
from services.session import rules as session_rules
from services.session.rules import Rules as SessionRules
from services.world import rules as world_rules
from services.world.rules import Rules as WorldRules
from town.failures import WrongSetting

SESSION: Final = Shape("session", SessionRules, session_rules.losses, shared=("events",))
INVENTORY: Final = Shape("inventory", InventoryRules, shared=("events",))
WORLD: Final = Shape("world", WorldRules, world_rules.losses)
# Every section of the file, and who reads it.
SHAPES: Final[Mapping[str, Shape[Any]]] = {
    shape.section: shape for shape in (SESSION, INVENTORY, WORLD)
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The rules in use by the services that reward.

    `sessions` are all that session ever used, by the version that it stamped into every reward; `worlds` are those of
    world.
    """

    session: SessionRules
    world: WorldRules
    sessions: Mapping[str, SessionRules] = field(default_factory=dict)
    worlds: tuple[WorldRules, ...] = ()


def rules_path() -> Path:
    """Return where the rules file is: NESRA_RULES, else the one that comes with the town."""
    return Path(os.environ.get("NESRA_RULES") or RULES)


def given_file() -> RulesFile:
    """Return the rules file. Raises WrongSetting when it is none."""
    try:
        return read(rules_path())
    except BadRules as bad:
        raise unusable(bad) from bad


def given_numbers() -> Numbers:
    """Return the numbers of the rules file, as of services that never used another. Raises WrongSetting."""
    file = given_file()
    try:
        session, world = file.bound(SESSION), file.bound(WORLD)
    except BadRules as bad:
        raise unusable(bad) from bad
    return Numbers(session, world, {file.version: session})


def unusable(bad: BadRules) -> WrongSetting:
    """Return what is wrong with the rules file as one sentence."""
    return WrongSetting(name="NESRA_RULES", demand=f"cannot be used: {'; '.join(bad.problems)}")
