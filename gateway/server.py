"""Serving: one process, slow senders cut off, and a drain that loses nothing."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.envelope import Drain
from gateway.input import WHOLE

# From its first byte to its last, a request arrives within this.
REQUEST_WITHIN_S = 10.0
# More than the 16 KiB that get a proper answer; beyond it nobody reads on.
MAX_HEAD_BYTES = 64 * 1024
KEEP_ALIVE_S = 75
# Below the time that whoever stops us waits before the kill.
DRAIN_S = 10

log = structlog.get_logger(__name__)


class _Part(Enum):
    """Which part of a request is due."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


class InOnePiece(asyncio.Transport):
    """A transport that sends the head of an answer together with its body.

    uvicorn writes the one, then the other; for the kernel, and for whoever receives
    them, one write is half of two. A head whose body is not there yet goes alone.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Holds the first piece until the second comes, or everybody else had a turn."""
        if self._held:
            self._transport.write(self._held + data)
            self._held = b""
        else:
            self._held = bytes(data)
            self._loop.call_soon(self._send_held)

    def close(self) -> None:
        """Closes when all is sent."""
        self._send_held()
        self._transport.close()

    def is_closing(self) -> bool:
        """As the transport itself."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the transport itself."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """As the transport itself."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """As the transport itself."""
        self._transport.resume_reading()

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        # Nobody receives what a lost connection held.
        if held and not self._transport.is_closing():
            self._transport.write(held)


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, which by itself would wait for a slow sender for ever."""

    _due = _Part.HEAD
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Starts the clock: the first request is due."""
        super().connection_made(InOnePiece(transport, self.loop))
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._due = _Part.NOTHING
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what arrived."""
        super().data_received(data)
        self._head_bytes += len(data)
        if self._due is _Part.HEAD and self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()
        self._watch()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._due, self._head_bytes = _Part.HEAD, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its headers are there."""
        self._due = _Part.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole."""
        self._due = _Part.NOTHING
        self.scope["state"][WHOLE] = True
        super().on_message_complete()

    def _watch(self) -> None:
        """Runs the clock as long as something is due."""
        if self._due is _Part.NOTHING:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self.transport.close)


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
