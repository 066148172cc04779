"""A service that is killed during a completion delays what it brings and loses nothing."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.opened import Town
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.xdist_group("rough town")

# The promise after any fault (reliability.md, R7).
HEALS_WITHIN_S = 30.0


def test_inventory_killed_during_a_drop_gives_the_item_later_and_once(rough_town: Town) -> None:
    visitor = Visitor(rough_town.url)
    session = _over(visitor)

    answer = _completed_while_dying(rough_town, "services.inventory", visitor, session)

    assert (answer["exp_reward"], answer["gold_reward"]) == (50, 25)
    assert answer["settled"] is False
    assert answer["drop_proof"]["dropped"] is True
    assert answer["dropped_item"] is None
    _eventually(lambda: len(_answer(visitor, "/api/inventory") or []) == 1)
    _eventually(lambda: visitor.get("/api/session/history")[0]["dropped_item"] is not None)
    again = visitor.complete(session).json()
    (owned,) = visitor.get("/api/inventory")
    assert again["settled"] is True
    assert again["dropped_item"]["id"] == owned["id"]
    assert visitor.get("/api/profile")["hero"]["gold"] == 25


def test_world_killed_during_a_completion_counts_it_later_and_once(rough_town: Town) -> None:
    visitor = Visitor(rough_town.url)
    session = _over(visitor)

    answer = _completed_while_dying(rough_town, "services.world", visitor, session)

    assert answer["gold_reward"] == 25
    assert answer["settled"] is False
    assert answer["worldState"] is None
    _eventually(lambda: (_answer(visitor, "/api/worldstate") or {}).get("day_streak") == 1)
    again = visitor.complete(session).json()
    assert again["settled"] is True
    assert again["worldState"]["total_sessions_success"] == 1
    assert visitor.get("/api/profile")["hero"]["gold"] == 25


def test_session_killed_during_a_completion_pays_once_on_retry(rough_town: Town) -> None:
    visitor = Visitor(rough_town.url)
    session = _over(visitor)
    service = rough_town.process_of("services.session")
    assert service is not None
    service.suspend()
    with ThreadPoolExecutor(1) as thread:
        completing = thread.submit(visitor.complete, session)
        service.kill()
        lost = completing.result()

    assert lost.status_code == 503
    assert 1 <= int(lost.headers["Retry-After"]) <= 30
    _eventually(lambda: visitor.complete(session).status_code == 200)
    assert visitor.complete(session).json()["gold_reward"] == 25
    assert visitor.get("/api/profile")["hero"]["gold"] == 25


def test_with_auth_gone_playing_goes_on(rough_town: Town) -> None:
    visitor = Visitor(rough_town.url)
    session = _over(visitor)
    auth = rough_town.process_of("services.auth")
    assert auth is not None
    auth.suspend()

    answer = visitor.complete(session)
    login = visitor.ask("POST", "/api/auth/login", email=visitor.email, password="whatever else")

    auth.resume()
    assert answer.status_code == 200
    assert login.status_code == 503
    assert "Retry-After" in login.headers
    _eventually(lambda: visitor.ask("GET", "/api/users/me").status_code == 200)


def _over(visitor: Visitor) -> dict[str, Any]:
    """A session whose time has passed."""
    session = visitor.start(25)
    visitor.wait(25)
    return session


def _completed_while_dying(
    town: Town, name: str, visitor: Visitor, session: dict[str, Any]
) -> dict[str, Any]:
    """The 200 of a completion in whose midst a service hangs and is then killed."""
    service = town.process_of(name)
    assert service is not None
    service.suspend()
    with ThreadPoolExecutor(1) as thread:
        completing = thread.submit(visitor.complete, session)
        # The reward is committed long before: the hop to the hung service is all that is left.
        time.sleep(0.3)
        service.kill()
        answer = completing.result()
    assert answer.status_code == 200, answer.text
    completion: dict[str, Any] = answer.json()
    return completion


def _answer(visitor: Visitor, path: str) -> Any:
    """The JSON of a GET, or None while the town can not answer it."""
    try:
        answer = visitor.ask("GET", path)
    except httpx.TransportError:
        return None
    assert answer.status_code in {200, 503}, answer.text
    return answer.json() if answer.status_code == 200 else None


def _eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + HEALS_WITHIN_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)
