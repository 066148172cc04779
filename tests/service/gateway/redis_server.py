"""A Redis of a test's own, which can be killed, started anew, and made to hang."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

# Set by .ci/run, where nothing that is missing is skipped.
NOTHING_SKIPPED = "NESRA_TESTS_NOTHING_SKIPPED"


class RedisServer:
    """Keeps nothing: whoever starts anew is empty."""

    def __init__(self, program: str, folder: Path) -> None:
        self._socket = folder / "r"
        self.url = f"unix://{self._socket}"
        keeping_nothing = ("--save", "", "--appendonly", "no", "--dir", str(folder))
        self._command = (
            program,
            "--port",
            "0",
            "--unixsocket",
            str(self._socket),
            *keeping_nothing,
        )
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            threading.Event().wait(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """Takes connections and commands, and answers none, until it is killed."""
        self._process.send_signal(signal.SIGSTOP)

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Skips the test where none is installed."""
    program = shutil.which("redis-server")
    if program is None:
        assert NOTHING_SKIPPED not in os.environ, "redis-server is not installed"
        pytest.skip("redis-server is not installed (on Debian: apt-get install redis-server)")
    # The path of a socket has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="nesra-r-") as folder:
        server = RedisServer(program, Path(folder))
        try:
            yield server
        finally:
            server.kill()
