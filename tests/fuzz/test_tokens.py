"""Whatever stands where a login belongs, somebody is let in by auth's own token, or nobody."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Problem
from gateway.identity import Player
from tests.fuzz import parsers
from tests.fuzz.fuzzed import examples
from tests.fuzz.parsers import CLAIMS, GOOD, OURS, authorized, player, token, unsigned

SEEDS = Path(__file__).parent / "seeds" / "token"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from(["EdDSA", "none", "HS256", "RS256", "ES256", "Ed25519"]) | JSON,
        "typ": st.sampled_from(["at+jwt", "JWT"]) | JSON,
        "kid": st.sampled_from([parsers.KID, "", "../key"]) | JSON,
        "b64": JSON,
        "crit": JSON,
        "jwk": JSON,
        "jku": JSON,
        "x5c": JSON,
        "zip": JSON,
    },
)


def test_auths_own_token_lets_in() -> None:
    assert isinstance(authorized(b"Bearer " + GOOD.encode()), Player)


@pytest.mark.parametrize("seed", sorted(SEEDS.iterdir()), ids=lambda seed: seed.name)
def test_the_seeds_let_in_whom_they_should(seed: Path) -> None:
    authorized(seed.read_bytes())


@examples(few=60, many=5_000)
@given(st.binary() | st.binary().map(lambda raw: b"Bearer " + raw))
def test_any_authorization_is_judged(value: bytes) -> None:
    authorized(value)


@examples(few=60, many=5_000)
@given(JSON | HEADERS, JSON, st.sampled_from(["by us", "by nobody"]))
def test_another_header_than_auths_lets_nobody_in(header: Any, claims: Any, signed: str) -> None:
    parts = json.dumps(header).encode(), json.dumps(claims).encode()
    forged = token(*parts).encode() if signed == "by us" else unsigned(*parts)

    assert isinstance(authorized(b"Bearer " + forged), Problem)


@examples(few=50, many=5_000)
@given(st.integers(0, len(GOOD) - 1), st.characters(codec="latin-1"), st.integers(0, 2))
def test_one_other_letter_makes_it_no_token(at: int, letter: str, instead_of: int) -> None:
    value = f"Bearer {GOOD[:at]}{letter}{GOOD[at + instead_of :]}"

    authorized(value.encode("latin-1"))


@examples(few=50, many=5_000)
@given(
    st.sampled_from(sorted(CLAIMS)), JSON.filter(lambda value: not isinstance(value, float | int))
)
def test_a_claim_of_another_form_breaks_nothing(name: str, value: Any) -> None:
    changed = token(json.dumps(OURS).encode(), json.dumps(CLAIMS | {name: value}).encode())

    player([(b"authorization", f"Bearer {changed}".encode())])


@examples(few=60, many=5_000)
@given(st.lists(st.binary(), max_size=3), st.binary(max_size=20), st.sampled_from(["GET", "POST"]))
def test_any_cookies_are_judged(cookies: list[bytes], origin: bytes, method: str) -> None:
    found = player([*((b"cookie", value) for value in cookies), (b"origin", origin)], method)

    assert isinstance(found, Problem)


@examples(few=50, many=5_000)
@given(st.binary(max_size=40), st.binary(max_size=20))
def test_the_cookie_of_auth_reads_and_writes_for_our_pages_alone(
    more: bytes, origin: bytes
) -> None:
    cookie = b"nesra_access=" + GOOD.encode()
    headers = [(b"cookie", cookie), (b"origin", origin), (b"host", b"town.example")]

    assert isinstance(player(headers), Player)
    assert isinstance(player(headers, "POST"), Problem)
    player([(b"cookie", cookie + b"; " + more), (b"cookie", more)])


@examples(few=50, many=5_000)
@given(st.binary(), st.binary())
def test_two_authorizations_are_none(one: bytes, other: bytes) -> None:
    assert isinstance(player([(b"authorization", one), (b"authorization", other)]), Problem)
