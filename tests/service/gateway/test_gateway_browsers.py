"""What a browser is told, so that no other page acts for a player or shows what is the player's."""

import uuid

import httpx
import pytest
from structlog.testing import capture_logs

from tests.service.gateway.stage import FRIEND, PUBLIC, Stage, staged

EVIL = "https://evil.example"


def with_cookie(stage: Stage, name: str) -> httpx.Client:
    client = stage.visitor()
    client.cookies.set(name, stage.auth.token(str(uuid.uuid4())))
    return client


def picture(player: httpx.Client, value: str) -> int:
    return player.patch("/api/users/me", json={"profile_picture": value}).status_code


def test_over_tls_only_a_cookie_that_no_other_host_could_set_is_believed(stage: Stage) -> None:
    with (
        with_cookie(stage, "nesra_access") as tossed,
        with_cookie(stage, "__Host-nesra_access") as own,
    ):
        assert tossed.get("/api/tasks").status_code == 401
        assert own.get("/api/tasks").status_code == 200


def test_a_town_without_tls_keeps_its_cookies_to_the_addresses_that_need_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("g")
    with staged(folder, public_url="http://town.example") as stage, stage.visitor() as visitor:
        login = {"email": "ada@example.com", "password": "three quiet hours"}
        access, refresh = visitor.post("/api/auth/login", json=login).headers.get_list("set-cookie")

        assert access.startswith("nesra_access=")
        assert "Path=/api;" in access
        assert refresh.startswith("nesra_refresh=")
        assert "Path=/api/auth;" in refresh
        assert "Secure" not in access + refresh


def test_a_page_that_did_not_come_over_tls_is_not_ours_where_players_come_over_tls(
    stage: Stage,
) -> None:
    with with_cookie(stage, "__Host-nesra_access") as client:
        for origin in (stage.url, PUBLIC.replace("https", "http")):
            answer = client.post("/api/auth/logout", headers={"origin": origin})

            assert answer.json()["code"] == "ORIGIN_REFUSED"


def test_another_page_may_not_have_a_browser_keep_its_own_login(visitor: httpx.Client) -> None:
    wish = {"refresh_token": "of somebody else"}

    refused = visitor.post("/api/auth/refresh", json=wish, headers={"origin": EVIL})
    allowed = visitor.post("/api/auth/refresh", json=wish, headers={"origin": FRIEND})

    assert (refused.status_code, allowed.status_code) == (403, 200)
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "path",
    ["/api/tasks", "/healthz", "/.well-known/jwks.json", "/openapi.json", "/nothing", "/metrics"],
)
def test_what_is_no_page_shows_and_runs_nothing(visitor: httpx.Client, path: str) -> None:
    headers = visitor.get(path).headers

    assert headers.get_list("content-security-policy") == [
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/docs", "/verify?token=x", "/reset-password?token=x"])
def test_a_page_has_one_policy_and_its_window_to_itself(visitor: httpx.Client, path: str) -> None:
    headers = visitor.get(path).headers

    [policy] = headers.get_list("content-security-policy")
    for rule in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    "value",
    ["https://example.com/ada.png", "http://example.com/a", "data:image/png;base64,AAAA", "cat_3"],
)
def test_a_picture_is_an_address_an_image_or_a_key(player: httpx.Client, value: str) -> None:
    assert picture(player, value) == 200


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=",
        "data:image/png,<svg>",
        "file:///etc/passwd",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "ä.png",
    ],
)
def test_a_picture_is_nothing_that_runs(player: httpx.Client, value: str) -> None:
    assert picture(player, value) == 422


def test_a_refused_access_is_logged_with_who_and_where(stage: Stage) -> None:
    with capture_logs() as logs, with_cookie(stage, "__Host-nesra_access") as client:
        answer = client.post("/api/auth/logout", headers={"origin": EVIL})

    [event] = [line for line in logs if line["event"] == "access_refused"]
    assert (event["code"], event["method"]) == ("ORIGIN_REFUSED", "POST")
    assert (event["path"], event["request_id"]) == (
        "/api/auth/logout",
        answer.headers["x-request-id"],
    )
