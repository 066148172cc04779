"""Which pages of other origins may call, as browsers ask for it and are told (CORS)."""

from collections.abc import Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Problem, answer_to
from gateway.limits import TOLD_AS

Headers = tuple[tuple[bytes, bytes], ...]

_VARY = (b"vary", b"Origin")
_EXPOSED = ("Retry-After", "Link", "Idempotency-Replayed", *TOLD_AS, "X-Request-Id")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
    # In seconds; longer only helps whoever is not allowed any more.
    "Access-Control-Max-Age": "600",
}


class Origins:
    """Lets the pages of `allowed` origins read what they ask for, with credentials.

    To any other page nothing is told but, where it asks beforehand, ORIGIN_REFUSED.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._told = {origin.encode(): _told(origin) for origin in allowed}
        # Where no page is allowed, all are told the same.
        self._else: Headers = (_VARY,) if allowed else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        given = [value for name, value in scope["headers"] if name == b"origin"]
        if not given:
            await self._app(scope, receive, _telling(self._else, send))
            return
        # A page has one origin; of two, neither counts.
        told = self._told.get(given[0]) if len(given) == 1 else None
        app = self._app
        if _asks_beforehand(scope):
            refusal = Problem(code="ORIGIN_REFUSED")
            app = Response(headers=_PREFLIGHT) if told else answer_to(refusal, scope)
        await app(scope, receive, _telling(told or self._else, send))


def _telling(told: Headers, send: Send) -> Send:
    """Sends with these headers besides."""
    if not told:
        return send

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *told]
        await send(message)

    return telling


def _told(origin: str) -> Headers:
    return (
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", ", ".join(_EXPOSED).encode()),
        _VARY,
    )


def _asks_beforehand(scope: Scope) -> bool:
    names = (name for name, _ in scope["headers"])
    return scope["method"] == "OPTIONS" and b"access-control-request-method" in names
