"""The form of an Idempotency-Key, also where no client library would send it."""

import pytest
from starlette.requests import Request

from gateway.errors import Problem
from gateway.once import key_of


def request(*keys: bytes) -> Request:
    headers = [(b"content-type", b"application/json")]
    headers += [(b"idempotency-key", key) for key in keys]
    return Request({"type": "http", "headers": headers})


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
