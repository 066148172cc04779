"""Which pages of other origins may call, as browsers ask for it and are told (CORS)."""

from collections.abc import Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Problem, answer_to
from gateway.limits import TOLD_AS

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
        self._else = (_VARY,) if allowed else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        given = [value for name, value in scope["headers"] if name == b"origin"]
        # A page has one origin; of two, neither counts.
        told = self._told.get(given[0], self._else) if len(given) == 1 else self._else

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        app = self._app
        if given and _asks_beforehand(scope):
            is_allowed = told is not self._else
            refusal = Problem(code="ORIGIN_REFUSED")
            app = Response(headers=_PREFLIGHT) if is_allowed else answer_to(refusal, scope)
        await app(scope, receive, telling if told else send)


def _told(origin: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", ", ".join(_EXPOSED).encode()),
        _VARY,
    )


def _asks_beforehand(scope: Scope) -> bool:
    names = (name for name, _ in scope["headers"])
    return scope["method"] == "OPTIONS" and b"access-control-request-method" in names
