"""A client of the town that costs little: HTTP/1.1 over kept connections, one per request under way."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from bench.driver import HEAD_END, HOST, LENGTH, STATUS, Request

RETRY_AFTER = b"retry-after:"
CLOSING = b"connection: close"
# More than the 10 s within which an answer is promised, so that a late one is seen to be late.
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; status 0 where none came: a reset, a refused connection, silence."""

    status: int
    body: Any = field(default_factory=dict)
    retry_after_s: float = 0.0

    @property
    def is_ok(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300


NONE = Answer(0)


class Client:
    """The connections to one gateway."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: Request) -> Answer:
        """The answer to a request, sent once. Never raises for what a network or a server does."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._asked(request)
        except (OSError, EOFError, TimeoutError):
            return NONE

    def close(self) -> None:
        """Closes the connections that are idle."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _asked(self, request: Request) -> Answer:
        reader, writer = self._idle.pop() if self._idle else await self._connected()
        is_whole = False
        try:
            writer.write(request.payload())
            head = (await reader.readuntil(HEAD_END)).lower()
            body = await reader.readexactly(int(_value(head, LENGTH) or 0))
            is_whole = True
        finally:
            if is_whole and CLOSING not in head:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return Answer(
            int(head[STATUS]),
            json.loads(body) if body else {},
            float(_value(head, RETRY_AFTER) or 0),
        )

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self._port)


def _value(head: bytes, name: bytes) -> bytes:
    """A header's value, "" where it is not there."""
    at = head.find(name)
    return head[at + len(name) :].split(b"\r", 1)[0].strip() if at >= 0 else b""
