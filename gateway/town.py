"""Everything that the routes work with, at hand on every request."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from gateway.addresses import Addresses
from gateway.clients import Services
from gateway.envelope import Drain
from gateway.hot import Hot
from gateway.identity import Identity, Player
from gateway.input import no_body, no_query
from gateway.keys import Keys
from gateway.limits import Limits
from gateway.line import Line
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Town:
    """The parts of one running gateway.

    Calls that have a password hashed stand in `hashing`, those that take everything along in
    `exporting`.
    """

    settings: GatewaySettings
    services: Services
    hot: Hot
    keys: Keys
    identity: Identity
    drain: Drain
    limits: Limits
    addresses: Addresses
    hashing: Line
    exporting: Line


def town_of(request: Request) -> Town:
    """The town behind a request."""
    return cast("Town", request.scope["state"]["town"])


def address_of(request: Request) -> str:
    """The client's address, by which strangers count; empty for unknown."""
    return town_of(request).addresses.of(request.scope)


def let_in(request: Request, player: Player) -> None:
    """Notes whose call it is, for its endpoint to ask."""
    request.scope["state"]["player"] = player


def player_of(request: Request) -> Player:
    """Whose call it is. Every call that is not open has a player before its endpoint is asked."""
    return cast("Player", request.scope["state"]["player"])


async def asked_by(request: Request) -> Player:
    """The player of a call that takes neither body nor query. Raises VALIDATION_FAILED."""
    player = player_of(request)
    no_query(request)
    await no_body(request)
    return player


async def sent_by(request: Request) -> Player:
    """The player of a call whose body is read next, and which takes no query.

    Raises VALIDATION_FAILED.
    """
    player = player_of(request)
    no_query(request)
    return player
