"""Players who own one of everything that has an id, and what of theirs must not change."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth.keys import SigningKeys
from services.auth.tokens import SigningKey, access_token
from services.kit.database import Database
from services.kit.ids import uuid7
from tests.e2e.visitor import Visitor
from town.databases import urls_on
from town.home import Home

# What nobody's bad request may change.
KEPT = (
    "/api/profile",
    "/api/tasks",
    "/api/inventory",
    "/api/items",
    "/api/session/history",
    "/api/session/active",
    "/api/auth/devices",
    "/api/sandbox/clock",
)
# It goes on by itself.
_TIMES = ("now", "server_time")
GOLD = 1_000


class Resident(Visitor):
    """A visitor who has played: with tasks, sessions, an item that is worn, two logins."""

    def __init__(self, url: str, *, item: int) -> None:
        """`item` is the place in the catalogue of the one that this player owns."""
        super().__init__(url)
        self.tokens = self.log_in()
        # Not completed: a drop might be the very item that somebody else owns.
        given_up = self.start(5)
        self.ok("POST", "/api/session/cancel", session_id=given_up["session_id"])
        self.item = self.get("/api/items")[item]
        self.ok("POST", "/api/sandbox/grant", item_id=self.item["id"], gold=GOLD)
        self.ok("POST", "/api/inventory/equip", item_id=self.item["id"])
        self.session = self.start(25)

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """What this player's things are called, by the names that fields and paths give them."""
        task = self.get("/api/tasks")[0]["id"]
        devices = self.get("/api/auth/devices")
        session = self.session["session_id"]
        return {
            "task_id": task,
            "task_template_id": task,
            "session_id": session,
            # A delivery is called as the session that it tells of.
            "delivery_id": session,
            "item_id": self.item["id"],
            "device_id": next(each["id"] for each in devices if not each["current"]),
            "user_id": self.user["id"],
            "target": self.user["id"],
        }

    def state(self) -> dict[str, Any]:
        """What is this player's, as it is now."""
        return {path: _lasting(self.get(path)) for path in KEPT}


class TownsAuth:
    """Auth's key, out of a town's own folder: what its tokens are signed with."""

    def __init__(self, folder: Path) -> None:
        home = Home(folder)
        self.secret = home.secret()
        url = urls_on(home.postgres().url(), ["auth"], self.secret)["auth"]
        database = Database(url, size=1)
        database.open()
        try:
            self._signing: SigningKey = SigningKeys(database, self.secret).signing_at(
                datetime.now(UTC)
            )
        finally:
            database.close()

    @property
    def kid(self) -> str:
        """The id of the key."""
        return self._signing.kid

    @property
    def key(self) -> Ed25519PrivateKey:
        """The private key itself."""
        return self._signing.private

    def token(self, user_id: str, /) -> str:
        """A good access token of a login that nobody has ended."""
        now = datetime.now(UTC)
        return access_token(self._signing, user_id=user_id, family_id=uuid7(now), now=now)[0]


def _lasting(value: Any) -> Any:
    """The value without what goes on by itself."""
    if isinstance(value, list):
        return [_lasting(each) for each in value]
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in _TIMES}
    return value
