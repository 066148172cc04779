"""Make the roles and databases that are missing, and bring every service's tables up to date."""

import argparse
import os

from town.databases import migrate, prepare
from town.failures import WrongSetting

SHORTEST_SECRET = 32


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Take none: NESRA_DATABASE_URL names the server, NESRA_SECRET makes the passwords."""


def run(_arguments: argparse.Namespace) -> int:
    """Prepare and migrate; safe to repeat. Returns 0; raises CannotOpen."""
    urls = prepare(demanded("NESRA_DATABASE_URL"), secret())
    migrate(urls)
    print(f"The databases of {', '.join(urls)} are up to date.")
    return 0


def secret() -> str:
    """Return NESRA_SECRET. Raises WrongSetting when it is missing or short."""
    found = demanded("NESRA_SECRET")
    if len(found) < SHORTEST_SECRET:
        demand = f"must have at least {SHORTEST_SECRET} characters"
        raise WrongSetting(name="NESRA_SECRET", demand=demand)
    return found


def demanded(name: str) -> str:
    """Return the value of an environment variable. Raises WrongSetting when it is missing."""
    value = os.environ.get(name)
    if not value:
        raise WrongSetting(name=name, demand="is missing")
    return value
