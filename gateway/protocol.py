"""HTTP/1.1 as it is read here: strictly, in bounded time and size, and always answered.

uvicorn answers what it cannot read in plain text, takes what proxies read in two ways,
and waits for a slow sender for ever. Here such a request is refused by the application
itself, so that the answer is a problem like any other, with an id, headers and a count;
nothing that comes after it on its connection is read.
"""

import asyncio
import re
from collections.abc import Sequence
from enum import Enum, auto

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.envelope import MAX_PATH_BYTES
from gateway.input import REFUSED, WHOLE
from gateway.transport import InOnePiece

# From its first byte to its last, a request arrives within this; with the answer and
# what is thrown away behind it, a slow sender's connection ends within 10 s.
REQUEST_WITHIN_S = 8.0
# More than the 16 KiB that get a proper answer; beyond it nobody reads on.
MAX_HEAD_BYTES = 64 * 1024
# A body of 64 KiB in pieces of one byte each is far below.
MAX_REQUEST_BYTES = 1024 * 1024
# How many requests may wait for the answer to the one before them.
MAX_WAITING = 100

log = structlog.get_logger(__name__)

_HOST = re.compile(rb"[\w.:\[\]-]+", re.ASCII)
_ABSOLUTE = re.compile(rb"https?://([^/?]*)/", re.IGNORECASE)
_CRUCIAL = frozenset((b"host", b"transfer-encoding"))
# Stands for a request of which there is not even a head to be refused.
_BLANK = b"GET /api HTTP/1.1\r\nHost: unread\r\nConnection: close\r\n\r\n"


