"""What surrounds every answer: its id, security headers, limits, a last resort.

Plain ASGI, in layers: `Envelope` outermost, then CORS, so that whatever is answered
within carries the same headers; then the hot calls (hotcalls.py), and `Guard` and
`Deadline` around all others.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clients import BUDGET, Budget
from gateway.errors import Problem, answer_to, problem_of, unrouted
from gateway.figures import answers
from gateway.input import REFUSED, WHOLE
from gateway.limits import TOLD
from gateway.settings import GatewaySettings
from services.kit.errors import Failure, Unavailable
from services.kit.ids import uuid7

MAX_PATH_BYTES = 8 * 1024
MAX_HEADER_BYTES = 16 * 1024
# A few calls in a row may each take their time; a client never waits longer.
ANSWER_WITHIN_S = 9.5

log = structlog.get_logger(__name__)

_POLICY = b"content-security-policy"
# What is no page is for programs: a browser that is led there shows and runs nothing.
_NO_PAGE = (
    _POLICY,
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
_OF_API = ((b"cache-control", b"no-store"), _NO_PAGE)
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
            # No page of another origin takes an answer in that did not ask by CORS.
            (b"cross-origin-resource-policy", b"same-origin"),
        ]
        if settings.is_secure:
            self._always.append(_HSTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        request_id = uuid7(datetime.now(UTC))
        state = scope.setdefault("state", {})
        state.update(request_id=request_id, public_url=self._public_url)
        is_api = scope["path"].startswith("/api")
        if scope["method"] == "HEAD":
            # Answered as GET; the server keeps the body to itself.
            scope = {**scope, "method": "GET"}

        async def enveloped(message: Message) -> None:
            if message["type"] == "http.response.start":
                answers(message["status"]).inc()
                given = message.get("headers", ())
                own = (*self._always, (b"x-request-id", request_id.encode()))
                at_last = _OF_API if is_api else _unless_a_page(given)
                message["headers"] = [*given, *own, *at_last, *state.get(TOLD, ())]
                # What follows an answer to half a request is no request.
                if self._drain.is_on or WHOLE not in state:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        await self._app(scope, receive, enveloped)


def _unless_a_page(headers: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The policy of what is no page; a page brings its own."""
    return () if any(name == _POLICY for name, _ in headers) else (_NO_PAGE,)


class Guard:
    """Refuses what is unfit, and answers what was raised: a bug is a 500, logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            refuse_unfit(scope)
            await self._app(scope, receive, watched)
        except Exception as error:
            answer = answer_to_error(error, scope)
            if started:
                raise
            await answer(scope, receive, send)


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


def refuse_unfit(scope: Scope) -> None:
    """Passes a request that could be read, and is of usual size. Raises the Problem that it is not."""
    if code := scope["state"].get(REFUSED):
        raise Problem(code=code)
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_PATH_BYTES:
        raise Problem(code="URI_TOO_LONG")
    headers = scope["headers"]
    # Each is written with four bytes more: a colon, a blank, the end of its line.
    if sum(len(name) + len(value) for name, value in headers) + 4 * len(headers) > MAX_HEADER_BYTES:
        raise Problem(code="HEADERS_TOO_LARGE")


def answer_to_error(error: Exception, scope: Scope) -> Response:
    """What a client is told of what was raised. A bug is logged."""
    if isinstance(error, Problem):
        return answer_to(error, scope)
    if isinstance(error, Failure):
        return answer_to(problem_of(error), scope)
    if isinstance(error, HTTPException):
        return answer_to(unrouted(error, scope), scope)
    request_id = scope["state"]["request_id"]
    path = Request(scope).url.path
    log.error("request_broke", path=path, request_id=request_id, exc_info=error)
    return answer_to(Problem(code="INTERNAL"), scope)
