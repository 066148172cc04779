"""How answers leave: head and body in one piece, and not lost where a request was not read."""

import asyncio
from typing import Any

# An answer that was given before all of its request had come would be lost if the
# connection were closed at once: the kernel answers unread bytes with a reset. So what
# still comes is thrown away, for so long and so many bytes at most.
LINGER_S = 1.0
LINGER_BYTES = 1024 * 1024


class InOnePiece(asyncio.Transport):
    """A transport that sends the head of an answer together with its body.

    uvicorn writes the one, then the other; for the kernel, and for whoever receives
    them, one write is half of two. A head whose body is not there yet goes alone.

    Where it `lingers`, whoever still sends when it is closed gets the answer first.
    """

    lingers = False

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held = b""
        self._is_lingering = False
        self._thrown_away = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Holds the first piece until the second comes, or everybody else had a turn."""
        if self._held:
            self._transport.write(self._held + data)
            self._held = b""
        else:
            self._held = bytes(data)
            self._loop.call_soon(self._send_held)

    def close(self) -> None:
        """Closes when all is sent, and received where it lingers. Nothing is written after it."""
        self._send_held()
        if not self.lingers or self._transport.is_closing():
            self._transport.close()
        elif not self._is_lingering:
            self._is_lingering = True
            self._transport.write_eof()
            self._loop.call_later(LINGER_S, self._transport.close)

    def throw_away(self, data: bytes) -> None:
        """Takes what comes while it lingers; too much of it ends that."""
        self._thrown_away += len(data)
        if self._thrown_away > LINGER_BYTES:
            self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing is written any more."""
        return self._is_lingering or self._transport.is_closing()

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