class _Part(Enum):
    """Which part of a request is due."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


class _UnfitError(Exception):
    """Ends the parsing of what is refused by its head."""


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, made strict."""

    url = b""
    _due = _Part.HEAD
    _bytes = 0
    _has_ended = False
    _is_over = False
    _blank_for = ""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Starts the clock: the first request is due."""
        self._wire = InOnePiece(transport, self.loop)
        super().connection_made(self._wire)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._due = _Part.NOTHING
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what arrived."""
        if self._is_over or self._wire.is_closing():
            self._wire.throw_away(data)
            return
        self._unset_keepalive_if_required()
        self._has_ended = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nobody here speaks anything else: answered as if it had not been asked for.
            self._read_no_further()
        except httptools.HttpParserError as error:
            self._refuse(self._code_of(error))
        else:
            self._measure(len(data))
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's own closes at once
        """Nothing comes any more; what came is still answered, and half a request refused."""
        is_open = not (self._is_over or self._wire.is_closing())
        if is_open and self._due is not _Part.NOTHING and self._bytes:
            self._refuse("MALFORMED_REQUEST")
        # Whoever has gone is not told on and on, such as by a stream.
        is_awaited = self.cycle is not None and not self.cycle.response_started
        if is_awaited:
            self._read_no_further()
        self._wire.lingers = False
        return is_awaited

    def on_message_begin(self) -> None:
        """A request begins."""
        self._due, self._bytes = _Part.HEAD, 0
        self._wire.lingers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its headers are there."""
        if self._blank_for:
            self.scope["state"][REFUSED] = self._blank_for
        elif self._is_unfit():
            self.scope["state"][REFUSED] = "MALFORMED_REQUEST"
            if not self.url.startswith(b"/"):
                # It may have no path by which it could be answered.
                raise _UnfitError
        super().on_headers_complete()
        self._due = _Part.BODY
        # What comes behind a body in pieces is no header, whatever it is called.
        self.headers = []
        if b"%" in self.url:
            # No address of ours needs an escape, so none has a second name by one.
            self.scope["path"] = self.scope["raw_path"].decode("ascii")
        if REFUSED in self.scope["state"] and not self._blank_for:
            raise _UnfitError

    def on_message_complete(self) -> None:
        """It is whole."""
        self._due, self._has_ended = _Part.NOTHING, True
        self._wire.lingers = False
        self.scope["state"][WHOLE] = True
        super().on_message_complete()

    def _is_unfit(self) -> bool:
        return (
            is_ambiguous(self.parser.get_http_version(), self.url, self.headers)
            or len(self.pipeline) >= MAX_WAITING
            # The parser leaves out the body of whoever wants to speak something else.
            or (self.parser.should_upgrade() and _announces_body(self.headers))
        )

    def _code_of(self, error: httptools.HttpParserError) -> str:
        if self._has_long_address():
            return "URI_TOO_LONG"
        is_ours = isinstance(error, httptools.HttpParserCallbackError)
        if is_ours and not isinstance(error.__context__, _UnfitError | httptools.HttpParserError):
            log.error("request_broke", exc_info=error.__context__)
            return "INTERNAL"
        return "MALFORMED_REQUEST"

    def _has_long_address(self) -> bool:
        return self._due is _Part.HEAD and len(self.url) > MAX_PATH_BYTES

    def _measure(self, arrived: int) -> None:
        """Refuses what is too large to be read on."""
        if self._has_ended:
            # How much of it belongs to the next request is not known, and no more than one read.
            return
        self._bytes += arrived
        if self._due is _Part.HEAD and self._bytes > MAX_HEAD_BYTES:
            self._refuse("URI_TOO_LONG" if self._has_long_address() else "HEADERS_TOO_LARGE")
        elif self._due is _Part.BODY and self._bytes > MAX_REQUEST_BYTES:
            self._refuse("PAYLOAD_TOO_LARGE")
        elif self._due is _Part.NOTHING and (self.cycle is None or self.cycle.response_complete):
            # Blank lines keep no connection.
            self._due, self._bytes = _Part.HEAD, 0

    def _watch(self) -> None:
        """Runs the clock as long as something is due."""
        if self._deadline is not None and (self._due is _Part.NOTHING or self._has_ended):
            self._deadline.cancel()
            self._deadline = None
        if self._deadline is None and self._due is not _Part.NOTHING:
            self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self._give_up)

    def _give_up(self) -> None:
        if self._due is _Part.HEAD and not self._bytes:
            # Nothing came that could be answered.
            self.transport.close()
        else:
            self._refuse("REQUEST_TIMEOUT")

    def _refuse(self, code: str) -> None:
        """Has the request that is due refused in its turn, and reads nothing any more."""
        if self._due is not _Part.BODY:
            self._blank_for = code
            self.parser = httptools.HttpRequestParser(self)
            self.parser.feed_data(_BLANK)
        else:
            self.scope["state"].setdefault(REFUSED, code)
            self.cycle.message_event.set()
        self._read_no_further()
        if self.cycle.response_complete:
            self.transport.close()

    def _read_no_further(self) -> None:
        self._due, self._is_over = _Part.NOTHING, True
        self._wire.lingers = True
        self.cycle.keep_alive = False


def is_ambiguous(version: str, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a head can be read in two ways, so that whoever stands between us may read another.

    That is: of another version than HTTP/1.1 and 1.0, with another number of hosts than
    one, with a coding other than chunked, or with an address that names another host.
    """
    crucial = [header for header in headers if header[0] in _CRUCIAL]
    hosts = [value for name, value in crucial if name == b"host"]
    if version != "1.1" and (version != "1.0" or len(crucial) != len(hosts)):
        return True
    if len(hosts) != 1 and (version == "1.1" or hosts):
        return True
    if hosts and not _HOST.fullmatch(hosts[0]):
        return True
    codings = [value.lower() for name, value in crucial if name != b"host"]
    return codings not in ([], [b"chunked"]) or not _is_meant_for(hosts, url)


def _is_meant_for(hosts: Sequence[bytes], url: bytes) -> bool:
    if b"#" in url:
        return False
    if url.startswith(b"/") or url == b"*":
        return True
    named = _ABSOLUTE.match(url)
    return named is not None and [named[1].lower()] == [host.lower() for host in hosts]


def _announces_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    names = [name for name, _ in headers]
    return b"content-length" in names or b"transfer-encoding" in names
