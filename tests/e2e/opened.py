"""A whole town on this machine, opened as an operator opens it."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import psutil

# What an operator's terminal says must not reach the town under test.
# NESRA_SHARDS is the whole suite's: see tests/conftest.py.
INHERITED = {
    n: v for n, v in os.environ.items() if not n.startswith("NESRA_") or n == "NESRA_SHARDS"
}
# Far more than it takes, also on a machine that is busy with other tests.
PATIENCE_SECONDS = 60.0

WELCOME = "The town is open"


class Town:
    """A run of `nesra up` and what it has said so far."""

    def __init__(self, home: Path, port: int, settings: Mapping[str, str]) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        given = {"NESRA_HOME": str(home), "NESRA_PORT": str(port), **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "town", "up"],
            env=INHERITED | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # As a shell does, so that a Ctrl-C can be sent to the group.
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def await_line(self, part: str) -> str:
        """Return the next line that holds `part`. Fails with all that was said when there is none."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get(timeout=deadline - time.monotonic())) is not None:
                self.said.append(line)
                if part in line:
                    return line
        raise AssertionError("\n".join([f"nobody said {part!r}:", *self.said]))

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the town, PostgreSQL's among them."""
        return psutil.Process(self.process.pid).children()

    def process_of(self, part: str) -> psutil.Process | None:
        """Return the process whose command line holds `part`."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if any(part in word for word in process.cmdline()):
                    return process
        return None

    def await_that(self, fact: Callable[[], bool]) -> None:
        """Return when the fact holds; a town that cannot be reached has not come so far yet."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if fact():
                    return
            time.sleep(0.05)
        raise AssertionError("\n".join(["it never came true:", *self.said]))

    def await_ready(self) -> None:
        """Return when the gateway may take traffic."""
        self.await_that(lambda: httpx.get(f"{self.url}/readyz").is_success)

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: every process of the foreground group gets the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def await_end(self) -> int:
        """Return the exit code, once it has ended and all that it said was heard."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._listener.join(PATIENCE_SECONDS)
        while (line := self._lines.get(timeout=PATIENCE_SECONDS)) is not None:
            self.said.append(line)
        self._lines.put(None)
        return code

    def _listen(self) -> None:
        with self.process.stdout or contextlib.nullcontext(()) as output:
            for line in output:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


@contextlib.contextmanager
def started(home: Path, **settings: str) -> Iterator[Town]:
    """Lend a town that has just been started; it is closed afterwards if it still runs."""
    town = Town(home, free_port(), settings)
    try:
        yield town
    finally:
        town.process.terminate()
        town.await_end()


@contextlib.contextmanager
def opened(home: Path, **settings: str) -> Iterator[Town]:
    """Lend a town that is open."""
    with started(home, **settings) as town:
        town.await_line(WELCOME)
        yield town


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def processes_on(folder: Path) -> list[str]:
    """Return the command lines of the processes that name the folder."""
    found = (process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
    lines = (" ".join(words or ()) for words in found)
    return [line for line in lines if str(folder) in line]
