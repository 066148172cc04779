"""How a gateway keeps up with auth: it listens, and asks while there is nothing to hear."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from services.kit.errors import Unavailable
from tests.service.gateway.actor import refusing
from tests.service.gateway.cast import AuthActor
from tests.service.gateway.stage import Stage, staged, within


def status(stage: Stage, token: str) -> int:
    with stage.visitor(Authorization=f"Bearer {token}") as client:
        return client.get("/api/tasks").status_code


def asked(auth: AuthActor, method: str = "ListEndedFamilies") -> int:
    """How often it was asked so far."""
    return len(auth.seen.get(method, ()))


def deaf(auth: AuthActor) -> None:
    """Lets nobody listen any more, and waits until the gateway has noticed."""
    auth.is_heard = False
    before = asked(auth)
    assert within(3, lambda: asked(auth) > before)


def published(stage: Stage) -> list[str]:
    keys = httpx.get(f"{stage.url}/.well-known/jwks.json").json()["keys"]
    return [str(key["kid"]) for key in keys]


@contextmanager
def silence(auth: AuthActor) -> Iterator[None]:
    """Keeps the stream open, and tells nothing."""
    auth.is_silent = True
    try:
        yield
    finally:
        auth.is_silent = False


@pytest.fixture(params=["listening", "asking"])
def each_way(request: pytest.FixtureRequest, own_stage: Stage) -> Stage:
    """A stage whose gateway listens, and one whose gateway has to ask."""
    if request.param == "asking":
        deaf(own_stage.auth)
    return own_stage


def test_a_login_that_ended_elsewhere_is_refused_within_a_second(each_way: Stage) -> None:
    family = str(uuid.uuid4())
    token = each_way.auth.token(str(uuid.uuid4()), sid=family)
    assert status(each_way, token) == 200

    each_way.auth.ended.add(family)

    assert within(1.0, lambda: status(each_way, token) == 401)


def test_tokens_expire_by_the_clock_of_auth_not_by_the_gateways(each_way: Stage) -> None:
    auth, tomorrow = each_way.auth, time.time() + 86_400
    today = auth.token(str(uuid.uuid4()))
    fresh = auth.token(str(uuid.uuid4()), exp=tomorrow + 60)
    assert status(each_way, today) == 200

    auth.clock = lambda: tomorrow

    assert within(5, lambda: status(each_way, today) == 401)
    assert status(each_way, fresh) == 200


def test_what_opened_before_its_key_was_thrown_out_opens_no_more(each_way: Stage) -> None:
    token = each_way.auth.token(str(uuid.uuid4()))
    assert status(each_way, token) == 200

    each_way.auth.new_key()

    assert within(3, lambda: status(each_way, token) == 401)
    assert status(each_way, each_way.auth.token(str(uuid.uuid4()))) == 200


def test_who_listens_does_not_ask(stage: Stage) -> None:
    before = asked(stage.auth)

    assert not within(1.2, lambda: asked(stage.auth) > before)


def test_who_hears_nothing_asks_until_there_is_something_to_hear(own_stage: Stage) -> None:
    auth, family = own_stage.auth, str(uuid.uuid4())
    token = auth.token(str(uuid.uuid4()), sid=family)
    before = asked(auth)

    with silence(auth):
        assert within(3, lambda: asked(auth) > before)
        auth.ended.add(family)
        assert within(1, lambda: status(own_stage, token) == 401)

    def has_stopped_asking() -> bool:
        now = asked(auth)
        return not within(1, lambda: asked(auth) > now)

    assert within(10, has_stopped_asking)


def test_a_key_is_known_before_anybody_shows_a_token_of_it(own_stage: Stage) -> None:
    auth = own_stage.auth
    before = asked(auth, "GetSigningKeys")
    auth.new_key()
    assert within(3, lambda: published(own_stage) == [auth.kid])

    with auth.playing(GetSigningKeys=refusing(Unavailable())):
        assert status(own_stage, auth.token(str(uuid.uuid4()))) == 200

    assert asked(auth, "GetSigningKeys") == before


def test_a_token_that_comes_before_word_of_its_key_is_not_refused(own_stage: Stage) -> None:
    auth = own_stage.auth
    with silence(auth):
        for _ in range(3):
            auth.new_key()

            assert status(own_stage, auth.token(str(uuid.uuid4()))) == 200


def test_made_up_keys_are_asked_for_once_a_second_at_most(own_stage: Stage) -> None:
    auth = own_stage.auth
    before, began = asked(auth, "GetSigningKeys"), time.monotonic()

    for _ in range(3):
        real, auth.kid = auth.kid, str(uuid.uuid4())
        made_up = auth.token(str(uuid.uuid4()))
        auth.kid = real
        assert status(own_stage, made_up) == 401

    assert asked(auth, "GetSigningKeys") - before <= 1 + time.monotonic() - began


def test_playing_goes_on_while_auth_is_down(own_stage: Stage) -> None:
    auth = own_stage.auth
    down = refusing(Unavailable())
    with auth.playing(GetSigningKeys=down, ListEndedFamilies=down):
        deaf(auth)

        assert status(own_stage, auth.token(str(uuid.uuid4()))) == 200


def test_while_auth_is_down_a_key_that_nobody_knows_may_be_real(own_stage: Stage) -> None:
    auth = own_stage.auth
    real = auth.token(str(uuid.uuid4()))
    with silence(auth), auth.playing(GetSigningKeys=refusing(Unavailable())):
        key = auth.key, auth.kid
        auth.new_key()
        unknown = auth.token(str(uuid.uuid4()))

        assert status(own_stage, unknown) == 503
        assert status(own_stage, real) == 200
        auth.key, auth.kid = key


@pytest.mark.parametrize("way", ["listening", "asking"])
def test_a_gateway_believes_no_token_before_it_knows_which_logins_ended(
    tmp_path: Path, way: str
) -> None:
    auth, family = AuthActor(), str(uuid.uuid4())
    auth.is_heard, auth.is_behind = way == "listening", True
    alive, dead = auth.token(str(uuid.uuid4())), auth.token(str(uuid.uuid4()), sid=family)
    with staged(tmp_path, auth=auth, is_awaited=False) as stage:
        assert within(10, lambda: asked(auth) > 0)
        early = status(stage, alive), httpx.get(f"{stage.url}/readyz").status_code

        auth.ended.add(family)
        auth.is_behind = False
        is_ready = within(10, lambda: httpx.get(f"{stage.url}/readyz").is_success)

        assert early == (503, 503)
        assert is_ready
        assert (status(stage, alive), status(stage, dead)) == (200, 401)
