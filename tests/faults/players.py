"""Players who behave as a real client does: they try again, over either gateway, and never guess."""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.balancer import Balancer
from tests.faults.client import Answer, Client, Request
from tests.faults.history import History, Kind, kind_of, told_by

NAMED = 0.5
PASSWORD = "three quiet hours"
MINUTES = 5
# Well before the 15 min of an access token are over.
REFRESH_AFTER_S = 600.0
# A real client waits as long as Retry-After says, at least 1 s; here time is worth more.
RETRY_SCALE = 0.1
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 0.5
# With those waits over half a minute: longer than any fault may last (R7).
TRIES = 100
UNAUTHENTICATED = 401


class GaveUp(Exception):
    """A player tried as long as anybody would, and the town did not answer."""


class Refused(Exception):
    """The town said no where a player who plays by the rules must be served."""


@dataclass(slots=True)
class Account:
    """A player's account, and the login that it plays with."""

    id: str
    email: str
    task_id: str = ""
    access_token: str = ""
    refresh_token: str = ""
    fresh_until: float = 0.0


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
        self._clients = {name: Client(port) for name, port in ports.items()}
        self.rng = rng

    def close(self) -> None:
        """Closes all connections."""
        for client in self._clients.values():
            client.close()

    async def once(
        self,
        account: Account,
        operation: str,
        request: Request,
        *,
        session: str = "",
        gateway: str = "",
    ) -> Answer:
        """One try, over any gateway unless one is named."""
        gateway = gateway or self._any_gateway()
        invoked = self.history.invoke(
            operation, player=account.id, session=session, gateway=gateway
        )
        answer = await self._clients[gateway].ask(request)
        body = answer.body if isinstance(answer.body, dict) else {}
        self.history.end(
            invoked,
            answer.status,
            told_by(operation, body) if answer.status else {"was_sent": answer.was_sent},
            session=session or _session_in(body),
        )
        return answer

    async def until_told(
        self, account: Account, operation: str, request: Request, *, session: str = ""
    ) -> Answer:
        """The answer to a request that is repeated until it is either done or refused. Raises GaveUp."""
        wait_s, gateway = FIRST_WAIT_S, ""
        for _ in range(TRIES):
            gateway = self._any_gateway(but=gateway)
            answer = await self.once(account, operation, request, session=session, gateway=gateway)
            if kind_of(answer.status) is not Kind.UNKNOWN:
                return answer
            await asyncio.sleep(max(answer.retry_after_s * RETRY_SCALE, self._spread(wait_s)))
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        raise GaveUp(operation, account.id, session)

    def _any_gateway(self, *, but: str = "") -> str:
        """One that may answer: another one than was tried last, where there is one."""
        known = self._clients.keys()
        ready = self.balancer.ready & known if self.balancer else known
        others = sorted(name for name in ready or known if name != but)
        return self.rng.choice(others or [but])

    def _spread(self, seconds: float) -> float:
        return seconds * self.rng.uniform(0.5, 1.0)


