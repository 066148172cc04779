"""What is measured: a town of the bench's own and the monolith beside it, on one PostgreSQL."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg

from bench.demand import demand, stop
from town.account import ourselves
from town.home import Home

HOST = "127.0.0.1"
NAMES = {
    "services.auth": "auth",
    "services.session": "session",
    "services.inventory": "inventory",
    "services.world": "world",
    "services.kit.worker": "worker",
    "gateway": "gateway",
    "bin/postgres": "postgres",
}
READY_WITHIN_S = 90.0
ENDED_WITHIN_S = 60.0
Spent = dict[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """Something open that speaks /api: where it listens, and its processes by name."""

    name: str
    port: int
    processes: dict[str, psutil.Process]

    def spent(self) -> Spent:
        """CPU seconds that each process has spent since it began; PostgreSQL's with all its own."""
        return {name: cpu_s(process) for name, process in self.processes.items()}

    def memory_mib(self) -> dict[str, float]:
        """What each process holds with all its own; pages that several share count in part (PSS)."""
        return {name: _held(process) / 2**20 for name, process in self.processes.items()}


def _held(process: psutil.Process) -> float:
    return sum(_own_bytes(one) for one in (process, *process.children(recursive=True)))


def _own_bytes(process: psutil.Process) -> float:
    # PostgreSQL's children come and go.
    with contextlib.suppress(psutil.NoSuchProcess):
        info = process.memory_full_info()
        # Only Linux knows the share of a shared page; elsewhere what a process holds alone.
        return float(getattr(info, "pss", info.uss))
    return 0.0


@contextlib.contextmanager
def opened_town() -> Iterator[tuple[Target, Home]]:
    """Lends a town on data of its own, opened as an operator does, and its folder."""
    with tempfile.TemporaryDirectory(prefix="nesra-bench-") as folder:
        home, port = Home(Path(folder, "home")), free_port()
        settings = {"NESRA_HOME": str(home.folder), "NESRA_PORT": str(port)}
        settings |= {"NESRA_RATE_LIMITS": "off", "NESRA_SANDBOX": "1"}
        command = [sys.executable, "-m", "town", "up"]
        print(f"The town's logs: {home.log}", file=sys.stderr)
        with _running("town", command, settings, port, Path(folder, "town.log")) as supervisor:
            yield Target("town", port, _processes(supervisor)), home


@contextlib.contextmanager
def opened_monolith(home: Home, postgres: psutil.Process) -> Iterator[Target]:
    """Lends the monolith, on a database of its own on that town's server."""
    server = home.postgres()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE baseline")
    port = free_port()
    url = server.url("baseline").replace("postgresql://", "postgresql+psycopg://")
    settings = {"BASELINE_DATABASE_URL": url, "BASELINE_SECRET": secrets.token_urlsafe(32)}
    command = [sys.executable, "-m", "bench.baseline", str(port)]
    log = home.log / "baseline.log"
    with _running("monolith", command, settings, port, log) as supervisor:
        processes = {"monolith": psutil.Process(supervisor), "postgres": postgres}
        yield Target("monolith", port, processes)


def require_clear(home: Home) -> None:
    """Passes when `nesra verify` finds nothing in that town. Exits otherwise."""
    command = [sys.executable, "-m", "town", "verify"]
    done = subprocess.run(
        command,
        env=_environment({"NESRA_HOME": str(home.folder)}),
        capture_output=True,
        text=True,
        check=False,
    )
    demand(done.returncode == 0, f"nesra verify says\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def _running(
    name: str, command: list[str], settings: Mapping[str, str], port: int, log: Path
) -> Iterator[int]:
    """Lends the number of a process that serves on `port`. Exits when it does not."""
    with log.open("w") as output:
        process = subprocess.Popen(
            # Also a bench that is killed leaves nothing behind.
            ourselves().command(command),
            env=_environment(settings),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_ready(name, process, port, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        _await_end(name, process)


def _await_end(name: str, process: "subprocess.Popen[bytes]") -> None:
    """Waits until it has ended; what hangs is killed, and does not cost the figures."""
    try:
        process.wait(ENDED_WITHIN_S)
    except subprocess.TimeoutExpired:
        print(f"the {name} did not end by itself", file=sys.stderr)
        # With all that it started, in the session that it leads.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {n: v for n, v in os.environ.items() if not n.startswith("NESRA_")}
    return inherited | dict(settings)


def _await_ready(name: str, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://{HOST}:{port}/readyz").is_success:
                return
        time.sleep(0.2)
    stop(f"the {name} did not open:\n{log.read_text()}")


def _processes(supervisor: int) -> dict[str, psutil.Process]:
    found = {}
    for child in psutil.Process(supervisor).children():
        words = child.cmdline()
        for part, name in NAMES.items():
            if any(word == part or word.endswith(part) for word in words):
                found[name] = child
    missing = set(NAMES.values()) - set(found)
    demand(not missing, f"these processes were not found: {sorted(missing)}")
    return found


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and all that it started; what has ended is kept by its parent."""
    try:
        times = process.cpu_times()
        children = process.children()
    except psutil.NoSuchProcess:
        return 0.0
    own = _clock_s(process.pid) or times.user + times.system
    ended = times.children_user + times.children_system
    return float(own + ended + sum(cpu_s(child) for child in children))


def _clock_s(pid: int) -> float:
    """The CPU clock of another process to the nanosecond, on Linux; 0 where there is none.

    psutil counts in ticks of 10 ms, too coarse for a process that does little.
    """
    with contextlib.suppress(OSError):
        if sys.platform == "linux":
            return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    return 0.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
