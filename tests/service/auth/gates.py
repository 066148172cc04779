"""Real gateways before a real auth; only what is played behind them is an actor's."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway.app import create_app
from tests.service.gateway.cast import session_actor
from tests.service.gateway.stage import serving, settings, within
from tests.service.peers import listening

NOWHERE = "unix:/nowhere"


@dataclass(frozen=True)
class Gate:
    """A gateway, seen from outside."""

    client: httpx.Client

    def status(self, token: str) -> int:
        """What a token is worth: 200 or 401."""
        headers = {"authorization": f"Bearer {token}"}
        return self.client.get("/api/tasks", headers=headers).status_code

    def kids(self) -> set[str]:
        """The keys that it publishes."""
        keys = self.client.get("/.well-known/jwks.json").json()["keys"]
        return {str(key["kid"]) for key in keys}

    def is_ready(self) -> bool:
        """Whether it may take traffic."""
        return self.client.get("/readyz").is_success


@contextmanager
def gates(folder: Path, auth: str, count: int = 2) -> Iterator[list[Gate]]:
    """So many gateways that are ready, before the auth at that target."""
    with ExitStack() as stack:
        session = stack.enter_context(listening(session_actor().served, folder))
        unlimited = settings(rate_limits=False)
        targets = {"auth": auth, "session": session, "inventory": NOWHERE, "world": NOWHERE}
        urls = [
            stack.enter_context(serving(create_app(unlimited, target_of=targets.__getitem__)))
            for _ in range(count)
        ]
        clients = [stack.enter_context(httpx.Client(base_url=url, timeout=15)) for url in urls]
        opened = [Gate(client) for client in clients]
        assert all(within(15, gate.is_ready) for gate in opened)
        yield opened
