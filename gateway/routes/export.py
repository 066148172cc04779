"""Everything held about the player: one document out of four services, sent as it is read."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from gateway.clients import CALLS_S, Service, Services
from gateway.input import Id
from gateway.limits import EXPORT
from gateway.line import Line
from gateway.plain import Documented, route
from gateway.town import asked_by, town_of
from protos.personal.v1.personal_pb2 import ExportUserRequest
from services.kit.errors import Failure

# With what the calls take until the answer begins, it is less than any answer may take.
SENT_WITHIN_S = 7.0

_HEADERS = {"Content-Disposition": 'attachment; filename="nesra-town-export.json"'}

log = structlog.get_logger(__name__)

Pieces: TypeAlias = AsyncGenerator[bytes, None]
# By table its rows, each by column.
Tables: TypeAlias = dict[str, list[dict[str, Any]]]


class Export(Documented):
    """What each service holds: by table its rows, each by column.

    Tables and columns are the services' own, and change with them. Secrets, such
    as the password's hash, are left out.
    """

    exported_at: datetime
    user_id: Id
    auth: Tables
    session: Tables
    inventory: Tables
    world: Tables


class WholeOrBroken(StreamingResponse):
    """A document of which nobody takes a part for the whole.

    When a piece cannot be had, or nobody takes it for too long, the answer does not
    end: the server breaks the connection off, and the client sees that it did.
    """

    def __init__(self, pieces: Pieces) -> None:
        super().__init__(pieces, headers=_HEADERS, media_type="application/json")
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        """Sends it all."""
        try:
            async with aclosing(self._pieces), asyncio.timeout(SENT_WITHIN_S):
                await super().stream_response(send)
        except (Failure, TimeoutError) as error:
            log.warning("export_broken_off", why=repr(error))


async def export_me(request: Request) -> Response:
    """Everything held about the player, from all four services, as one document to keep.

    It is sent as it is read: a connection that ends before the document does has
    failed, and the call is to be repeated.
    """
    player = await asked_by(request)
    town = town_of(request)
    pieces = _document(town.services, player.id, line=town.exporting)
    await anext(pieces)
    return WholeOrBroken(pieces)


async def _document(services: Services, user_id: str, *, line: Line) -> Pieces:
    """The document, piece by piece; the first is empty, and says that every service answers.

    Raises Refused, Unavailable or Internal.
    """
    async with line, AsyncExitStack() as stack:
        parts = [
            await stack.enter_async_context(aclosing(_tables(service, user_id)))
            for service in services.every
        ]
        firsts = await asyncio.gather(*map(anext, parts), return_exceptions=True)
        begun = [_begun(first) for first in firsts]
        yield b""
        head = {"exported_at": datetime.now(UTC), "user_id": user_id}
        yield orjson.dumps(head, option=orjson.OPT_UTC_Z).removesuffix(b"}")
        for service, part, first in zip(services.every, parts, begun, strict=True):
            yield b',"%s":' % service.name.encode() + first
            async for piece in part:
                yield piece
        yield b"}"


def _begun(first: bytes | BaseException) -> bytes:
    if isinstance(first, BaseException):
        raise first
    return first


async def _tables(service: Service[Any], user_id: str) -> Pieces:
    """What one service holds, as a JSON object, piece by piece."""
    method, asked = service.personal.ExportUser, ExportUserRequest(user_id=user_id)
    chunks = service.stream(method, asked, timeout_s=CALLS_S + SENT_WITHIN_S)
    table = ""
    async with aclosing(chunks):
        async for chunk in chunks:
            rows = chunk.rows_json[1:-1].encode()
            if chunk.table == table:
                yield b"," + rows
            else:
                yield (b"]," if table else b"{") + orjson.dumps(chunk.table) + b":[" + rows
            table = chunk.table
    yield b"]}" if table else b"{}"


ROUTES = [route("GET /api/users/me/export", export_me, answer=Export, limit=EXPORT)]
