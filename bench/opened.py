"""A town of the bench's own, and what its processes spend."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from town.account import ourselves

NAMES = {
    "services.auth": "auth",
    "services.session": "session",
    "services.inventory": "inventory",
    "services.world": "world",
    "gateway": "gateway",
    "bin/postgres": "postgres",
}
READY_WITHIN_S = 90.0
Spent = dict[str, float]


@dataclass(frozen=True, slots=True)
class Town:
    """An open town: where it listens, and its processes by name."""

    port: int
    processes: dict[str, psutil.Process]

    def spent(self) -> Spent:
        """CPU seconds that each process has spent since it began; PostgreSQL's with all its own."""
        return {name: cpu_s(process) for name, process in self.processes.items()}


@contextlib.contextmanager
def opened() -> Iterator[Town]:
    """Lends a town on data of its own, opened as an operator does."""
    with tempfile.TemporaryDirectory(prefix="nesra-bench-") as folder, _free_port() as port:
        log = Path(folder, "bench.log")
        settings = {"NESRA_HOME": f"{folder}/home", "NESRA_PORT": str(port)}
        settings |= {"NESRA_RATE_LIMITS": "off", "NESRA_SANDBOX": "1"}
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("NESRA_")}
        with log.open("w") as output:
            process = subprocess.Popen(
                # Also a bench that is killed leaves no town behind.
                ourselves().command([sys.executable, "-m", "town", "up"]),
                env=inherited | settings,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _await_ready(process, port, log)
            yield Town(port, _processes(process.pid))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _await_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz").is_success:
                return
        time.sleep(0.2)
    raise SystemExit("The town did not open:\n" + log.read_text())


def _processes(supervisor: int) -> dict[str, psutil.Process]:
    found = {}
    for child in psutil.Process(supervisor).children():
        words = child.cmdline()
        for part, name in NAMES.items():
            if any(word == part or word.endswith(part) for word in words):
                found[name] = child
    missing = set(NAMES.values()) - set(found)
    if missing:
        message = f"These processes were not found: {sorted(missing)}"
        raise SystemExit(message)
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


@contextlib.contextmanager
def _free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    yield port
