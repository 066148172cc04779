"""Serving: one process, and a drain that loses nothing."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.envelope import Drain
from gateway.protocol import Protocol

KEEP_ALIVE_S = 75
# Below the time that whoever stops us waits before the kill.
DRAIN_S = 10

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """Drains on SIGTERM and SIGINT, and then returns as if nothing had happened."""

    def __init__(self, app: FastAPI, drain: Drain, notice_s: float) -> None:
        super().__init__(configured(app))
        self._drain = drain
        self._notice_s = notice_s

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's own, ends a drained process with exit code 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave)
        yield

    def _leave(self) -> None:
        if not self._drain.is_on:
            log.info("draining")
            self._drain.is_on = True
            asyncio.get_running_loop().call_later(self._notice_s, self._close_the_door)

    def _close_the_door(self) -> None:
        self.should_exit = True


def configured(app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves the gateway."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whose word counts for where a request comes from, addresses.py knows.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )


def notice_s(*, is_production: bool) -> float:
    """How long answers close their connections, and readiness says no, before the door closes.

    Seconds: in production a balancer that looks once a second has seen it by then.
    """
    return 1.5 if is_production else 0.2


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there soon. Raises OSError."""
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, proto)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        # Taken ports are noticed only now where another socket is bound but idle.
        found.listen(2048)
    except OSError:
        found.close()
        raise
    return found
