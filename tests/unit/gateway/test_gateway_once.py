"""The form of an Idempotency-Key, also where no client library would send it."""

import pytest
from starlette.requests import Request

from gateway.errors import Problem
from gateway.input import Strict
from gateway.once import key_of, once


class Plot(Strict):
    name: str
    minutes: int = 25


class LaterPlot(Strict):
    """The same with its fields in another order, and one more."""

    minutes: int = 25
    colour: str = "green"
    name: str


def request(*keys: bytes) -> Request:
    headers = [(b"content-type", b"application/json")]
    headers += [(b"idempotency-key", key) for key in keys]
    return Request({"type": "http", "method": "POST", "path": "/api/plots", "headers": headers})


def test_a_request_without_the_header_has_no_key() -> None:
    assert key_of(request()) is None


@pytest.mark.parametrize("code", range(0x21, 0x7F))
def test_every_visible_character_is_taken(code: int) -> None:
    assert key_of(request(bytes([code]) * 255)) == chr(code) * 255


@pytest.mark.parametrize("code", [*range(0x21), *range(0x7F, 0x100)])
def test_every_other_byte_is_refused_wherever_it_stands(code: int) -> None:
    for key in (b"%c", b"%cx", b"x%c", b"x%cx"):
        with pytest.raises(Problem, match="BAD_IDEMPOTENCY_KEY"):
            key_of(request(key % code))


@pytest.mark.parametrize("keys", [[b""], [b"x" * 256], [b"a", b"a"], [b"a", b""]])
def test_an_empty_a_long_and_a_second_key_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(Problem, match="BAD_IDEMPOTENCY_KEY"):
        key_of(request(*keys))


def test_without_a_key_nothing_is_asked_to_be_kept() -> None:
    assert once(request(), Plot(name="x")) is None


def test_the_next_version_of_a_call_still_knows_what_was_asked_before() -> None:
    before, after = Plot(name="x", minutes=5), LaterPlot(name="x", minutes=5)

    assert once(request(b"k"), before) == once(request(b"k"), after)


def test_another_value_is_another_request() -> None:
    assert once(request(b"k"), Plot(name="x")) != once(request(b"k"), Plot(name="y"))
