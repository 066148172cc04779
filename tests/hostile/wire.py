"""HTTP/1.1 as somebody writes it who does not want the town's best.

What is sent is well-formed as a message; what stands in it is whatever a case says,
such as httpx would refuse to send or would mend on its way.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
# As many requests under way: enough to keep a gateway busy, too few to queue in it.
AT_ONCE = 24
# A machine that is busy with other tests: what is told to come again comes again.
TRIES = 5
# More than the 10 s within which an answer is promised.
PATIENCE_S = 20.0

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Target and headers are sent as they are, one byte per character."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    is_chunked: bool = False

    def payload(self, host: str) -> bytes:
        """The bytes to send."""
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        if "host" not in given:
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.is_chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines).encode("latin-1") + HEAD_END
        return head + (_chunks(self.body) if self.is_chunked else self.body)


class Reply(NamedTuple):
    """An answer, to the last of `tries`; header names are in lower case."""

    status: int
    headers: dict[str, list[str]]
    body: bytes
    raw: bytes
    tries: int = 1

    def header(self, name: str) -> str:
        """The one header of that name, empty where there is none or are two."""
        found = self.headers.get(name, [])
        return found[0] if len(found) == 1 else ""


@dataclass(slots=True)
class Wire:
    """The kept connections to one gateway."""

    url: str
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def ask(self, ask: Ask) -> Reply:
        """The answer to a request, which is sent again for as long as it is told to come again.

        Raises OSError, EOFError or TimeoutError where none comes.
        """
        for tries in range(1, TRIES + 1):
            reply = (await self._asked(ask))._replace(tries=tries)
            if reply.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(reply.header("retry-after") or 1))
        return reply

    async def _asked(self, ask: Ask) -> Reply:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await self._connection()
            writer.write(ask.payload(urlsplit(self.url).netloc))
            reply = await _reply(reader, is_head=ask.method == "HEAD")
        if "close" in reply.header("connection").lower():
            writer.close()
        else:
            self._idle.append((reader, writer))
        return reply

    def close(self) -> None:
        """Closes every connection."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        place = urlsplit(self.url)
        return await asyncio.open_connection(place.hostname, place.port)


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """Lends a wire to the gateway there."""
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()


async def replies(url: str, asks: Iterable[Ask]) -> list[Reply]:
    """The answers to all of them, in their order; some are asked at the same time."""
    waiting = list(enumerate(asks))[::-1]
    found: dict[int, Reply] = {}

    async def work(wire: Wire) -> None:
        while waiting:
            number, ask = waiting.pop()
            try:
                found[number] = await wire.ask(ask)
            except (OSError, EOFError, TimeoutError) as error:
                message = f"no answer to {ask.method} {ask.target[:200]} {ask.headers}: {error!r}"
                raise AssertionError(message) from error

    async with wired(url) as wire, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work(wire))
    return [found[number] for number in range(len(found))]


async def _reply(reader: asyncio.StreamReader, *, is_head: bool) -> Reply:
    head = await reader.readuntil(HEAD_END)
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    body = b"" if is_head else await _body(reader, headers)
    return Reply(int(first.split(" ")[1]), headers, body, head + body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, list[str]]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ()):
        return await reader.readexactly(int(headers.get("content-length", ["0"])[0]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


def _chunks(body: bytes) -> bytes:
    """The body in pieces of 16 KiB and the end."""
    pieces = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
