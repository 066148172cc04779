"""What looks like an access token and is none: all of it gets the same answer."""

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.service.gateway.cast import AuthActor
from tests.service.gateway.stage import Stage

OURS = {"alg": "EdDSA", "typ": "at+jwt"}
THEIRS = Ed25519PrivateKey.generate()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Forge = Callable[[AuthActor], str]


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(auth: AuthActor, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Header and payload; a value given as None is left out."""
    now = time.time()
    usual = {
        "iss": "nesra-town",
        "aud": "nesra-town-api",
        "sub": str(uuid.uuid4()),
        "sid": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 900,
        "jti": str(uuid.uuid4()),
    }
    parts = OURS | {"kid": auth.kid} | header, usual | claims
    given = ({name: v for name, v in part.items() if v is not None} for part in parts)
    return ".".join(encoded(json.dumps(part).encode()) for part in given)


def signed(text: str, key: Ed25519PrivateKey) -> str:
    return f"{text}.{encoded(key.sign(text.encode()))}"


def claiming(**claims: Any) -> Forge:
    """A token that auth itself has signed, with other claims."""
    return lambda auth: signed(unsigned(auth, {}, claims), auth.key)


def headed(**header: Any) -> Forge:
    """A token that auth itself has signed, with another header."""
    return lambda auth: signed(unsigned(auth, header, {}), auth.key)


def embedding(**header: Any) -> Forge:
    """A token that brings the key along with which it was signed."""
    return lambda auth: signed(unsigned(auth, header, {}), THEIRS)


def edited(edit: Callable[[str, str, str], str]) -> Forge:
    """A token of auth's, changed in one of its three parts."""

    def forge(auth: AuthActor) -> str:
        return edit(*auth.token(str(uuid.uuid4())).split("."))

    return forge


def keyed(encoding: Encoding, form: PublicFormat) -> Forge:
    """A token sealed with the public key as if it were a shared secret."""

    def forge(auth: AuthActor) -> str:
        text = unsigned(auth, {"alg": "HS256"}, {})
        secret = auth.key.public_key().public_bytes(encoding, form)
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"

    return forge


def promoted(_: str, payload: str, signature: str, *, head: str) -> str:
    claims = json.loads(base64.urlsafe_b64decode(f"{payload}=="))
    claims["sub"] = str(uuid.uuid4())
    return f"{head}.{encoded(json.dumps(claims).encode())}.{signature}"


def swapped(auth: AuthActor) -> str:
    """A token under which the signature of another one stands."""
    return f"{unsigned(auth, {}, {})}.{auth.token(str(uuid.uuid4())).rpartition('.')[2]}"


def with_spare_bits(signature: str) -> str:
    """The same 64 bytes, written in another way: base64 has four bits to spare."""
    last = ALPHABET.index(signature[-1])
    return signature[:-1] + ALPHABET[last | 1]


def jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw), "kid": "theirs"}


