"""The gateway on a stage: real HTTP before it, actors in place of the services behind it."""

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from gateway.app import create_app
from gateway.envelope import Drain
from gateway.limits import microseconds
from gateway.server import configured
from gateway.settings import GatewaySettings
from tests.service.gateway.actor import Actor
from tests.service.gateway.cast import AuthActor, inventory_actor, session_actor, world_actor
from tests.service.peers import SECRET, listening

PUBLIC = "https://town.example"
FRIEND = "https://friend.example"


@dataclass(frozen=True, slots=True)
class Stage:
    """A gateway that listens, and the four actors behind it."""

    url: str
    auth: AuthActor
    session: Actor
    inventory: Actor
    world: Actor
    drain: Drain

    def visitor(self, **headers: str) -> httpx.Client:
        """A client that nobody knows."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=15)

    def player(self, *, is_superuser: bool = True, **headers: str) -> httpx.Client:
        """A client with a player's access token, who may call everything unless told otherwise."""
        user_id = str(uuid.uuid4())
        if is_superuser:
            self.auth.superusers.add(user_id)
        return self.visitor(Authorization=f"Bearer {self.auth.token(user_id)}", **headers)


def settings(**changes: Any) -> GatewaySettings:
    known: dict[str, Any] = {
        "secret": SECRET,
        "environment": "development",
        "sandbox": True,
        "public_url": PUBLIC,
        "cors_origins": (FRIEND,),
    }
    return GatewaySettings(**known | changes)


@contextmanager
def staged(
    folder: Path,
    limits_clock: Callable[[], int] = microseconds,
    *,
    auth: AuthActor | None = None,
    is_awaited: bool = True,
    **changes: Any,
) -> Iterator[Stage]:
    """A gateway and its actors, until the end; ready, unless nobody waits for that."""
    actors = auth or AuthActor(), session_actor(), inventory_actor(), world_actor()
    drain = Drain()
    with ExitStack() as stack:
        targets = {a.served.name: stack.enter_context(listening(a.served, folder)) for a in actors}
        app = create_app(settings(**changes), drain, targets.__getitem__, limits_clock)
        url = stack.enter_context(serving(app))
        stage = Stage(url, *actors, drain)
        if is_awaited:
            _wait_until_ready(stage)
        yield stage


@contextmanager
def serving(app: Any) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(configured(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)


def _wait_until_ready(stage: Stage) -> None:
    deadline = time.monotonic() + 20
    with stage.visitor() as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                answer = client.get("/readyz")
                if answer.status_code == 200 and all(answer.json()["services"].values()):
                    return
            threading.Event().wait(0.02)
    raise TimeoutError


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds at some time until then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        # The gateway runs in this very process, and needs the time in between.
        threading.Event().wait(0.005)
    return False
