"""A player who knows the town only by its HTTP interface."""

import secrets
import weakref
from typing import Any

import httpx

PASSWORD = "three quiet hours"
NEW_PASSWORD = "four quiet hours"


class Visitor:
    """A new account, logged in. `get`, `post` … answer whatever the town answers."""

    def __init__(self, url: str) -> None:
        self.email = f"{secrets.token_hex(8)}@example.com"
        self.http = httpx.Client(base_url=url, timeout=15)
        weakref.finalize(self, self.http.close)
        self.user = self.ok("POST", "/api/auth/register", email=self.email, password=PASSWORD)
        self.log_in()

    def log_in(self) -> dict[str, Any]:
        """Logs in, and plays with the new access token from now on."""
        tokens: dict[str, Any] = self.ok(
            "POST", "/api/auth/login", email=self.email, password=PASSWORD
        )
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """The answer to a request; its body is JSON where there is one."""
        return self.http.request(method, path, json=body or None)

    def ok(self, method: str, path: str, **body: Any) -> Any:
        """The JSON of an answer that must be a success."""
        answer = self.ask(method, path, **body)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """The JSON of a successful GET."""
        return self.ok("GET", path)

    def start(self, minutes: int = 25, *, room: str = "study") -> dict[str, Any]:
        """A new session from the starter task of a room."""
        task = next(task for task in self.get("/api/tasks") if task["room"] == room)
        session: dict[str, Any] = self.ok(
            "POST", "/api/session/start", task_template_id=task["id"], duration_minutes=minutes
        )
        return session

    def wait(self, minutes: int) -> None:
        """Lets time pass for this player alone."""
        self.ok("POST", "/api/sandbox/clock", advance_minutes=minutes)

    def complete(self, session: dict[str, Any]) -> httpx.Response:
        """The answer to a completion."""
        return self.ask("POST", "/api/session/complete", session_id=session["session_id"])

    def focus(self, minutes: int = 25) -> dict[str, Any]:
        """A whole session: its completion."""
        session = self.start(minutes)
        self.wait(minutes)
        answer = self.complete(session)
        assert answer.status_code == 200, answer.text
        completion: dict[str, Any] = answer.json()
        return completion
