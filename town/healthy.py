"""Tell by the exit code whether a process of the town may take traffic: for a container's health check."""

import argparse

from services.kit.settings import PORTS, LinkSettings, WorkerSettings, load, target_of
from town.address import Address
from town.readiness import gateway_is_ready, service_is_ready, worker_is_ready


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the name of the process."""
    parser.add_argument("name", choices=[*PORTS, "worker", "gateway"])


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when the process is ready, 1 when not. Exits with 2 when the links are set up wrongly."""
    name = str(arguments.name)
    return 0 if _is_ready(name) else 1


def _is_ready(name: str) -> bool:
    if name == "worker":
        return worker_is_ready(load(WorkerSettings).beat)
    if name != "gateway":
        return service_is_ready(target_of(name), load(LinkSettings).tls)
    address = Address.from_environment()
    return gateway_is_ready(address.reachable_host, address.port)
