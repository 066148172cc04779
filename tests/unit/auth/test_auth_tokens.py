"""What access and refresh tokens are made of."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from jwt.types import Options

from services.auth.tokens import RefreshTokens, SigningKey, access_token, fingerprint

NOW = datetime(2030, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
KEY = SigningKey("key-1", Ed25519PrivateKey.generate())
FAMILY = "01900000-0000-7000-8000-000000000001"
TOKENS = RefreshTokens("a secret of tests that is long enough")


def made() -> tuple[str, datetime]:
    return access_token(KEY, user_id="user-1", family_id="family-1", now=NOW)


def test_an_access_token_says_who_where_and_until_when() -> None:
    token, _ = made()

    claims = jwt.decode(token, options={"verify_signature": False})

    issued = int(NOW.timestamp())
    assert claims.pop("jti")
    assert claims == {
        "iss": "nesra-town",
        "aud": "nesra-town-api",
        "sub": "user-1",
        "sid": "family-1",
        "iat": issued,
        "exp": issued + 900,
    }


def test_an_access_token_names_its_key_and_type() -> None:
    token, _ = made()

    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": "key-1", "typ": "at+jwt"}


def test_the_told_expiry_is_that_of_the_token() -> None:
    _, expires = made()

    assert expires == NOW.replace(microsecond=0) + timedelta(minutes=15)


def test_an_access_token_verifies_with_its_own_key_only() -> None:
    token, _ = made()
    options: Options = {"verify_exp": False, "verify_iat": False}
    other = Ed25519PrivateKey.generate().public_key()

    jwt.decode(
        token,
        KEY.private.public_key(),
        algorithms=["EdDSA"],
        audience="nesra-town-api",
        options=options,
    )
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, other, algorithms=["EdDSA"], audience="nesra-town-api", options=options)


def test_no_two_access_tokens_are_equal() -> None:
    assert made() != made()


@given(st.uuids(), st.integers(min_value=1, max_value=2**63 - 1))
def test_a_refresh_token_can_be_told_again(family: uuid.UUID, generation: int) -> None:
    token = TOKENS.of(str(family), generation)

    assert token == TOKENS.of(str(family), generation)
    assert len(token) == 75


def test_another_generation_family_or_secret_makes_another_token() -> None:
    tokens = {
        TOKENS.of(FAMILY, 1),
        TOKENS.of(FAMILY, 2),
        TOKENS.of(str(uuid.uuid4()), 1),
        RefreshTokens("another secret of tests, long enough").of(FAMILY, 1),
    }

    assert len({token[-43:] for token in tokens}) == 4


def test_a_fingerprint_is_32_bytes_of_anything() -> None:
    assert {len(fingerprint(text)) for text in ("", "x", "ß" * 10_000)} == {32}