class Player:
    """One account at play."""

    def __init__(self, caller: Caller, account: Account) -> None:
        self.account = account
        self._caller = caller

    @classmethod
    async def registered(cls, caller: Caller) -> "Player":
        """A new player, logged in."""
        account = Account(id="", email=f"{secrets.token_hex(8)}@example.com")
        player = cls(caller, account)
        user = await player.ask("register", "POST /api/auth/register", player._credentials())
        account.id = user["id"]
        await player.log_in()
        account.task_id = (await player.ask("tasks", "GET /api/tasks"))[0]["id"]
        return player

    async def log_in(self) -> None:
        """Logs in anew."""
        self._keep(await self.ask("login", "POST /api/auth/login", self._credentials()))

    async def start(self) -> str:
        """The id of a session under way: a new one, or the one that a lost answer had started."""
        await self._keep_fresh()
        body = {"task_template_id": self.account.task_id, "duration_minutes": MINUTES}
        # Half of the clients name their try, so that a repetition is told what the first was.
        key = secrets.token_hex(8) if self._caller.rng.random() < NAMED else ""
        answer = await self._told("start", "POST /api/session/start", body, key=key)
        found = answer.body if answer.is_ok else answer.body.get("active_session", {})
        if "session_id" not in found:
            raise Refused(answer)
        return str(found["session_id"])

    async def let_it_pass(self, session: str) -> None:
        """Moves the player's clock past the end of a session."""
        body = {"advance_minutes": MINUTES}
        answer = await self._told("wait", "POST /api/sandbox/clock", body, session=session)
        if not answer.is_ok:
            raise Refused(answer)

    async def complete(self, session: str) -> Answer:
        """What the town finally says to a completion."""
        body = {"session_id": session}
        return await self._told("complete", "POST /api/session/complete", body, session=session)

    async def start_once(self) -> str:
        """The id of the session that one try to start brought; "" where it brought none."""
        body = {"task_template_id": self.account.task_id, "duration_minutes": MINUTES}
        request = self._request("POST /api/session/start", body)
        answer = await self._caller.once(self.account, "start", request)
        return _session_in(answer.body) if answer.is_ok else ""

    async def cancel_once(self, session: str) -> Answer:
        """What the town says to one try of a cancellation."""
        request = self._request("POST /api/session/cancel", {"session_id": session})
        return await self._caller.once(self.account, "cancel", request, session=session)

    async def complete_once(self, session: str) -> Answer:
        """What the town says to one try of a completion."""
        request = self._request("POST /api/session/complete", {"session_id": session})
        return await self._caller.once(self.account, "complete", request, session=session)

    async def complete_at_once(self, session: str, count: int) -> list[Answer]:
        """What the town finally says to so many completions that begin together."""
        return await asyncio.gather(*(self.complete(session) for _ in range(count)))

    async def cancel(self, session: str) -> Answer:
        """What the town finally says to a cancellation."""
        body = {"session_id": session}
        return await self._told("cancel", "POST /api/session/cancel", body, session=session)

    async def look(self) -> Answer:
        """What the town says to one look at the profile, which needs all four services."""
        request = self._request("GET /api/profile", None)
        return await self._caller.once(self.account, "profile", request)

    async def ask(self, operation: str, call: str, body: dict[str, Any] | None = None) -> Any:
        """The body of an answer that must be a success."""
        answer = await self._told(operation, call, body)
        if not answer.is_ok:
            raise Refused(answer)
        return answer.body

    async def _told(
        self,
        operation: str,
        call: str,
        body: dict[str, Any] | None = None,
        *,
        session: str = "",
        key: str = "",
    ) -> Answer:
        request = self._request(call, body, key)
        return await self._caller.until_told(self.account, operation, request, session=session)

    def _request(self, call: str, body: dict[str, Any] | None, key: str = "") -> Request:
        method, _, path = call.partition(" ")
        content = json.dumps(body) if body else ""
        return Request(method, path, self.account.access_token, content, key)

    def _credentials(self) -> dict[str, str]:
        return {"email": self.account.email, "password": PASSWORD}

    async def _keep_fresh(self) -> None:
        """Changes an access token that is about to expire for a new one."""
        if time.monotonic() < self.account.fresh_until:
            return
        body = {"refresh_token": self.account.refresh_token}
        answer = await self._told("refresh", "POST /api/auth/refresh", body)
        if answer.is_ok:
            self._keep(answer.body)
        else:
            await self.log_in()

    def _keep(self, tokens: dict[str, Any]) -> None:
        self.account.access_token = tokens["access_token"]
        self.account.refresh_token = tokens["refresh_token"]
        self.account.fresh_until = time.monotonic() + REFRESH_AFTER_S


def _session_in(body: dict[str, Any]) -> str:
    """The session that an answer brings or names."""
    found = body.get("active_session") or body
    return str(found.get("session_id") or "")
