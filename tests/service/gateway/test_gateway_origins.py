"""Pages of other origins: who may read is told so, and nobody else is told anything."""

import httpx
import pytest

from gateway.errors import CATALOGUE
from tests.service.gateway.stage import FRIEND, staged

EVIL = "https://evil.example"
FOREIGN = [EVIL, "null", "", FRIEND.upper(), f"{FRIEND}.evil.example", f"{FRIEND}, {FRIEND}"]
# A hot call, another, a page's, and none.
PATHS = ["/api/tasks", "/api/users/me", "/docs", "/nowhere"]


def preflight(
    client: httpx.Client, path: str, *origins: str, method: str = "GET"
) -> httpx.Response:
    headers = [("origin", origin) for origin in origins]
    return client.options(path, headers=[*headers, ("access-control-request-method", method)])


def told(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", FOREIGN)
def test_another_page_that_asks_beforehand_is_refused(
    visitor: httpx.Client, path: str, origin: str
) -> None:
    answer = preflight(visitor, path, origin)

    assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_REFUSED")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == CATALOGUE["ORIGIN_REFUSED"].detail
    assert answer.headers["vary"] == "Origin"
    assert told(answer) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", FOREIGN)
def test_another_page_that_asks_at_once_reads_nothing(
    player: httpx.Client, path: str, origin: str
) -> None:
    answer = player.get(path, headers={"origin": origin})

    assert answer.status_code != 403
    assert answer.headers["vary"] == "Origin"
    assert told(answer) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT"])
def test_an_allowed_page_is_told_what_it_may_send(
    visitor: httpx.Client, path: str, method: str
) -> None:
    answer = preflight(visitor, path, FRIEND, method=method)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, PATCH, DELETE"
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", PATHS)
def test_an_allowed_page_reads_every_answer(player: httpx.Client, path: str) -> None:
    answer = player.get(path, headers={"origin": FRIEND})

    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", PATHS)
def test_who_is_no_page_is_told_that_others_are_answered_otherwise(
    player: httpx.Client, path: str
) -> None:
    answer = player.get(path)

    assert answer.headers["vary"] == "Origin"
    assert told(answer) == []


@pytest.mark.parametrize("origins", [(FRIEND, EVIL), (EVIL, FRIEND), (FRIEND, FRIEND)])
def test_of_two_origins_none_counts(player: httpx.Client, origins: tuple[str, str]) -> None:
    headers = [("origin", origin) for origin in origins]
    login = {"email": "ada@example.com", "password": "three quiet hours"}

    assert told(player.get("/api/tasks", headers=headers)) == []
    assert preflight(player, "/api/tasks", *origins).json()["code"] == "ORIGIN_REFUSED"
    refused = player.post("/api/auth/login", json=login, headers=headers)
    assert refused.json()["code"] == "ORIGIN_REFUSED"


def test_asking_what_can_be_done_is_no_method_here(visitor: httpx.Client) -> None:
    for headers in ({}, {"origin": FRIEND}, {"origin": EVIL}):
        answer = visitor.options("/api/tasks", headers=headers)

        assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


def test_a_town_without_friends_refuses_every_page(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("g")
    with staged(folder, cors_origins=()) as stage, stage.player() as player:
        assert preflight(player, "/api/tasks", FRIEND).json()["code"] == "ORIGIN_REFUSED"
        answer = player.get("/api/tasks", headers={"origin": FRIEND})

    assert answer.status_code == 200
    assert told(answer) == []
