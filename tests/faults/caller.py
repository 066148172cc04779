"""Requests as a real client sends them: again, over another gateway, when the answer is lost."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from tests.faults.balancer import Balancer
from tests.faults.client import Answer, Client, Request
from tests.faults.history import History, Kind, kind_of, told_by

# A real client waits as long as Retry-After says, at least 1 s; here time is worth more.
RETRY_SCALE = 0.1
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 0.5
# With those waits over half a minute: longer than any fault may last (R7).
TRIES = 100
IN_PROGRESS = "IDEMPOTENCY_KEY_IN_PROGRESS"


class GaveUp(Exception):
    """A player tried as long as anybody would, and the town did not answer."""


class Caller:
    """Sends requests to the gateways, and notes each in the history.

    With a balancer, only to those that it knows to be ready.
    """

    def __init__(
        self,
        ports: Mapping[str, int],
        history: History,
        rng: random.Random,
        balancer: Balancer | None = None,
    ) -> None:
        self.history = history
        self.balancer = balancer
        self.rng = rng
        self._clients = {name: Client(port) for name, port in ports.items()}

    def close(self) -> None:
        """Closes all connections."""
        for client in self._clients.values():
            client.close()

    async def once(
        self,
        player: str,
        operation: str,
        request: Request,
        *,
        session: str = "",
        gateway: str = "",
    ) -> Answer:
        """One try, over any gateway unless one is named."""
        gateway = gateway or self._any_gateway()
        invoked = self.history.invoke(operation, player=player, session=session, gateway=gateway)
        answer = await self._clients[gateway].ask(request)
        body = answer.body if isinstance(answer.body, dict) else {}
        self.history.end(
            invoked,
            answer.status,
            told_by(operation, body) if answer.status else {"was_sent": answer.was_sent},
            session=session or session_in(body),
        )
        return answer

    async def until_told(
        self, player: str, operation: str, request: Request, *, session: str = ""
    ) -> Answer:
        """The answer to a request that is repeated until it is either done or refused. Raises GaveUp."""
        wait_s, gateway = FIRST_WAIT_S, ""
        for _ in range(TRIES):
            gateway = self._any_gateway(but=gateway)
            answer = await self.once(player, operation, request, session=session, gateway=gateway)
            if not is_open(answer):
                return answer
            await asyncio.sleep(max(answer.retry_after_s * RETRY_SCALE, self._spread(wait_s)))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        raise GaveUp(operation, player, session)

    def _any_gateway(self, *, but: str = "") -> str:
        """One that may answer: another one than was tried last, where there is one."""
        known = self._clients.keys()
        ready = self.balancer.ready & known if self.balancer else known
        others = sorted(name for name in ready or known if name != but)
        return self.rng.choice(others or [but])

    def _spread(self, seconds: float) -> float:
        return seconds * self.rng.uniform(0.5, 1.0)


def is_open(answer: Answer) -> bool:
    """Whether one has to ask again to know: no answer, 503, or the same try is still running."""
    if kind_of(answer.status) is Kind.UNKNOWN:
        return True
    return isinstance(answer.body, dict) and answer.body.get("code") == IN_PROGRESS


def session_in(body: Any) -> str:
    """The session that an answer brings or names, "" for none."""
    found = body.get("active_session") or body
    return str(found.get("session_id") or "")
