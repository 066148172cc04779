"""Who may act: tokens, cookies, pages. Forged tokens are in test_gateway_forgeries.py."""

import time
import uuid

import httpx
import pytest

from services.kit.errors import Failure
from tests.service.gateway.actor import refusing
from tests.service.gateway.stage import FRIEND, PUBLIC, Stage, within


class TokenReused(Failure):
    pass


def status(stage: Stage, token: str) -> int:
    with stage.visitor(Authorization=f"Bearer {token}") as client:
        return client.get("/api/tasks").status_code


def test_a_token_of_auth_is_accepted(stage: Stage) -> None:
    assert status(stage, stage.auth.token(str(uuid.uuid4()))) == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic eDp5", "Bearer é.é.é"]
)
def test_what_is_no_token_is_refused(visitor: httpx.Client, header: str) -> None:
    answer = visitor.get("/api/tasks", headers={b"authorization": header.encode("latin-1")})

    assert answer.status_code == 401


def test_a_token_expires_although_it_was_accepted_before(stage: Stage) -> None:
    token = stage.auth.token(str(uuid.uuid4()), exp=time.time() + 1.0)

    assert status(stage, token) == 200
    assert within(3, lambda: status(stage, token) == 401)


def test_logging_out_takes_effect_here_at_once(player: httpx.Client) -> None:
    answer = player.post("/api/auth/logout")

    assert answer.status_code == 204
    assert player.get("/api/tasks").status_code == 401
    assert all("Max-Age=0" in cookie for cookie in answer.headers.get_list("set-cookie"))


def by_cookie(stage: Stage, method: str, path: str, **headers: str) -> httpx.Response:
    with stage.visitor(**headers) as client:
        client.cookies.set("__Host-nesra_access", stage.auth.token(str(uuid.uuid4())))
        client.cookies.set("__Host-nesra_refresh", "opaque")
        return client.request(method, path)


def test_a_cookie_tells_the_player_too(stage: Stage) -> None:
    assert by_cookie(stage, "GET", "/api/tasks").status_code == 200


@pytest.mark.parametrize("origin", [PUBLIC, FRIEND])
def test_a_page_of_ours_may_write_by_cookie(stage: Stage, origin: str) -> None:
    assert by_cookie(stage, "DELETE", "/api/sandbox/clock", Origin=origin).status_code == 200


def test_a_page_from_the_request_s_own_host_may_write_by_cookie(stage: Stage) -> None:
    origin = stage.url.replace("http://", "https://")

    answer = by_cookie(stage, "DELETE", "/api/sandbox/clock", Origin=origin)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "town.example"}],
)
def test_another_page_may_not_write_by_cookie(stage: Stage, headers: dict[str, str]) -> None:
    answer = by_cookie(stage, "DELETE", "/api/sandbox/clock", **headers)

    assert answer.status_code == 403
    assert answer.json()["code"] == "ORIGIN_REFUSED"


def test_the_authorization_header_wins_over_a_cookie(stage: Stage) -> None:
    assert by_cookie(stage, "GET", "/api/tasks", Authorization="Bearer x").status_code == 401


def test_a_refresh_by_cookie_needs_a_page_of_ours(stage: Stage) -> None:
    assert by_cookie(stage, "POST", "/api/auth/refresh").status_code == 403
    assert by_cookie(stage, "POST", "/api/auth/refresh", Origin=PUBLIC).status_code == 200
    assert stage.auth.seen["Refresh"][-1].refresh_token == "opaque"


def test_a_refresh_with_neither_body_nor_cookie_is_refused(visitor: httpx.Client) -> None:
    assert visitor.post("/api/auth/refresh").status_code == 401


def test_a_refresh_token_used_twice_is_told_so(stage: Stage, visitor: httpx.Client) -> None:
    with stage.auth.playing(Refresh=refusing(TokenReused())):
        answer = visitor.post("/api/auth/refresh", json={"refresh_token": "x"})

    assert answer.status_code == 401
    assert answer.json()["code"] == "TOKEN_REUSED"


def test_another_page_may_not_log_a_browser_in(visitor: httpx.Client) -> None:
    form = {"username": "a", "password": "b"}
    answer = visitor.post("/api/auth/token", data=form, headers={"origin": "https://evil.example"})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "content",
    [
        b"username=a",
        b"username=a&password=b&password=c",
        b"username=a&password=b&admin=1",
        b"username=a&password=b&grant_type=code",
        b"username=%ff&password=b",
        b"username=a%00&password=b",
    ],
)
def test_a_password_form_that_is_not_as_agreed_is_invalid(
    visitor: httpx.Client, content: bytes
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = visitor.post("/api/auth/token", content=content, headers=headers)

    assert answer.status_code == 422
