"""The secret of a town: what its services show each other, and what passwords of databases follow from."""

import os
from typing import Final

from town.failures import WrongSetting

SHORTEST: Final = 32


def given_secret() -> str | None:
    """Return NESRA_SECRET, None where it is not set. Raises WrongSetting when it is too short."""
    secret = os.environ.get("NESRA_SECRET") or None
    if secret is not None and len(secret) < SHORTEST:
        raise WrongSetting(name="NESRA_SECRET", demand=f"must have at least {SHORTEST} characters")
    return secret
