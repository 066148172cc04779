"""Everything that the routes work with, at hand on every request."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from gateway.clients import Services
from gateway.envelope import Drain
from gateway.hot import Hot
from gateway.identity import Identity, Player
from gateway.input import no_body, no_query
from gateway.keys import Keys
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Town:
    """The parts of one running gateway."""

    settings: GatewaySettings
    services: Services
    hot: Hot
    keys: Keys
    identity: Identity
    drain: Drain


def town_of(request: Request) -> Town:
    """The town behind a request."""
    return cast("Town", request.scope["state"]["town"])


async def asked_by(request: Request) -> Player:
    """The player of a call that takes neither body nor query.

    Raises UNAUTHENTICATED, ORIGIN_REFUSED or VALIDATION_FAILED.
    """
    player = await town_of(request).identity.player(request)
    no_query(request)
    await no_body(request)
    return player


async def sent_by(request: Request) -> Player:
    """The player of a call whose body is read next, and which takes no query.

    Raises UNAUTHENTICATED, ORIGIN_REFUSED or VALIDATION_FAILED.
    """
    player = await town_of(request).identity.player(request)
    no_query(request)
    return player
