"""A town of the harness' own: every process can be harmed, and so can every link.

Its processes are those of `nesra up`, started by the same code. Callers reach a service
through one proxied link per caller and replica, services reach PostgreSQL through one
link per process.
"""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from services.kit.settings import RULES
from tests.e2e.opened import INHERITED
from tests.faults.keeper import Keeper
from tests.faults.patience import await_that
from tests.faults.ports import quiet_port
from tests.faults.proxy import HOST, Link, Proxy
from tests.service.peers import SECRET
from town.databases import SERVICES, migrate, prepare
from town.processes import Spec
from town.readiness import gateway_is_ready, service_is_ready

# Whom each kind of process calls.
CALLS: Mapping[str, tuple[str, ...]] = {
    "gateway": SERVICES,
    "session": ("inventory", "world"),
    "auth": (),
    "inventory": (),
    "world": (),
}
# Longer than anything here takes on a busy machine, shorter than a test's patience.
READY_WITHIN_S = 60.0
# What a process that hangs says when it is ended by SIGABRT, and how long that takes.
LAST_WORDS = 8000
LAST_WORDS_S = 1.0


@dataclass(frozen=True, slots=True)
class Layout:
    """How many of each process a town has, and how often its sessions drop (of 10,000)."""

    replicas: int = 1
    gateways: int = 2
    drop_chance: int = 1000


