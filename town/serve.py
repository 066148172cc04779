"""Be one process of the town: a service, or the gateway."""

import argparse
import os
import sys
from urllib.parse import urlsplit

from town.databases import SERVICES, own_url, url_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the name of the process."""
    parser.add_argument("name", choices=[*SERVICES, "gateway"])


def run(arguments: argparse.Namespace) -> int:
    """Become the process; never returns. What it needs stands in the environment, and it names what is missing."""
    name = str(arguments.name)
    module = "gateway" if name == "gateway" else f"services.{name}"
    environment = os.environ | ({} if name == "gateway" else derived(name))
    os.execve(sys.executable, [sys.executable, "-m", module], environment)  # noqa: S606 - that is the command


def derived(service: str) -> dict[str, str]:
    """Return the service's database URL where NESRA_DATABASE_URL names a server but no user.

    The service then comes as the role that `nesra migrate` made for it there, with the password that follows from
    NESRA_SECRET.
    """
    server, secret = os.environ.get("NESRA_DATABASE_URL"), os.environ.get("NESRA_SECRET")
    if own_url(service) or not server or not secret or urlsplit(server).username:
        return {}
    return {f"NESRA_{service.upper()}_DATABASE_URL": url_of(service, server=server, secret=secret)}
