"""Be one process of the town: a service, the gateway, or a worker of jobs."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from town.databases import SERVICES, own_url, url_of
from town.failures import CannotOpen

# What each process of the town runs.
MODULES: Final = {name: f"services.{name}" for name in SERVICES} | {
    "worker": "services.kit.worker",
    "gateway": "gateway",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the name of the process."""
    parser.add_argument("name", choices=[*SERVICES, "worker", "gateway"])
    parser.add_argument(
        "of", nargs="*", metavar="SERVICE", help="of a worker: whose jobs it runs; all unless given"
    )


def run(arguments: argparse.Namespace) -> int:
    """Become the process; never returns. What it needs stands in the environment, and it names what is missing."""
    name, of = str(arguments.name), [str(service) for service in arguments.of]
    _demand_services(name, of)
    environment = dict(os.environ)
    for service in databases(name, of):
        environment |= derived(service)
    argv = [sys.executable, "-m", MODULES[name], *of]
    os.execve(sys.executable, argv, environment)  # noqa: S606 - that is the command


def databases(name: str, of: Sequence[str] = ()) -> Sequence[str]:
    """Return the services whose databases a process uses; `of` are those whose jobs a worker runs."""
    if name == "worker":
        return of or SERVICES
    return [] if name == "gateway" else [name]


def _demand_services(name: str, of: Sequence[str]) -> None:
    strangers = [service for service in of if service not in SERVICES]
    if strangers or (of and name != "worker"):
        sentence = f"`nesra serve {name}` knows no {' '.join(strangers or of)}."
        raise CannotOpen(sentence)


def derived(service: str) -> dict[str, str]:
    """Return the service's database URL where NESRA_DATABASE_URL names a server but no user.

    The service then comes as the role that `nesra migrate` made for it there, with the password that follows from
    NESRA_SECRET.
    """
    server, secret = os.environ.get("NESRA_DATABASE_URL"), os.environ.get("NESRA_SECRET")
    if own_url(service) or not server or not secret or urlsplit(server).username:
        return {}
    return {f"NESRA_{service.upper()}_DATABASE_URL": url_of(service, server=server, secret=secret)}
