"""The numbers of the game, as the services that are checked have them."""

import os
from dataclasses import dataclass
from pathlib import Path

from services.kit.rulesfile import BadRules, load
from services.kit.settings import RULES
from services.session.rules import Rules as SessionRules
from services.world.rules import Rules as WorldRules
from town.failures import WrongSetting


@dataclass(frozen=True, slots=True)
class Numbers:
    """The rules of the services that reward, and the version that they stamp into every reward."""

    session: SessionRules
    world: WorldRules
    version: str


def given_numbers() -> Numbers:
    """Return the numbers of NESRA_RULES, else those that come with the town. Raises WrongSetting."""
    file = Path(os.environ.get("NESRA_RULES") or RULES)
    try:
        session, version = load(file, "session", SessionRules)
        world, _ = load(file, "world", WorldRules)
    except BadRules as error:
        raise WrongSetting(name="NESRA_RULES", demand=f"cannot be used: {error}") from error
    return Numbers(session, world, version)
