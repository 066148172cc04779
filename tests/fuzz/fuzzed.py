"""A whole town under fuzz: a player and an operator in it, and how often it answered what."""

import contextlib
import http.client
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.e2e.opened import Town, opened
from tests.e2e.test_operator import nesra
from tests.e2e.visitor import PASSWORD, Visitor
from tests.fuzz.judge import Answer, Judge
from tests.service.town.command import promote

Headers = Sequence[tuple[str, bytes]]

# `make fuzz` sets it: a folder for what was counted.
FOLDER = os.environ.get("NESRA_FUZZ", "")
# In `make test` one worker opens the town; in `make fuzz` each has one of its own.
IN_ONE_TOWN = [] if FOLDER else [pytest.mark.xdist_group("fuzzed town")]
# None of the ids that the town gave.
STRANGE_ID = "0192f0c1-2c3d-7e4f-8a5b-6c7d8e9f0a1b"
# Longer than the town takes for any answer.
PATIENCE_S = 15


def examples(few: int, many: int) -> settings:
    """So many examples: always the same few in `make test`, many new ones in `make fuzz`."""
    phases = (Phase.generate, Phase.shrink) if FOLDER else (Phase.generate,)
    return settings(
        max_examples=many if FOLDER else few,
        derandomize=not FOLDER,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


class Fuzzed:
    """The town. `document` is what it says of itself, `tally` what it answered, by status."""

    def __init__(self, town: Town) -> None:
        self.url = town.url
        self.tally: Counter[int] = Counter()
        self.document: dict[str, Any] = httpx.get(f"{town.url}/openapi.json").json()
        self.judge = Judge(json.dumps(self.document))
        self.operator = Visitor(town.url)
        promote(town.home, self.operator.email)
        self._line = http.client.HTTPConnection(*_host(town.url), timeout=PATIENCE_S)
        self.renew()

    def renew(self) -> None:
        """Lets a new player come, who has a session under way and some things of their own."""
        self.player = Visitor(self.url)
        tokens = self.player.log_in()
        session = self.player.start(5)
        # The operator retires items, too.
        item = self.player.get("/api/items")[0]["id"]
        self.player.ok("POST", "/api/sandbox/grant", gold=1_000, item_id=item)
        shop = self.player.get("/api/shop")
        self._own: dict[str, list[Any]] = {
            "email": [self.player.email, f"new-{self.player.email}"],
            "username": [self.player.email],
            "password": [PASSWORD],
            "current_password": [PASSWORD],
            "refresh_token": [tokens["refresh_token"]],
            "task_template_id": [session["task_template_id"], STRANGE_ID],
            "task_id": [task["id"] for task in self.player.get("/api/tasks")],
            "session_id": [session["session_id"], STRANGE_ID],
            "item_id": [shop["offers"][0]["item"]["id"], item, STRANGE_ID],
            "rotation_id": [shop["rotation_id"]],
            "timezone": ["Asia/Tokyo", "Europe/Berlin"],
            "user_id": [self.player.user["id"], STRANGE_ID],
            "delivery_id": [STRANGE_ID],
            "device_id": [device["id"] for device in self.player.get("/api/auth/devices")],
        }

    def own(self, name: str, which: int) -> Any:
        """A value that means something here, for the field of that name; None for other names."""
        known = self._own.get(name, [None])
        return known[which % len(known)]

    def bearer(self, path: str) -> str:
        """The Authorization of who may ask there."""
        who = self.operator if path.startswith("/api/admin") else self.player
        return str(who.http.headers["Authorization"])

    def count(self, status: int, *, was_known: bool) -> None:
        """Counts an answer; who is not known any more is replaced, after a logout or 15 minutes."""
        self.tally[status] += 1
        if status == 401 and was_known:
            if self.operator.ask("GET", "/api/users/me").status_code == 401:
                self.operator.log_in()
            if self.player.ask("GET", "/api/users/me").status_code == 401:
                self.renew()

    def send(self, method: str, target: str, headers: Headers, body: bytes | None) -> Answer:
        """The answer to a request as it stands, which no client library has looked at."""
        self._line.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            self._line.putheader(name, value)
        if body is not None:
            self._line.putheader("Content-Length", str(len(body)))
        # An answer may come, and the line be closed, before all of a large body was sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._line.endheaders(body)
        answer = self._line.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.read())


@contextlib.contextmanager
def fuzzed(home: Path) -> Iterator[Fuzzed]:
    """A town of its own, in which nobody is told to slow down."""
    with opened(home, NESRA_RATE_LIMITS="off") as town:
        town.await_ready()
        there = Fuzzed(town)
        yield there
        print(
            f"fuzzed: {there.tally.total()} requests, by status {dict(sorted(there.tally.items()))}"
        )
        if FOLDER:
            Path(FOLDER, f"{os.getpid()}.json").write_text(json.dumps(there.tally))
            # Whatever was asked: nobody was paid twice, and nothing is lost.
            verified = nesra(home, "verify")
            assert verified.returncode == 0, verified.stdout + verified.stderr


def _host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port
