"""Whoever has a password hashed stands in line; nobody else waits behind them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from gateway.app import EXPORTING, HASHING
from protos.auth.v1 import auth_pb2
from services.kit.personal import EXPORTS_AT_ONCE
from tests.service.gateway.calls import send
from tests.service.gateway.lines import exported
from tests.service.gateway.stage import Stage
from tests.service.gateway.test_gateway_refusals import problem

# Each call that hashes, and the method of auth behind it.
HASHED = {
    "POST /api/auth/login": "Login",
    "POST /api/auth/token": "Login",
    "POST /api/auth/register": "Register",
    "POST /api/auth/reset-password": "ResetPassword",
    "DELETE /api/users/me": "DeleteUser",
}


class Door:
    """Lets nobody out until it is opened, and counts who is within; `is_full` when all places are taken."""

    def __init__(self, places: int = HASHING) -> None:
        self.most = 0
        # Waited for, never looked at again and again: that would take the time of those who come,
        # and a gateway does not ask again for a second where three calls took two seconds.
        self.is_full = threading.Event()
        self._places = places
        self._within = 0
        self._counting = threading.Lock()
        self._opened = threading.Event()

    def open(self) -> None:
        """Lets everybody out, for ever."""
        self._opened.set()

    def pass_by(self) -> None:
        """Stays until it is open."""
        with self._counting:
            self._within += 1
            self.most = max(self.most, self._within)
            if self._within == self._places:
                self.is_full.set()
        self._opened.wait(10)
        with self._counting:
            self._within -= 1

    def read(self, _: Any) -> Iterator[Any]:
        """An export behind it."""
        self.pass_by()
        yield from exported("world_state", "[]")


@pytest.mark.parametrize("call", HASHED)
def test_few_passwords_are_hashed_at_a_time_and_the_others_wait_their_turn(
    own_stage: Stage, call: str
) -> None:
    door, method = Door(), HASHED[call]
    answer = own_stage.auth.plays[method]

    def hash_slowly(request: Any) -> Any:
        door.pass_by()
        return answer(request)

    with (
        own_stage.player() as player,
        own_stage.auth.playing(**{method: hash_slowly}),
        ThreadPoolExecutor(3 * HASHING) as threads,
    ):
        asked = [threads.submit(send, player, call) for _ in range(3 * HASHING)]
        assert door.is_full.wait(20)
        meanwhile = player.get("/api/tasks")
        door.open()
        statuses = {done.result().status_code for done in asked}

    assert meanwhile.status_code == 200
    assert door.most == HASHING
    assert all(status < 300 for status in statuses)


def test_a_name_is_changed_past_the_line(own_stage: Stage) -> None:
    door = Door()

    def hash_slowly(_: Any) -> auth_pb2.LoginResponse:
        door.pass_by()
        return auth_pb2.LoginResponse()

    def change(player: httpx.Client, **more: str) -> httpx.Response:
        return player.patch("/api/users/me", json={"full_name": "Ada", **more})

    with (
        own_stage.player() as player,
        own_stage.auth.playing(Login=hash_slowly),
        ThreadPoolExecutor(HASHING + 1) as threads,
    ):
        for _ in range(HASHING):
            threads.submit(send, player, "POST /api/auth/login")
        assert door.is_full.wait(20)
        past = change(player)
        behind = threads.submit(
            change, player, password="four quiet hours", current_password="three quiet hours"
        )
        seen = len(own_stage.auth.seen["UpdateUser"])
        door.open()

    assert past.status_code == 200
    assert seen == 1
    assert behind.result().status_code == 200


def test_as_many_exports_pass_as_the_services_take_on_and_the_others_wait_their_turn(
    own_stage: Stage,
) -> None:
    door = Door(EXPORTING)

    with (
        own_stage.player() as player,
        own_stage.world.playing(ExportUser=door.read),
        ThreadPoolExecutor(EXPORTING + 1) as threads,
    ):
        asked = [threads.submit(player.get, "/api/users/me/export") for _ in range(EXPORTING + 1)]
        assert door.is_full.wait(20)
        door.open()
        statuses = [done.result().status_code for done in asked]

    assert EXPORTING == door.most == EXPORTS_AT_ONCE
    assert statuses == [200] * (EXPORTING + 1)


def test_an_export_that_waits_too_long_is_sent_away(own_stage: Stage) -> None:
    door = Door(EXPORTING)

    with (
        own_stage.player() as player,
        own_stage.world.playing(ExportUser=door.read),
        ThreadPoolExecutor(EXPORTING) as threads,
    ):
        others = [threads.submit(player.get, "/api/users/me/export") for _ in range(EXPORTING)]
        assert door.is_full.wait(20)
        answer = player.get("/api/users/me/export")
        door.open()
        statuses = [done.result().status_code for done in others]

    problem(answer, "UNAVAILABLE")
    assert statuses == [200] * EXPORTING
