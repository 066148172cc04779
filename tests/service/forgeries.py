"""Service tokens as an attacker would make them, each wrong in one way."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.kit.callers import LEEWAY_S, LIFETIME_S, derived_key
from tests.service.peers import SECRET

KEY = derived_key(SECRET, "service tokens")
# A minute more than a clock may be wrong.
TOO_LONG_S = LEEWAY_S + 60
HS256 = {"alg": "HS256", "typ": "JWT"}

Claims = dict[str, Any]
Sign = Callable[[bytes], bytes]


def claims_of(caller: str, audience: str) -> Claims:
    """What a good token says."""
    now = time.time()
    return {"iss": caller, "aud": audience, "iat": now, "exp": now + LIFETIME_S}


def by(key: bytes, digest: Callable[..., Any] = hashlib.sha256) -> Sign:
    """Signs with a shared key."""
    return lambda signed: hmac.digest(key, signed, digest)


GOOD = by(KEY)


def token(claims: Claims, sign: Sign = GOOD, **header: Any) -> str:
    """The value of the header that shows a token; a good one unless told otherwise."""
    signed = _part(HS256 | header) + b"." + _part(claims)
    return f"Bearer {(signed + b'.' + _encoded(sign(signed))).decode()}"


def _part(content: dict[str, Any]) -> bytes:
    return _encoded(json.dumps(content).encode())


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _without(claim: str) -> Callable[[Claims], str]:
    return lambda claims: token({name: claims[name] for name in claims if name != claim})


def _edited(claims: Claims) -> str:
    """The signature of a good token under the claims of another."""
    header, _, signature = token(claims | {"iss": "stranger"}).split(".")
    return f"{header}.{_part(claims).decode()}.{signature}"


def _cut(claims: Claims, *, letters: int) -> str:
    head, _, signature = token(claims).rpartition(".")
    return f"{head}.{signature[:letters]}"


def _with_its_own_key(claims: Claims) -> str:
    """A stranger's key, which the token itself recommends."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _encoded(public).decode()}
    return token(claims, key.sign, alg="EdDSA", jwk=jwk)


def _unsigned(_: bytes) -> bytes:
    return b""


# By what is wrong: the header's value, from the claims of a good token.
FORGERIES: dict[str, Callable[[Claims], str]] = {
    "an empty header": lambda _: "",
    "no token": lambda _: "Bearer ",
    "no token at all, but words": lambda _: "Bearer let me in",
    "three parts of nothing": lambda _: "Bearer ..",
    "6 kB of letters": lambda _: "Bearer " + 6_000 * "a",
    "another scheme": lambda claims: token(claims).replace("Bearer", "Basic"),
    "expired": lambda claims: token(
        claims | {"iat": time.time() - TOO_LONG_S - 1, "exp": time.time() - TOO_LONG_S}
    ),
    "of a time to come": lambda claims: token(claims | {"iat": time.time() + TOO_LONG_S}),
    "not valid yet": lambda claims: token(claims | {"nbf": time.time() + TOO_LONG_S}),
    "without an end": _without("exp"),
    "without a beginning": _without("iat"),
    "of nobody": _without("iss"),
    "for nobody": _without("aud"),
    "for another service": lambda claims: token(claims | {"aud": "post office"}),
    "an end that is no time": lambda claims: token(claims | {"exp": "never"}),
    "signed with another secret": lambda claims: token(
        claims, by(derived_key("another secret that is long enough", "service tokens"))
    ),
    "signed with the secret itself": lambda claims: token(claims, by(SECRET.encode())),
    "signed with the key of another purpose": lambda claims: token(
        claims, by(derived_key(SECRET, "refresh tokens"))
    ),
    "signed with an empty key": lambda claims: token(claims, by(b"")),
    "alg none, unsigned": lambda claims: token(claims, _unsigned, alg="none"),
    "alg nOnE, unsigned": lambda claims: token(claims, _unsigned, alg="nOnE"),
    "alg none, signed well": lambda claims: token(claims, alg="none"),
    "alg of another strength, signed well": lambda claims: token(
        claims, by(KEY, hashlib.sha512), alg="HS512"
    ),
    "no alg, signed well": lambda claims: token(claims, alg=None),
    "signed by a stranger's own key": _with_its_own_key,
    "the claims of another": _edited,
    "half a signature": lambda claims: _cut(claims, letters=20),
    "no signature": lambda claims: _cut(claims, letters=0),
}
