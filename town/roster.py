"""The processes of a town on one machine, and what each is told."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from town.address import Address
from town.databases import SERVICES
from town.processes import Spec
from town.readiness import gateway_is_ready, service_is_ready, worker_is_ready
from town.serve import MODULES


def stages(
    *, address: Address, sockets: Path, urls: Mapping[str, str], common: Mapping[str, str]
) -> list[list[Spec]]:
    """Return the processes in the order in which they stop: a caller before those whom it calls.

    `urls` are the databases by service; `common` is told to all, on top of our own environment.
    """
    targets = {service: f"unix:{sockets / service}.sock" for service in SERVICES}
    known = os.environ | common | {f"NESRA_{s.upper()}_TARGET": targets[s] for s in SERVICES}
    services = {s: _service(s, target=targets[s], url=urls[s], known=known) for s in SERVICES}
    gateway = Spec(
        name="gateway",
        argv=(sys.executable, "-m", "gateway"),
        env=known | {"NESRA_HOST": address.host, "NESRA_PORT": str(address.port)},
        is_ready=partial(gateway_is_ready, address.reachable_host, address.port),
    )
    session = services.pop("session")
    # What it does, nobody waits for; it calls nobody, and ends beside those whom the others call.
    worker = _worker(sockets / "worker.beat", urls=urls, known=known)
    return [[gateway], [session], [*services.values(), worker]]


def _worker(beat: Path, *, urls: Mapping[str, str], known: Mapping[str, str]) -> Spec:
    databases = {f"NESRA_{service.upper()}_DATABASE_URL": url for service, url in urls.items()}
    return Spec(
        name="worker",
        argv=(sys.executable, "-m", MODULES["worker"]),
        env={**known, **databases, "NESRA_WORKER_BEAT": str(beat)},
        is_ready=partial(worker_is_ready, beat),
    )


def _service(service: str, *, target: str, url: str, known: Mapping[str, str]) -> Spec:
    prefix = f"NESRA_{service.upper()}"
    return Spec(
        name=service,
        argv=(sys.executable, "-m", f"services.{service}"),
        env={**known, f"{prefix}_LISTEN": target, f"{prefix}_DATABASE_URL": url},
        is_ready=partial(service_is_ready, target),
    )
