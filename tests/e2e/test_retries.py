"""A client that repeats a write with its key gets one effect, whatever died meanwhile."""

import time
from typing import Any

import httpx
import pytest

from tests.e2e.opened import Town
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.xdist_group("rough town")

HEALS_WITHIN_S = 30.0
TASK = {"name": "Read", "category": "x", "default_duration_minutes": 25, "room": "study"}


def test_a_repeated_start_gives_the_first_session_whatever_became_of_it(rough_town: Town) -> None:
    visitor = Visitor(rough_town.url)
    task_id = visitor.get("/api/tasks")[0]["id"]
    wish = {"task_template_id": task_id, "duration_minutes": 25}
    first = _sent(visitor, "/api/session/start", wish)
    visitor.ok("POST", "/api/session/cancel", session_id=first.json()["session_id"])

    again = _sent(visitor, "/api/session/start", dict(reversed(wish.items())))
    other = _sent(visitor, "/api/session/start", wish | {"duration_minutes": 30})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert visitor.ask("GET", "/api/session/active").status_code == 204


@pytest.mark.parametrize(("point", "was_done"), [("once.kept", False), ("once.committed", True)])
def test_a_write_whose_service_is_killed_is_done_once_by_the_repetition(
    rough_town: Town, point: str, *, was_done: bool
) -> None:
    visitor = Visitor(rough_town.url)
    visitor.get("/api/tasks")
    (rough_town.home / "points" / point).write_text("kill")

    lost = _sent(visitor, "/api/tasks", TASK)
    answer = _when_back(visitor, "/api/tasks", TASK)

    assert lost.status_code == 503
    assert answer.status_code == 201
    assert ("Idempotency-Replayed" in answer.headers) is was_done
    assert [task["id"] for task in visitor.get("/api/tasks")[3:]] == [answer.json()["id"]]


def test_a_gift_that_was_half_given_is_completed_by_the_repetition(rough_town: Town) -> None:
    visitor = Visitor(rough_town.url)
    item_id = visitor.get("/api/items")[0]["id"]
    gift = {"gold": 7, "item_id": item_id}
    (rough_town.home / "points" / "once.committed").write_text("kill")

    lost = _sent(visitor, "/api/sandbox/grant", gift)
    answer = _when_back(visitor, "/api/sandbox/grant", gift)

    assert lost.status_code == 503
    assert answer.json()["gold"] == 7
    assert [item["id"] for item in visitor.get("/api/inventory")] == [item_id]
    assert visitor.get("/api/profile")["hero"]["gold"] == 7


def _sent(visitor: Visitor, path: str, body: dict[str, Any]) -> httpx.Response:
    return visitor.http.post(path, json=body, headers={"Idempotency-Key": "mine"})


def _when_back(visitor: Visitor, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer to a repetition, after those that say that the town is not back yet."""
    until = time.monotonic() + HEALS_WITHIN_S
    while (answer := _sent(visitor, path, body)).status_code == 503:
        assert time.monotonic() < until
        time.sleep(0.1)
    return answer
