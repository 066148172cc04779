"""A TCP proxy on a link between two processes, which can harm the link at run time.

Bytes are passed on as they are, in order, with the end of each direction. Who connects
through a link is connected at once; only then does the proxy turn to the server, as a
network that accepts a packet and loses it does.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import uvloop

Answer = TypeVar("Answer")
Side = Literal["server", "client"]
# Where a server listens: a unix socket, or a host and a port.
Place = Path | tuple[str, int]

HOST = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
# Beyond this the sender waits, as it does when a network takes no more.
CHUNKS_UNDER_WAY = 64
# Closing a socket with this set sends RST instead of FIN.
RESETS = struct.pack("ii", 1, 0)

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """The links of one test, on an event loop and a thread of their own."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._listeners: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        """Starts the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends every connection and the thread."""
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def link(self, server: Place) -> "Link":
        """A new link to `server`; whoever connects to its port talks to the server."""
        link = Link(self, server)
        self.do(self._listen(link))
        return link

    def do(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """What `work` returns on the proxy's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, link: "Link") -> None:
        listener = await asyncio.start_server(link.serve, HOST, 0)
        self._listeners.append(listener)
        link.port = listener.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        for listener in self._listeners:
            listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Link:
    """One link; harmed and healed from any thread. A new harm adds to the one before."""

    port: int

    def __init__(self, proxy: Proxy, server: Place) -> None:
        self._proxy = proxy
        self._server = server
        self._delays_s: dict[Side, float] = {"server": 0.0, "client": 0.0}
        self._open: dict[Side, asyncio.Event] = {
            "server": asyncio.Event(),
            "client": asyncio.Event(),
        }
        self._is_refusing = False
        self._writers: set[asyncio.StreamWriter] = set()
        for gate in self._open.values():
            gate.set()

    def delay(self, seconds: float, *, towards: Side | None = None) -> None:
        """What is sent from now on arrives so much later."""
        self._proxy.do(self._delay(seconds, _sides(towards)))

    def black_hole(self, *, towards: Side) -> None:
        """Nothing arrives on one side any more; connections stay open, and new ones open."""
        self._proxy.do(self._close_gates(_sides(towards)))

    def cut(self) -> None:
        """Nothing arrives on either side any more; connections stay open."""
        self._proxy.do(self._close_gates(_sides(None)))

    def reset(self) -> None:
        """Every connection is reset, and so is every new one."""
        self._proxy.do(self._reset(refusing=True))

    def drop(self) -> None:
        """Every connection is reset once; new ones are welcome."""
        self._proxy.do(self._reset(refusing=False))

    def heal(self) -> None:
        """All is well again: what was held up arrives now."""
        self._proxy.do(self._heal())

    async def _delay(self, seconds: float, sides: tuple[Side, ...]) -> None:
        for side in sides:
            self._delays_s[side] = seconds

    async def _close_gates(self, sides: tuple[Side, ...]) -> None:
        for side in sides:
            self._open[side].clear()

    async def _reset(self, *, refusing: bool) -> None:
        self._is_refusing = refusing
        for writer in tuple(self._writers):
            _abort(writer)

    async def _heal(self) -> None:
        self._is_refusing = False
        for side, gate in self._open.items():
            self._delays_s[side] = 0.0
            gate.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carries one connection until both of its directions have ended, or an end is gone."""
        if self._is_refusing:
            _abort(writer)
            return
        ends = [writer]
        self._writers.add(writer)
        try:
            # A hole swallows the attempt to connect as well.
            await self._open["server"].wait()
            server = await _connected(self._server)
            ends.append(server[1])
            self._writers.add(server[1])
            await self._carry((reader, writer), server)
        except (OSError, ExceptionGroup):
            for end in ends:
                _abort(end)
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.close()

    async def _carry(self, client: _Streams, server: _Streams) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(client[0], server[1], "server"))
            both.create_task(self._pump(server[0], client[1], "client"))

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, towards: Side
    ) -> None:
        """Passes one direction on, in order, each chunk when it is due."""
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_UNDER_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(source, chunks, towards))
            both.create_task(self._give(sink, chunks, towards))

    async def _take(
        self,
        source: asyncio.StreamReader,
        chunks: "asyncio.Queue[tuple[float, bytes]]",
        towards: Side,
    ) -> None:
        clock = asyncio.get_running_loop().time
        data = b"more"
        while data:
            data = await source.read(CHUNK_BYTES)
            await chunks.put((clock() + self._delays_s[towards], data))

    async def _give(
        self,
        sink: asyncio.StreamWriter,
        chunks: "asyncio.Queue[tuple[float, bytes]]",
        towards: Side,
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, data = await chunks.get()
            if (early_s := due - clock()) > 0:
                await asyncio.sleep(early_s)
            await self._open[towards].wait()
            if not data:
                sink.write_eof()
                return
            sink.write(data)
            await sink.drain()


def _sides(towards: Side | None) -> tuple[Side, ...]:
    return (towards,) if towards else ("server", "client")


async def _connected(server: Place) -> _Streams:
    if isinstance(server, Path):
        return await asyncio.open_unix_connection(server)
    return await asyncio.open_connection(*server)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Ends a connection at once; over TCP the other end sees a reset."""
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None and not writer.is_closing() and found.family != socket.AF_UNIX:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
    writer.close()
    writer.transport.abort()
