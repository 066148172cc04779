"""A client of the town that costs little: HTTP/1.1 over kept connections, one per request under way."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from bench.driver import HEAD_END, HOST, LENGTH, STATUS

RETRY_AFTER = b"retry-after:"
CLOSING = b"connection: close"
# More than the 10 s within which an answer is promised, so that a late one is seen to be late.
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request; without a token it is sent without identity, `key` makes it an Idempotency-Key's."""

    method: str
    path: str
    token: str = ""
    body: str = ""
    key: str = ""

    def payload(self) -> bytes:
        """The bytes to send."""
        content = self.body.encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if self.key:
            lines.append(f"Idempotency-Key: {self.key}")
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return "\r\n".join(lines).encode() + HEAD_END + content


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; status 0 where none came: a reset, a refused connection, silence.

    `was_sent` is false where nobody took the connection: then nothing can have been done.
    """

    status: int
    body: Any = field(default_factory=dict)
    retry_after_s: float = 0.0
    was_sent: bool = True

    @property
    def is_ok(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300


class Client:
    """The connections to one gateway."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: Request) -> Answer:
        """The answer to a request, sent once. Never raises for what a network or a server does."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await self._connection()
        except (OSError, TimeoutError):
            return Answer(0, was_sent=False)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._asked(request, reader, writer)
        except (OSError, EOFError, TimeoutError):
            return Answer(0)

    def close(self) -> None:
        """Closes the connections that are idle."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that is idle and still open, else a new one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(HOST, self._port)

    async def _asked(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        keeps = False
        try:
            writer.write(request.payload())
            head = (await reader.readuntil(HEAD_END)).lower()
            body = await reader.readexactly(int(_value(head, LENGTH) or 0))
            keeps = CLOSING not in head
        finally:
            if keeps:
                self._idle.append((reader, writer))
            else:
                writer.close()
        said = json.loads(body) if body else {}
        return Answer(int(head[STATUS]), said, float(_value(head, RETRY_AFTER) or 0))


def _value(head: bytes, name: bytes) -> bytes:
    """A header's value, empty where it is not there."""
    at = head.find(name)
    return head[at + len(name) :].split(b"\r", 1)[0].strip() if at >= 0 else b""
