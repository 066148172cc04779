"""Headers that stand there twice, lead elsewhere, or say something that they should not."""

import uuid

import httpx
import pytest

from tests.service.gateway.calls import LOGIN, TASK
from tests.service.gateway.stage import PUBLIC, Stage

JSON = ("content-type", "application/json")
EVIL = "https://evil.example"


def cookie(stage: Stage) -> str:
    return f"__Host-nesra_access={stage.auth.token(str(uuid.uuid4()))}"


def bearer(stage: Stage) -> str:
    return f"Bearer {stage.auth.token(str(uuid.uuid4()))}"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "x", "", "identity, gzip"])
def test_a_body_that_is_coded_is_not_read(visitor: httpx.Client, coding: str) -> None:
    answer = visitor.post("/api/auth/login", json=LOGIN, headers={"content-encoding": coding})

    assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_body_that_is_said_not_to_be_coded_is_read(visitor: httpx.Client) -> None:
    answer = visitor.post("/api/auth/login", json=LOGIN, headers={"content-encoding": "identity"})

    assert answer.status_code == 200


@pytest.mark.parametrize("other", ["application/json", "text/plain"])
def test_of_two_types_of_a_body_none_counts(visitor: httpx.Client, other: str) -> None:
    for headers in ([JSON, ("content-type", other)], [("content-type", other), JSON]):
        answer = visitor.post("/api/auth/login", content=b"{}", headers=headers)

        assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_token_in_the_header_counts_and_no_cookie_beside_it(stage: Stage) -> None:
    with stage.visitor() as visitor:
        good, bad = bearer(stage), "Bearer no.token.atall"
        first = visitor.get("/api/tasks", headers={"authorization": good, "cookie": "x=y"})
        no_help = visitor.get("/api/tasks", headers={"authorization": bad, "cookie": cookie(stage)})
        # A page cannot make a browser send that header without being allowed to.
        no_harm = visitor.post(
            "/api/tasks",
            json=TASK,
            headers={"authorization": good, "cookie": cookie(stage), "origin": EVIL},
        )

    assert (first.status_code, no_help.status_code, no_harm.status_code) == (200, 401, 201)


def test_of_two_cookies_of_a_name_none_counts(stage: Stage) -> None:
    one, other = cookie(stage), cookie(stage)
    with stage.visitor() as visitor:
        once = visitor.get("/api/tasks", headers=[("cookie", "a=b"), ("cookie", one)])
        same = visitor.get("/api/tasks", headers={"cookie": f"{one}; {one}"})
        joined = visitor.get("/api/tasks", headers={"cookie": f"{one}; {other}"})
        apart = visitor.get("/api/tasks", headers=[("cookie", one), ("cookie", other)])

    assert (once.status_code, same.status_code) == (200, 200)
    assert (joined.status_code, apart.status_code) == (401, 401)


@pytest.mark.parametrize(
    "name", ["x-http-method-override", "x-http-method", "x-method-override", "_method"]
)
def test_a_method_is_what_the_first_line_says(player: httpx.Client, name: str) -> None:
    assert player.get("/api/tasks", headers={name: "DELETE"}).status_code == 200
    assert player.get("/api/tasks", params={name: "DELETE"}).status_code == 422
    assert player.post("/api/tasks", json=TASK | {name: "DELETE"}).status_code == 422


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forwarded", "for=1.2.3.4;host=evil.example;proto=http"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-original-url", "/api/admin/users"),
        ("x-rewrite-url", "/api/admin/users"),
        ("x-original-host", "evil.example"),
        ("x-request-id", "canary"),
        ("x-user-id", "canary"),
    ],
)
def test_who_and_what_is_meant_is_not_up_to_such_a_header(
    stage: Stage, name: str, value: str
) -> None:
    with stage.player(is_superuser=False) as player:
        served = player.get("/api/tasks", headers={name: value})
        refused = player.get("/nowhere", headers={name: value})

    assert served.json()[0]["name"] == "Deep reading"
    assert refused.json()["type"] == f"{PUBLIC}/docs#NOT_FOUND"
    for answer in (served, refused):
        assert "evil" not in answer.text + str(answer.headers)
        assert "canary" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("name", ["x-forwarded-host", "forwarded", "x-original-host"])
def test_a_page_is_not_ours_because_such_a_header_says_so(stage: Stage, name: str) -> None:
    headers = {"cookie": cookie(stage), "origin": EVIL, name: "evil.example"}
    with stage.visitor() as visitor:
        answer = visitor.post("/api/tasks", json=TASK, headers=headers)

    assert answer.json()["code"] == "ORIGIN_REFUSED"


def test_a_device_is_shown_by_a_name_that_can_be_shown(stage: Stage, visitor: httpx.Client) -> None:
    agent = b"Town\x9b31m/1\t" + b"x" * 500
    answer = visitor.post("/api/auth/login", json=LOGIN, headers={b"user-agent": agent})

    assert answer.status_code == 200
    login = stage.auth.seen["Login"][-1]
    assert login.device == ("Town?31m/1?" + "x" * 500)[:200]
