"""Make the roles and databases that are missing, and bring every service's tables up to date."""

import argparse
import os

from town.databases import SERVICES, migrate, own_url, prepare
from town.failures import WrongSetting
from town.secret import given_secret


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Take none: NESRA_DATABASE_URL names the server, NESRA_SECRET makes the passwords."""


def run(_arguments: argparse.Namespace) -> int:
    """Prepare and migrate; safe to repeat. Returns 0; raises CannotOpen."""
    server = os.environ.get("NESRA_DATABASE_URL")
    if not server and not all(own_url(service) for service in SERVICES):
        raise WrongSetting(name="NESRA_DATABASE_URL", demand="is missing")
    secret = given_secret()
    if secret is None:
        raise WrongSetting(name="NESRA_SECRET", demand="is missing")
    urls = prepare(server or "", secret)
    migrate(urls)
    print(f"The databases of {', '.join(urls)} are up to date.")
    return 0
