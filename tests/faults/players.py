"""Players who play by the rules: they start, wait, complete, cancel and buy, and never guess."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from tests.faults.caller import Caller, session_in
from tests.faults.client import Answer, Request

PASSWORD = "three quiet hours"
MINUTES = 5
NAMED = 0.5
# Well before the 15 min of an access token are over.
REFRESH_AFTER_S = 600.0
# Enough for the dearest item.
POCKET_MONEY = 900
# So many who buy an item are given it meanwhile.
OUTRUN = 0.25
OUTRUN_AFTER_S = 0.05

START = "POST /api/session/start"
COMPLETE = "POST /api/session/complete"
CANCEL = "POST /api/session/cancel"


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
        answer = await self._told("start", START, self._wish(), key=self._key_or_none())
        session = session_in(answer.body)
        if not session:
            raise Refused(answer)
        return session

    async def let_it_pass(self, session: str) -> None:
        """Moves the player's clock past the end of a session."""
        body = {"advance_minutes": MINUTES}
        answer = await self._told("wait", "POST /api/sandbox/clock", body, session=session)
        if not answer.is_ok:
            raise Refused(answer)

    async def complete(self, session: str) -> Answer:
        """What the town finally says to a completion."""
        return await self._told("complete", COMPLETE, {"session_id": session}, session=session)

    async def complete_at_once(self, session: str, count: int) -> list[Answer]:
        """What the town finally says to so many completions that begin together."""
        return await asyncio.gather(*(self.complete(session) for _ in range(count)))

    async def cancel(self, session: str) -> Answer:
        """What the town finally says to a cancellation."""
        return await self._told("cancel", CANCEL, {"session_id": session}, session=session)

    async def buy(self) -> Answer | None:
        """What the town finally says to buying one of the day's offers; None when all are owned."""
        shop = await self.ask("shop", "GET /api/shop")
        wanted = [offer for offer in shop["offers"] if not offer["owned"]]
        if not wanted:
            return None
        gift = {"gold": POCKET_MONEY}
        await self.ask("grant", "POST /api/sandbox/grant", gift, key=secrets.token_hex(8))
        offer = self._caller.rng.choice(wanted)
        body = {"item_id": offer["item"]["id"], "rotation_id": shop["rotation_id"]}
        buying = self._told("buy", "POST /api/shop/buy", body, key=self._key_or_none())
        if self._caller.rng.random() >= OUTRUN:
            return await buying
        answer, _ = await asyncio.gather(buying, self._be_given(offer["item"]["id"]))
        return answer

    async def _be_given(self, item_id: str) -> None:
        """Gets an item another way, while it may be paid for and not yet delivered."""
        await asyncio.sleep(OUTRUN_AFTER_S)
        await self.ask("grant", "POST /api/sandbox/grant", {"item_id": item_id})

    async def look(self) -> Answer:
        """What the town says to one look at the profile, which needs all four services."""
        return await self._once("profile", "GET /api/profile")

    async def start_once(self) -> str:
        """The id of the session that one try to start brought; "" where it brought none."""
        answer = await self._once("start", START, self._wish())
        return session_in(answer.body) if answer.is_ok else ""

    async def complete_once(self, session: str) -> Answer:
        """What the town says to one try of a completion."""
        return await self._once("complete", COMPLETE, {"session_id": session}, session=session)

    async def cancel_once(self, session: str) -> Answer:
        """What the town says to one try of a cancellation."""
        return await self._once("cancel", CANCEL, {"session_id": session}, session=session)

    async def ask(
        self, operation: str, call: str, body: dict[str, Any] | None = None, *, key: str = ""
    ) -> Any:
        """The body of an answer that must be a success. Raises Refused."""
        answer = await self._told(operation, call, body, key=key)
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
        return await self._caller.until_told(self.account.id, operation, request, session=session)

    async def _once(
        self, operation: str, call: str, body: dict[str, Any] | None = None, *, session: str = ""
    ) -> Answer:
        request = self._request(call, body)
        return await self._caller.once(self.account.id, operation, request, session=session)

    def _request(self, call: str, body: dict[str, Any] | None, key: str = "") -> Request:
        method, _, path = call.partition(" ")
        content = json.dumps(body) if body else ""
        return Request(method, path, self.account.access_token, content, key)

    def _wish(self) -> dict[str, Any]:
        return {"task_template_id": self.account.task_id, "duration_minutes": MINUTES}

    def _key_or_none(self) -> str:
        """An Idempotency-Key for half of the tries, so that both kinds of client are there."""
        return secrets.token_hex(8) if self._caller.rng.random() < NAMED else ""

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
