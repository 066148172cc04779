"""Who may act: tokens, cookies, pages, and logins that ended."""

import base64
import json
import time
import uuid
from collections.abc import Callable

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp

from protos.auth.v1 import auth_pb2
from services.kit.errors import Failure, Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.stage import FRIEND, PUBLIC, Stage


class TokenReused(Failure):
    pass


def status(stage: Stage, token: str) -> int:
    with stage.visitor(Authorization=f"Bearer {token}") as client:
        return client.get("/api/tasks").status_code


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
    return False


def test_a_token_of_auth_is_accepted(stage: Stage) -> None:
    assert status(stage, stage.auth.token(str(uuid.uuid4()))) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"iat": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"sid": None},
        {"jti": None},
        {"iss": "another-town"},
        {"aud": "another-api"},
        {"exp": 1},
        {"exp": "soon"},
    ],
)
def test_a_token_with_wrong_or_missing_claims_is_refused(
    stage: Stage, changes: dict[str, object]
) -> None:
    assert status(stage, stage.auth.token(str(uuid.uuid4()), **changes)) == 401


def forged(stage: Stage, key: object, algorithm: str, **header: str) -> str:
    claims = jwt.decode(stage.auth.token(str(uuid.uuid4())), options={"verify_signature": False})
    headers = {"kid": stage.auth.kid, "typ": "at+jwt"} | header
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)  # type: ignore[arg-type]  # forged on purpose


def test_a_token_without_a_signature_is_refused(stage: Stage) -> None:
    assert status(stage, forged(stage, None, "none")) == 401


def test_a_token_signed_with_the_public_key_as_secret_is_refused(stage: Stage) -> None:
    public = stage.auth.key.public_key().public_bytes_raw()

    assert status(stage, forged(stage, public, "HS256")) == 401


def test_a_token_of_another_key_is_refused(stage: Stage) -> None:
    assert status(stage, forged(stage, Ed25519PrivateKey.generate(), "EdDSA")) == 401


def test_a_token_of_an_unknown_kid_is_refused(stage: Stage) -> None:
    assert status(stage, forged(stage, stage.auth.key, "EdDSA", kid="other")) == 401


def test_a_token_of_another_type_is_refused(stage: Stage) -> None:
    assert status(stage, forged(stage, stage.auth.key, "EdDSA", typ="JWT")) == 401


def test_a_token_with_an_edited_payload_is_refused(stage: Stage) -> None:
    head, payload, signature = stage.auth.token(str(uuid.uuid4())).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["sub"] = str(uuid.uuid4())
    edited = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    assert status(stage, f"{head}.{edited}.{signature}") == 401


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


def test_tokens_expire_by_the_clock_of_auth_not_by_the_gateways(own_stage: Stage) -> None:
    tomorrow = Timestamp(seconds=int(time.time()) + 86_400)
    answer = auth_pb2.ListEndedFamiliesResponse(until=tomorrow, now=tomorrow)
    today = own_stage.auth.token(str(uuid.uuid4()))
    fresh = own_stage.auth.token(str(uuid.uuid4()), exp=tomorrow.seconds + 60)
    assert status(own_stage, today) == 200

    with own_stage.auth.playing(ListEndedFamilies=lambda _: answer):
        expired = within(5, lambda: status(own_stage, today) == 401)

    assert expired
    assert status(own_stage, fresh) == 200


def test_a_key_that_is_new_is_fetched_when_it_is_met(own_stage: Stage) -> None:
    own_stage.auth.key, own_stage.auth.kid = Ed25519PrivateKey.generate(), "second"

    token = own_stage.auth.token(str(uuid.uuid4()))

    assert within(3, lambda: status(own_stage, token) == 200)


def test_made_up_keys_are_asked_for_once_a_second_at_most(own_stage: Stage) -> None:
    before, began = len(own_stage.auth.seen["GetSigningKeys"]), time.monotonic()

    for number in range(40):
        status(own_stage, forged(own_stage, own_stage.auth.key, "EdDSA", kid=f"x{number}"))

    asked = len(own_stage.auth.seen["GetSigningKeys"]) - before
    assert asked <= 1 + time.monotonic() - began


def test_a_login_that_ended_elsewhere_is_refused_within_a_second(own_stage: Stage) -> None:
    family = str(uuid.uuid4())
    token = own_stage.auth.token(str(uuid.uuid4()), sid=family)
    assert status(own_stage, token) == 200

    own_stage.auth.ended.add(family)

    assert within(1.0, lambda: status(own_stage, token) == 401)


def test_logging_out_takes_effect_here_at_once(player: httpx.Client) -> None:
    answer = player.post("/api/auth/logout")

    assert answer.status_code == 204
    assert player.get("/api/tasks").status_code == 401
    assert all("Max-Age=0" in cookie for cookie in answer.headers.get_list("set-cookie"))


def test_playing_goes_on_while_auth_is_down(own_stage: Stage) -> None:
    down = refusing(Unavailable())
    with own_stage.auth.playing(GetSigningKeys=down, ListEndedFamilies=down):
        assert status(own_stage, own_stage.auth.token(str(uuid.uuid4()))) == 200


def test_a_made_up_key_while_auth_is_down_locks_nobody_out(own_stage: Stage) -> None:
    made_up = forged(own_stage, own_stage.auth.key, "EdDSA", kid="other")
    asked = own_stage.auth.seen["GetSigningKeys"]
    before = len(asked)

    with own_stage.auth.playing(GetSigningKeys=refusing(Unavailable())):
        assert within(3, lambda: status(own_stage, made_up) != 200 and len(asked) > before)

        assert status(own_stage, own_stage.auth.token(str(uuid.uuid4()))) == 200


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
