"""Whether the gateway lives, and whether it may take traffic."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from gateway.limits import UNLIMITED
from gateway.plain import Documented, json_answer, route
from gateway.town import town_of


class Alive(Documented):
    """The process answers."""

    status: Literal["ok"]


class Ready(Documented):
    """Whether traffic may come, and which services are reachable."""

    status: Literal["ready", "not ready", "draining"]
    services: dict[str, bool]


async def healthz(_: Request) -> Response:
    """The process answers."""
    return json_answer({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when traffic may come: players can be told apart and sessions be played.

    While inventory, world or auth is away, playing goes on, so that none of them
    takes the whole town down.
    """
    town = town_of(request)
    services = town.services.readiness()
    if town.drain.is_on:
        status = "draining"
    else:
        status = "ready" if services["session"] and town.identity.can_tell else "not ready"
    body = {"status": status, "services": services}
    if status == "ready":
        return json_answer(body)
    return json_answer(body, 503, {"Retry-After": "1"})


ROUTES = [
    route("GET /healthz", healthz, answer=Alive, is_open=True, limit=UNLIMITED),
    route(
        "GET /readyz",
        readyz,
        answer=Ready,
        is_open=True,
        limit=UNLIMITED,
        also={503: {"description": "Not now.", "model": Ready}},
    ),
]
