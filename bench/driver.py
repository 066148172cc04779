"""Clients that cost little: HTTP/1.1 over kept connections, with request bytes made beforehand.

Each client sends its next request when it has the answer to the last. What is read of an answer while the clock
runs is its status and its length; whoever wants to know more looks at the body afterwards.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"
STATUS: Final = slice(len("HTTP/1.1 "), len("HTTP/1.1 200"))


class ConnectionEnded(Exception):
    """The gateway closed a connection that was in use."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body, and the seconds from sending the request to having the whole answer."""

    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Window:
    """The answers in the order of the requests, and the seconds that all of them took together."""

    answers: Sequence[Answer]
    seconds: float


def request(call: str, *, token: str = "", body: object = None) -> bytes:
    """Return the bytes of a request, such as `request("GET /api/profile", token=…)`; the body becomes JSON."""
    content = b"" if body is None else orjson.dumps(body)
    lines = [f"{call} HTTP/1.1", "Host: localhost"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + HEAD_END + content


def whole(received: bytes | bytearray) -> tuple[int, bytes] | None:
    """Return status and body of an answer, or None while a part of it is missing."""
    end = received.find(HEAD_END)
    if end < 0:
        return None
    body = end + len(HEAD_END)
    if len(received) < body + _length(bytes(received[:end]).lower()):
        return None
    return int(received[STATUS]), bytes(received[body:])


def _length(head: bytes) -> int:
    at = head.find(LENGTH)
    # Only an answer that has no body, such as 204, names no length.
    return int(head[at + len(LENGTH) :].split(b"\r", 1)[0]) if at >= 0 else 0


class Client(asyncio.Protocol):
    """One connection, and one request under way at most."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._sent_at = 0.0
        self._requests: Iterator[tuple[int, bytes]] = iter(())
        self._answers: list[Answer | None] = []
        self._under_way = 0
        self._done: asyncio.Future[None] | None = None

    def work(
        self, requests: Iterator[tuple[int, bytes]], answers: list[Answer | None]
    ) -> asyncio.Future[None]:
        """Take requests off the shared queue until none is left; what it lends is done then.

        The answers are put where the requests' numbers say. Ends with ConnectionEnded where the gateway hangs up.
        """
        self._requests, self._answers = requests, answers
        self._done = asyncio.get_running_loop().create_future()
        self._send_next()
        return self._done

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: Any) -> None:
        """Keep what we write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Go on to the next request once the answer is whole."""
        self._received += data
        if found := whole(self._received):
            taken = time.perf_counter() - self._sent_at
            self._answers[self._under_way] = Answer(*found, taken)
            self._received.clear()
            self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for an answer that there will be none."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionEnded())

    def _send_next(self) -> None:
        for self._under_way, payload in self._requests:
            self._sent_at = time.perf_counter()
            self._transport.write(payload)
            return
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


@contextlib.asynccontextmanager
async def connected(host: str, port: int, count: int) -> AsyncIterator[list[Client]]:
    """Lend clients with a connection each. Raises OSError."""
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    try:
        for _ in range(count):
            _, client = await loop.create_connection(Client, host, port)
            clients.append(client)
        yield clients
    finally:
        for client in clients:
            client.close()


async def work_off(clients: Sequence[Client], requests: Sequence[bytes]) -> Window:
    """Send all requests, as many at once as there are clients. Raises ConnectionEnded, or an OSError."""
    answers: list[Answer | None] = [None] * len(requests)
    queue = iter(enumerate(requests))
    began = time.perf_counter()
    await asyncio.gather(*[client.work(queue, answers) for client in clients])
    took = time.perf_counter() - began
    return Window([answer for answer in answers if answer is not None], took)