class Town:
    """An open town. Names of processes: `gateway-1`, `session-1`; of links: (caller, callee)."""

    def __init__(self, folder: Path, layout: Layout, keeper: Keeper, proxy: Proxy) -> None:
        self.folder = folder
        self.layout = layout
        self.points = folder / "points"
        self.links: dict[tuple[str, str], Link] = {}
        self._keeper = keeper
        self._proxy = proxy
        self._ports = {name: quiet_port() for name in self.gateways}
        self._common = self._told_to_all()
        self.databases: dict[str, str] = {}

    @property
    def gateways(self) -> list[str]:
        """The names of the gateways."""
        return [f"gateway-{n + 1}" for n in range(self.layout.gateways)]

    @property
    def services(self) -> list[str]:
        """The names of all replicas of all services."""
        return [f"{service}-{n + 1}" for service in SERVICES for n in range(self.layout.replicas)]

    @property
    def urls(self) -> dict[str, str]:
        """Where each gateway answers."""
        return {name: f"http://{HOST}:{port}" for name, port in self._ports.items()}

    def port_of(self, gateway: str) -> int:
        """Where a gateway listens."""
        return self._ports[gateway]

    def target_of(self, service: str) -> str:
        """Where the first replica of a service listens, past every proxy."""
        return f"unix:{self._socket(f'{service}-1')}"

    def open(self) -> None:
        """Prepares the databases, starts every process and returns when all are ready."""
        self.points.mkdir()
        self._keeper.await_postgres()
        self.databases = prepare(self._keeper.postgres.url(), self._common["NESRA_SECRET"])
        migrate(self.databases)
        for name in (*self.services, *self.gateways):
            self._keeper.keep(self.spec(name))
        for name in (*self.services, *self.gateways):
            self.await_ready(name)

    def spec(self, name: str, *, skew_s: float = 0.0) -> Spec:
        """How a process is started; with a skew, its clock is so many seconds ahead."""
        kind = name.partition("-")[0]
        module = "gateway" if kind == "gateway" else f"services.{kind}"
        wrapped = ("tests.faults.skewed", str(skew_s), module) if skew_s else (module,)
        own = self._gateway_env(name) if kind == "gateway" else self._service_env(name)
        return Spec(
            name=name,
            argv=(sys.executable, "-m", *wrapped),
            env={**self._common, **own, **self._targets(name)},
            is_ready=partial(self._is_ready, name),
        )

    def kill(self, name: str) -> None:
        """Kills a process; it is started again at once, as the operator's town does."""
        self._signal(name, signal.SIGKILL)

    def suspend(self, name: str) -> None:
        """Hangs a process: it keeps its connections and does nothing."""
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a hung process go on."""
        self._signal(name, signal.SIGCONT)

    def restart(self, name: str, *, skew_s: float = 0.0) -> None:
        """Has a process drain and start again, with its clock so far ahead; returns when it is ready."""
        self._keeper.replace(
            self.spec(name, skew_s=skew_s),
            otherwise=lambda: f"{name} does not drain: {self.last_words(name)}",
        )
        self.await_ready(name)

    def restart_postgres(self, how: signal.Signals) -> None:
        """Ends PostgreSQL: SIGINT is its fast stop, SIGQUIT its immediate one. It is started again."""
        self._keeper.end_postgres(how)

    def kill_backend(self, number: int) -> None:
        """Kills one of the processes in which PostgreSQL serves us, chosen by the number."""
        self._keeper.kill_backend(number)

    def await_postgres(self) -> None:
        """Returns when PostgreSQL answers."""
        self._keeper.await_postgres()

    def pids(self) -> dict[str, int | None]:
        """The numbers of all processes of the town."""
        return {name: self._keeper.pid_of(name) for name in (*self.services, *self.gateways)}

    def is_ready(self, name: str) -> bool:
        """Whether a process may take traffic."""
        return self._is_ready(name)

    def await_ready(self, name: str) -> None:
        """Returns when a process may take traffic. Fails with its last words when it never does."""
        await_that(
            lambda: self._keeper.runs(name) and self._is_ready(name),
            within_s=READY_WITHIN_S,
            otherwise=lambda: f"{name} is not ready: {self.last_words(name)}",
        )

    def await_all_ready(self) -> None:
        """Returns when every process may take traffic."""
        for name in (*self.services, *self.gateways):
            self.await_ready(name)

    def arm(self, point: str, action: str) -> None:
        """Has whoever reaches a fail point next do something there: `kill`, `raise`, `hang 10`."""
        unarmed = self.points / f"{point}.new"
        unarmed.write_text(action)
        unarmed.rename(self.points / point)

    def is_armed(self, point: str) -> bool:
        """Whether nobody came to an armed point yet."""
        return (self.points / point).exists()

    def disarm(self, point: str) -> None:
        """Makes an armed point harmless."""
        (self.points / point).unlink(missing_ok=True)

    def heal(self) -> None:
        """Heals every link and lets every hung process go on."""
        for link in self.links.values():
            link.heal()
        for name in (*self.services, *self.gateways):
            self.resume(name)

    def last_words(self, name: str) -> str:
        """What a process said last, its signals, and where each of its threads is; ends it."""
        file = self.folder / "log" / f"{name}.log"
        signals = self._signals_of(name)
        self._signal(name, signal.SIGABRT)
        time.sleep(LAST_WORDS_S)
        said = file.read_text(errors="replace")[-LAST_WORDS:] if file.exists() else "nothing"
        return f"{signals}\n{said}"

    def _signals_of(self, name: str) -> str:
        """Which signals wait, are held back, ignored and caught, as Linux tells it."""
        status = Path(f"/proc/{self._keeper.pid_of(name)}/status")
        if not status.exists():
            return "it is gone, or this is not Linux"
        return " ".join(re.findall(r"(?:Sig|Shd)\w+:\s*\w+", status.read_text()))

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self._keeper.pid_of(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _is_ready(self, name: str) -> bool:
        if name in self._ports:
            return gateway_is_ready(HOST, self._ports[name])
        return service_is_ready(f"unix:{self._socket(name)}")

    def _socket(self, name: str) -> Path:
        return self.folder / "s" / f"{name}.sock"

    def _told_to_all(self) -> dict[str, str]:
        rules = self.folder / "rules.toml"
        text = RULES.read_text()
        chosen = text.replace("drop_chance = 1000", f"drop_chance = {self.layout.drop_chance}")
        rules.write_text(chosen)
        return INHERITED | {
            "NESRA_SECRET": SECRET,
            "NESRA_HOME": str(self.folder),
            "NESRA_ENVIRONMENT": "development",
            "NESRA_SANDBOX": "1",
            "NESRA_RATE_LIMITS": "off",
            "NESRA_FAIL_POINTS": str(self.points),
            "NESRA_RULES": str(rules),
            "PYTHONFAULTHANDLER": "1",
        }

    def _gateway_env(self, name: str) -> dict[str, str]:
        return {"NESRA_HOST": HOST, "NESRA_PORT": str(self._ports[name])}

    def _service_env(self, name: str) -> dict[str, str]:
        service = name.partition("-")[0]
        place = self._keeper.postgres_socket()
        port = self._link(name, "postgres", place).port
        url = urlsplit(self.databases[service])
        login = url.netloc.rpartition("@")[0]
        through = url._replace(netloc=f"{login}@{HOST}:{port}", query="").geturl()
        prefix = f"NESRA_{service.upper()}"
        return {f"{prefix}_LISTEN": f"unix:{self._socket(name)}", f"{prefix}_DATABASE_URL": through}

    def _targets(self, name: str) -> dict[str, str]:
        kind = name.partition("-")[0]
        return {f"NESRA_{s.upper()}_TARGET": self._target(name, s) for s in CALLS[kind]}

    def _target(self, caller: str, service: str) -> str:
        """Every replica of a service, each through the caller's own link to it."""
        replicas = [f"{service}-{n + 1}" for n in range(self.layout.replicas)]
        links = [self._link(caller, replica, self._socket(replica)) for replica in replicas]
        return "ipv4:" + ",".join(f"{HOST}:{link.port}" for link in links)

    def _link(self, caller: str, callee: str, place: Path) -> Link:
        if (caller, callee) not in self.links:
            self.links[caller, callee] = self._proxy.link(place)
        return self.links[caller, callee]


@contextlib.contextmanager
def opened(folder: Path, layout: Layout) -> Iterator[Town]:
    """Lends an open town; afterwards nothing of it is left running."""
    (folder / "s").mkdir(parents=True)
    with Proxy() as proxy, Keeper(folder) as keeper:
        town = Town(folder, layout, keeper, proxy)
        town.open()
        yield town
        town.heal()
