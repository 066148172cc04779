"""The pages that a letter's link opens."""

import httpx
import pytest

from services.kit.errors import Refused, Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.stage import Stage

TOKEN = "canary-token"
FORM = {"password": "three quiet hours"}


def seen(stage: Stage, method: str) -> int:
    return len(stage.auth.seen.get(method, ()))


@pytest.mark.parametrize("page", ["/verify", "/reset-password"])
def test_opening_a_page_does_nothing_and_repeats_nothing(stage: Stage, page: str) -> None:
    before = seen(stage, "VerifyEmail"), seen(stage, "ResetPassword")

    with stage.visitor() as visitor:
        answer = visitor.get(page, params={"token": TOKEN})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert TOKEN not in answer.text
    assert (seen(stage, "VerifyEmail"), seen(stage, "ResetPassword")) == before


def test_sending_the_form_confirms_the_address(stage: Stage) -> None:
    with stage.visitor() as visitor:
        answer = visitor.post("/verify", params={"token": TOKEN})

    assert "is confirmed" in answer.text
    assert stage.auth.seen["VerifyEmail"][-1].token == TOKEN


def test_sending_the_form_sets_the_password(stage: Stage) -> None:
    with stage.visitor() as visitor:
        answer = visitor.post("/reset-password", params={"token": TOKEN}, data=FORM)

    sent = stage.auth.seen["ResetPassword"][-1]
    assert "password is changed" in answer.text
    assert (sent.token, sent.password) == (TOKEN, FORM["password"])


def test_a_weak_password_is_explained_above_the_form(stage: Stage) -> None:
    weak = refusing(Refused("PASSWORD_TOO_WEAK", {"detail": "Too short."}))
    with stage.auth.playing(ResetPassword=weak), stage.visitor() as visitor:
        answer = visitor.post("/reset-password", params={"token": TOKEN}, data={"password": "x"})

    assert answer.status_code == 422
    assert '<p role="alert">Too short.</p><form' in answer.text


@pytest.mark.parametrize(
    ("failure", "status"), [(Refused("MAIL_TOKEN_INVALID", {}), 400), (Unavailable(), 503)]
)
def test_what_goes_wrong_is_told_in_a_page(stage: Stage, failure: Exception, status: int) -> None:
    with stage.auth.playing(VerifyEmail=refusing(failure)), stage.visitor() as visitor:
        answer = visitor.post("/verify", params={"token": TOKEN})

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("query", ["", "?token=a&token=b", "?other=x", "?token=%00"])
def test_a_link_that_is_not_whole_says_so(stage: Stage, query: str) -> None:
    with stage.visitor() as visitor:
        answer = visitor.post(f"/verify{query}")

    assert answer.status_code == 422
    assert "Ask for a new one" in answer.text


def test_a_page_loads_nothing_and_cannot_be_framed(stage: Stage) -> None:
    with stage.visitor() as visitor:
        headers = visitor.get("/verify", params={"token": TOKEN}).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_a_page_sends_no_cookie_and_needs_none(stage: Stage) -> None:
    with stage.visitor() as visitor:
        answer: httpx.Response = visitor.post("/verify", params={"token": TOKEN})

    assert "set-cookie" not in answer.headers
