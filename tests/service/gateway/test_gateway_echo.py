"""No answer says again what it was sent: neither a value, nor an address, nor a header."""

from typing import Any

import httpx
import pytest

from services.kit.errors import Failure
from tests.service.gateway.actor import refusing
from tests.service.gateway.calls import GOOD, line_of, send
from tests.service.gateway.stage import Stage

CANARY = "c4n4ry"
# As a client could send it by mistake: in the wrong place, of the wrong type, too long.
VALUES: list[Any] = [
    CANARY,
    f"{CANARY}<b>",
    f"{CANARY}\u202e",
    CANARY * 9000,
    [CANARY],
    {"x": CANARY},
    {CANARY.upper(): [CANARY]},
]
WITH_BODY = sorted(call for call in GOOD if "json" in GOOD[call])


def silent(answer: httpx.Response) -> bool:
    return CANARY not in answer.text and CANARY not in str(answer.headers)


@pytest.mark.parametrize("call", WITH_BODY)
def test_no_field_is_said_again(player: httpx.Client, call: str) -> None:
    good = GOOD[call]["json"]
    for field in good:
        for value in VALUES:
            answer = send(player, call, json=good | {field: value})

            assert answer.status_code < 500
            assert silent(answer)


@pytest.mark.parametrize("call", WITH_BODY)
def test_no_body_is_said_again(player: httpx.Client, call: str) -> None:
    for raw in (
        f"{CANARY}",
        f'"{CANARY}"',
        f'["{CANARY}"]',
        f'{{"x": "{CANARY}"',
        f'{{"x":{CANARY}}}',
    ):
        headers = {"content-type": "application/json"}
        answer = send(player, call, json=None, content=raw.encode(), headers=headers)

        assert 400 <= answer.status_code < 500
        assert silent(answer)


@pytest.mark.parametrize("call", sorted(GOOD))
def test_no_query_header_or_address_is_said_again(player: httpx.Client, call: str) -> None:
    method, path = line_of(call)
    query = send(
        player, call, params={"limit": CANARY, "cursor": CANARY, "x": CANARY, "token": CANARY}
    )
    address = player.request(method, f"{path}/{CANARY}")
    headers = {
        "content-type": f"text/{CANARY}",
        "idempotency-key": f"{CANARY} {CANARY}",
        "authorization": f"Bearer {CANARY}",
        "cookie": f"__Host-nesra_access={CANARY}",
        "origin": f"https://{CANARY}.example",
        "x-request-id": CANARY,
    }
    headed = send(player, call, headers=headers)

    for answer in (query, address, headed):
        assert answer.status_code < 500
        assert silent(answer)


@pytest.mark.parametrize("path", ["/verify", "/reset-password"])
@pytest.mark.parametrize("token", [CANARY, f"<b>{CANARY}", CANARY * 100, f'"><script>{CANARY}'])
def test_no_page_says_again_what_it_was_sent(
    stage: Stage, visitor: httpx.Client, path: str, token: str
) -> None:
    class MailTokenInvalid(Failure):
        pass

    refused = refusing(MailTokenInvalid())
    with stage.auth.playing(VerifyEmail=refused, ResetPassword=refused):
        pages = [
            visitor.get(path, params={"token": token}),
            visitor.get(path, params={"token": "x", CANARY: CANARY}),
            visitor.post(path, params={"token": token}, data={"password": CANARY * 3}),
            visitor.post(path, params={"token": token}, data={"password": CANARY, "x": CANARY}),
            visitor.post(path, params={"token": token}, json={"password": CANARY}),
            visitor.put(path, params={"token": token}),
        ]

    for page in pages:
        assert page.status_code < 500
        assert silent(page)
        assert "<script" not in page.text


def test_a_page_shows_a_service_s_words_as_words(stage: Stage, visitor: httpx.Client) -> None:
    class PasswordTooWeak(Failure):
        pass

    weak = refusing(PasswordTooWeak(detail="<b>Weak</b> & common."))
    with stage.auth.playing(ResetPassword=weak):
        page = visitor.post("/reset-password?token=x", data={"password": "a"})

    assert page.status_code == 422
    assert "&lt;b&gt;Weak&lt;/b&gt; &amp; common." in page.text
