"""Clients who send slowly, hundreds at a time: none of what they begin is ever whole.

Each connects, sends a byte a second, and comes back as soon as it is sent away.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: town\r\n"
BODY = b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
# What each sends at once, before it slows down: half a line, half a head, a head and one byte.
BEGINNINGS: Sequence[bytes] = (b"GET /", HEAD, HEAD + BODY)
EVERY_S = 1.0


def stand_around(url: str, count: int, seconds: float) -> list[float]:
    """Has so many slow clients bother a server for that long; how long each was borne."""
    return asyncio.run(_crowd(url, count, seconds))


async def _crowd(url: str, count: int, seconds: float) -> list[float]:
    stays: list[float] = []
    beginnings = itertools.islice(itertools.cycle(BEGINNINGS), count)
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as crowd:
        for beginning in beginnings:
            crowd.create_task(_again_and_again(url, beginning, until, stays))
    return stays


async def _again_and_again(url: str, beginning: bytes, until: float, stays: list[float]) -> None:
    while time.monotonic() < until:
        began = time.monotonic()
        await _stay(url, beginning, until)
        # Whoever leaves by themselves was not sent away.
        if time.monotonic() < until:
            stays.append(time.monotonic() - began)


async def _stay(url: str, beginning: bytes, until: float) -> None:
    """Sends a byte now and then until the server has enough of it."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    reader, writer = await asyncio.open_connection(host, port)
    closed = asyncio.create_task(_until_closed(reader))
    with contextlib.closing(writer):
        writer.write(beginning)
        while time.monotonic() < until and not closed.done():
            await asyncio.wait({closed}, timeout=EVERY_S)
            writer.write(b"x")
    await closed


async def _until_closed(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        await reader.read()