FORGERIES: dict[str, Forge] = {
    # Nobody signed it.
    "alg none": lambda auth: unsigned(auth, {"alg": "none"}, {}) + ".",
    "alg nOnE": lambda auth: unsigned(auth, {"alg": "nOnE"}, {}) + ".",
    "alg none, with a signature": lambda auth: signed(
        unsigned(auth, {"alg": "none"}, {}), auth.key
    ),
    "no signature": lambda auth: unsigned(auth, {}, {}) + ".",
    "no third part": lambda auth: unsigned(auth, {}, {}),
    # Somebody else signed it.
    "HS256 with the raw public key": keyed(Encoding.Raw, PublicFormat.Raw),
    "HS256 with the public key as PEM": keyed(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "another key": embedding(),
    "another key in jwk": embedding(jwk=jwk(THEIRS)),
    "another key in jwk, by its kid": embedding(jwk=jwk(THEIRS), kid="theirs"),
    "another key at jku": embedding(jku="https://evil.example/jwks.json", kid="theirs"),
    "another key at x5u": embedding(x5u="https://evil.example/cert.pem"),
    "another key in x5c": embedding(x5c=[encoded(b"a certificate")]),
    "alg of another kind": headed(alg="RS256"),
    "alg a list": headed(alg=["EdDSA"]),
    "alg missing": headed(alg=None),
    # The key is unknown.
    "kid unknown": headed(kid=str(uuid.uuid4())),
    "kid missing": headed(kid=None),
    "kid a path": headed(kid="../../../../dev/null"),
    "kid a statement": headed(kid="x' UNION SELECT 'key' --"),
    "kid with NUL": headed(kid="a\0b"),
    "kid of 8,000 characters": headed(kid="k" * 8_000),
    "kid in upper case": lambda auth: headed(kid=auth.kid.upper())(auth),
    "kid a list": lambda auth: headed(kid=[auth.kid])(auth),
    "kid a number": headed(kid=1),
    # It was meant for something else.
    "typ JWT": headed(typ="JWT"),
    "typ missing": headed(typ=None),
    "crit": headed(crit=["exp"]),
    "crit of nothing": headed(crit=[]),
    "detached": headed(b64=False, crit=["b64"]),
    "iss another": claiming(iss="another-town"),
    "iss missing": claiming(iss=None),
    "aud another": claiming(aud="another-api"),
    "aud missing": claiming(aud=None),
    "sub missing": claiming(sub=None),
    "sub a number": claiming(sub=1),
    "sid missing": claiming(sid=None),
    "jti missing": claiming(jti=None),
    "iat missing": claiming(iat=None),
    "exp missing": claiming(exp=None),
    "exp past": claiming(exp=time.time() - 1),
    "exp a word": claiming(exp="soon"),
    "exp a list": claiming(exp=[4_000_000_000]),
    "nbf to come": claiming(nbf=4_000_000_000),
    # It was changed on its way.
    "payload changed": edited(lambda h, p, s: promoted(h, p, s, head=h)),
    "signature changed": edited(lambda h, p, s: f"{h}.{p}.{'AB'[s[0] == 'A']}{s[1:]}"),
    "signature cut": edited(lambda h, p, s: f"{h}.{p}.{s[:-2]}"),
    "signature with spare bits": edited(lambda h, p, s: f"{h}.{p}.{with_spare_bits(s)}"),
    "signature padded": edited(lambda h, p, s: f"{h}.{p}.{s}=="),
    "signature with what base64 skips": edited(lambda h, p, s: f"{h}.{p}.{s[:9]}!{s[9:]}"),
    "signature of another token": swapped,
    # It has the form of something else.
    "dots": lambda _: "..",
    "a word": lambda _: "token",
    "a refresh token": lambda _: encoded(b"\1" * 56),
    "five parts, as if encrypted": edited(lambda h, p, s: f"{h}.{p}.{p}.{p}.{s}"),
    "two tokens": edited(lambda h, p, s: f"{h}.{p}.{s},{h}.{p}.{s}"),
    "a token with a space": edited(lambda h, p, s: f"{h}.{p} .{s}"),
    "a header that is no object": lambda auth: signed(
        f"{encoded(b'[]')}.{encoded(b'{}')}", auth.key
    ),
    "a header of 3,000 brackets": lambda auth: signed(
        f"{encoded(b'[' * 3_000)}.{encoded(b'{}')}", auth.key
    ),
    "a payload that is no object": lambda auth: signed(
        f"{unsigned(auth, {}, {}).partition('.')[0]}.{encoded(b'[1]')}", auth.key
    ),
    "12,000 characters": claiming(exp=None, more="x" * 8_500),
}


@pytest.fixture(scope="module")
def answer(stage: Stage) -> Iterator[Callable[..., tuple[int, dict[str, Any]]]]:
    """What a request is told whose Authorization headers are these, but for its own id."""
    with stage.visitor() as client:

        def ask(*authorizations: str) -> tuple[int, dict[str, Any]]:
            headers = [("authorization", value) for value in authorizations]
            told: httpx.Response = client.get("/api/tasks", headers=headers)
            body = told.json()
            if told.is_success:
                return told.status_code, {}
            body.pop("request_id")
            return told.status_code, body

        yield ask


Answer = Callable[..., tuple[int, dict[str, Any]]]


def test_a_token_that_is_put_together_by_hand_opens(stage: Stage, answer: Answer) -> None:
    token = claiming()(stage.auth)

    assert answer(f"Bearer {token}") == (200, {})


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_gets_the_same_answer_as_none(
    stage: Stage, answer: Answer, name: str
) -> None:
    forged = FORGERIES[name](stage.auth)

    told = answer(f"Bearer {forged}")

    assert told == answer()
    assert told[0] == 401


@pytest.mark.parametrize("second", ["Bearer x", "Basic eDp5", "", None])
def test_of_two_authorization_headers_none_counts(
    stage: Stage, answer: Answer, second: str | None
) -> None:
    valid = f"Bearer {stage.auth.token(str(uuid.uuid4()))}"
    other = valid if second is None else second

    assert answer(valid)[0] == 200
    assert answer(valid, other) == answer(other, valid) == answer()
