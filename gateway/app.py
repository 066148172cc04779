"""The gateway as an ASGI application: parts, routes, and what surrounds them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import figures
from gateway.addresses import Addresses
from gateway.clients import Services
from gateway.envelope import Deadline, Drain, Envelope, Guard
from gateway.errors import CATALOGUE
from gateway.follower import Follower
from gateway.hot import Hot
from gateway.hotcalls import HotCalls
from gateway.identity import Identity, cookies
from gateway.keys import AuthClock, Ended, Keys
from gateway.limits import TOLD_AS, Limits, microseconds
from gateway.line import Line
from gateway.links import add_links
from gateway.origins import Origins
from gateway.routes import (
    admin,
    auth,
    devices,
    docs,
    drops,
    events,
    export,
    health,
    inventory,
    pages,
    profile,
    recovery,
    sandbox,
    session,
    shop,
    statistics,
    tasks,
    users,
)
from gateway.settings import GatewaySettings
from gateway.town import Town
from services.kit.settings import target_of

VERSION = "0.1.0"
_MODULES = (
    profile,
    session,
    tasks,
    inventory,
    shop,
    statistics,
    auth,
    devices,
    recovery,
    users,
    export,
    drops,
    events,
    admin,
    health,
)
# Half of those whom auth takes on, so that two gateways fill it: a hash takes a core for 20 ms.
HASHING = 4
# Fifty who log in at once all get in. Waiting and the call after it are over within 3 s
# also when auth hangs, because it is then asked once a second only.
HASHING_WITHIN_S = 2.0
HASHING_WAITING = 256
# As many as a service has under way at a time: kit/personal.py, which would bring SQLAlchemy along.
EXPORTING = 2
# An export takes some 20 ms; whoever still waits after this may come again. Slow readers of
# others' must not make it longer than the 3 s within which a call without a service ends.
EXPORTING_WITHIN_S = 0.5
EXPORTS_WAITING = 64


class Gateway(FastAPI):
    """FastAPI's document and routes, without the layers that only its own routes need."""

    def __init__(self, settings: GatewaySettings, drain: Drain, **described: Any) -> None:
        super().__init__(**described)
        self.settings = settings
        self._drain = drain
        self._document = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; FastAPI's own would look for a tracer first, every time."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        serve = self.middleware_stack if scope["type"] == "http" else self.router
        await serve(scope, receive, send)

    async def document(self) -> bytes:
        """The OpenAPI document as it is sent.

        It takes 0.2 s to make, by which no gateway shall start later: it is made when
        somebody asks for it first, in a thread, so that nobody else waits meanwhile.
        """
        if not self._document:
            self._document = await asyncio.to_thread(_written_document, self)
        return self._document

    def build_middleware_stack(self) -> ASGIApp:
        """From the inside out: routes, their time, errors, hot calls, origins, envelope."""
        settings = self.settings
        app: ASGIApp = HotCalls(self.routes, others=Guard(Deadline(self.router)))
        return Envelope(Origins(app, settings.cors_origins), settings, self._drain)


def create_app(
    settings: GatewaySettings,
    drain: Drain | None = None,
    target_of: Callable[[str], str] = target_of,
    limits_clock: Callable[[], int] = microseconds,
) -> Gateway:
    """The application; it connects to the services when its lifespan begins."""
    drain = drain or Drain()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Town]]:
        async with _opened(settings, drain, target_of, limits_clock) as town:
            yield {"town": town}

    app = Gateway(
        settings,
        drain,
        title="Nesra Town",
        version=VERSION,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    modules = (*_MODULES, sandbox) if settings.sandbox else _MODULES
    app.router.routes.extend(route for module in modules for route in module.ROUTES)
    app.router.routes.extend(docs.routes())
    app.router.routes.extend(pages.routes())
    if settings.environment == "development":
        app.router.routes.extend(figures.routes())
    return app


@asynccontextmanager
async def _opened(
    settings: GatewaySettings,
    drain: Drain,
    target_of: Callable[[str], str],
    limits_clock: Callable[[], int],
) -> AsyncIterator[Town]:
    """The parts of a gateway, which follow auth and the other gateways until the end."""
    services = Services(settings.secret, target_of, settings.tls)
    clock = AuthClock()
    keys, ended = Keys(services.auth), Ended()
    identity = Identity(settings, keys, ended, clock)
    limits = Limits(is_on=settings.rate_limits, clock=limits_clock)
    addresses = Addresses(settings.trusted_proxies)
    hashing = Line(HASHING, waiting=HASHING_WAITING, patience_s=HASHING_WITHIN_S)
    exporting = Line(EXPORTING, waiting=EXPORTS_WAITING, patience_s=EXPORTING_WITHIN_S)
    town = Town(
        settings=settings,
        services=services,
        hot=Hot(services),
        keys=keys,
        identity=identity,
        drain=drain,
        limits=limits,
        addresses=addresses,
        hashing=hashing,
        exporting=exporting,
    )
    services.readiness()
    follower = Follower(services.auth, keys, ended, clock)
    following = [asyncio.create_task(follower.keep_up())]
    if settings.redis_url:
        from gateway.sharing import share  # noqa: PLC0415  # Redis' client takes 5 MB

        following.append(asyncio.create_task(share(limits, settings.redis_url)))
    yield town
    await town.hot.drain()
    for task in following:
        task.cancel()
    await asyncio.wait(following)
    await services.close()


def openapi_document(app: Gateway) -> dict[str, Any]:
    """The OpenAPI document of every documented route."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=docs.description(),
        routes=app.routes,
    )
    add_links(document)
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _problem_schema()
    components["headers"] = _headers()
    components["securitySchemes"] = _security_schemes(
        cookies(is_secure=app.settings.is_secure).access.name
    )
    return document


def _written_document(app: Gateway) -> bytes:
    return orjson.dumps(openapi_document(app), option=orjson.OPT_INDENT_2)


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    error = {
        "type": "object",
        "required": ["loc", "code", "detail"],
        "properties": {
            "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
            "code": text,
            "detail": text,
        },
    }
    properties = {
        "type": {"type": "string", "format": "uri"},
        "title": text,
        "status": {"type": "integer"},
        "detail": text | {"description": "Fit to show a player."},
        "code": {"type": "string", "enum": sorted(CATALOGUE)},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {"type": "array", "items": error, "description": "With VALIDATION_FAILED."},
        "ends_at": {
            "type": "string",
            "format": "date-time",
            "description": "With SESSION_TOO_EARLY.",
        },
        "allowed_from": {
            "type": "string",
            "format": "date-time",
            "description": "With ZONE_CHANGED_RECENTLY.",
        },
        "active_session": {
            "$ref": "#/components/schemas/Session",
            "description": "With SESSION_ALREADY_ACTIVE.",
        },
    }
    required = ["type", "title", "status", "detail", "code", "request_id"]
    return {"type": "object", "title": "Problem", "required": required, "properties": properties}


def _headers() -> dict[str, Any]:
    waits = "In so many seconds the call is let through, if no other is made before."
    return {
        name: {
            "description": text,
            "schema": {"type": "string" if name == "RateLimit-Policy" else "integer"},
        }
        for name, text in {**TOLD_AS, "Retry-After": waits}.items()
    }


def _security_schemes(cookie: str) -> dict[str, Any]:
    return {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
        "password": {
            "type": "oauth2",
            "flows": {"password": {"tokenUrl": "/api/auth/token", "scopes": {}}},
        },
    }
