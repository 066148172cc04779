"""What surrounds every answer: its id, security headers, limits, a last resort.

Plain ASGI, in layers: `Envelope` outermost, then CORS, then `Guard`, so that whatever
is answered within carries the same headers; then the hot calls, and `Deadline` around
all others.
"""

import asyncio
from datetime import UTC, datetime

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clients import BUDGET, Budget
from gateway.errors import Problem, answer_to, problem_of
from gateway.figures import ANSWERS
from gateway.settings import GatewaySettings
from services.kit.errors import Failure, Unavailable
from services.kit.ids import uuid7

MAX_PATH_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024
# A few calls in a row may each take their time; a client never waits longer.
ANSWER_WITHIN_S = 9.5

log = structlog.get_logger(__name__)

# Answers of the API are for programs: a browser that is led there shows nothing.
_API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Drain:
    """Whether this gateway is on its way out; new work should go elsewhere."""

    is_on = False


class Envelope:
    """Gives every request an id, and every answer its headers."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings, drain: Drain) -> None:
        self._app = app
        self._public_url = settings.public_url
        self._drain = drain
        self._always = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        if settings.is_secure:
            self._always.append(_HSTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        request_id = uuid7(datetime.now(UTC))
        scope.setdefault("state", {}).update(request_id=request_id, public_url=self._public_url)
        is_api = scope["path"].startswith("/api")
        if scope["method"] == "HEAD":
            # Answered as GET; the server keeps the body to itself.
            scope = {**scope, "method": "GET"}

        async def enveloped(message: Message) -> None:
            if message["type"] == "http.response.start":
                ANSWERS.labels(message["status"]).inc()
                headers = [*message.get("headers", ()), *self._always]
                headers.append((b"x-request-id", request_id.encode()))
                if is_api:
                    headers.append((b"cache-control", b"no-store"))
                    headers.append((b"content-security-policy", _API_POLICY))
                if self._drain.is_on:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, enveloped)


class Guard:
    """Refuses what is too long, and answers what was raised: a bug is a 500, logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if code := _too_long(scope):
            await answer_to(Problem(code=code), scope)(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if not isinstance(error, Problem | Failure):
                request_id = scope["state"]["request_id"]
                log.exception("request_broke", path=Request(scope).url.path, request_id=request_id)
            if started:
                raise
            await answer_to(_problem_in(error), scope)(scope, receive, send)


class Deadline:
    """Gives up what takes too long, and has the calls of one request share their time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Raises Unavailable when it takes too long."""
        BUDGET.set(Budget())
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S) as deadline:
                await self._app(scope, receive, send)
        except TimeoutError as error:
            if deadline.expired():
                raise Unavailable from error
            raise


def _problem_in(error: Exception) -> Problem:
    """What a client is told of an error that nobody within has answered."""
    if isinstance(error, Problem):
        return error
    return problem_of(error) if isinstance(error, Failure) else Problem(code="INTERNAL")


def _too_long(scope: Scope) -> str:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_PATH_BYTES:
        return "URI_TOO_LONG"
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        return "HEADERS_TOO_LARGE"
    return ""
