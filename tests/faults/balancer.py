"""What stands before the gateways in production: it sends players where /readyz says yes."""

import asyncio
from collections.abc import Mapping

from tests.faults.client import Client, Request

# Twenty times within the notice that a draining gateway gives in development.
LOOK_EVERY_S = 0.01
READY = 200


class Balancer:
    """Knows which gateways may take traffic."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self.ready = set(ports)

    async def watch(self) -> None:
        """Looks at every gateway until cancelled."""
        async with asyncio.TaskGroup() as every:
            for name, port in self._ports.items():
                every.create_task(self._watch(name, Client(port)))

    async def _watch(self, name: str, client: Client) -> None:
        try:
            while True:
                answer = await client.ask(Request("GET", "/readyz"))
                (self.ready.add if answer.status == READY else self.ready.discard)(name)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            client.close()
