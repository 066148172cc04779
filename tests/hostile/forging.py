"""Makes what looks like an access token and is none, as corpus/tokens.toml says."""

import base64
import hashlib
import hmac
import json
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.tokens import RefreshTokens
from services.kit.callers import TokenMaker
from tests.hostile.cases import Case
from tests.hostile.templates import filled, joined

THEIRS = Ed25519PrivateKey.generate()
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# The order of Ed25519's group: the second half of a signature counts modulo it.
ORDER = 2**252 + 27742317777372353535851937790883648493


class Signer(Protocol):
    """Auth, as far as it signs: with its key, under that id, in a town of that secret."""

    @property
    def kid(self) -> str: ...
    @property
    def key(self) -> Ed25519PrivateKey: ...
    @property
    def secret(self) -> str: ...
    def token(self, user_id: str, /) -> str: ...


Seal = Callable[[Signer, bytes], bytes]


def forged(case: Case, auth: Signer) -> str:
    """The token of a case."""
    words = _words(auth)
    if case.text:
        return joined(case.text, words)
    text = f"{_header(case, auth, words)}.{_payload(case, words)}"
    return f"{text}.{encoded(SEALS[case.seal](auth, text.encode()))}"


def good(auth: Signer) -> str:
    """A token that is put together in the same way, and wrong in nothing."""
    return forged(Case(file="tokens", name="good", codes=("OK",), why="", seal="ours"), auth)


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _header(case: Case, auth: Signer, words: Mapping[str, str]) -> str:
    if case.raw_header is not None:
        return encoded(filled(case.raw_header, words).encode())
    usual = {"alg": "EdDSA", "typ": "at+jwt", "kid": auth.kid}
    return _part(usual | _resolved(case.header, words), case.without)


def _payload(case: Case, words: Mapping[str, str]) -> str:
    if case.raw_payload is not None:
        return encoded(filled(case.raw_payload, words).encode("latin-1"))
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
    return _part(usual | _resolved(case.claims, words), case.claims_without)


def _part(content: Mapping[str, Any], without: tuple[str, ...]) -> str:
    given = {name: value for name, value in content.items() if name not in without}
    return encoded(json.dumps(given).encode())


def _resolved(value: Any, words: Mapping[str, str]) -> Any:
    """The value with its words in place: times as numbers, their key as an object."""
    if isinstance(value, Mapping):
        return {name: _resolved(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, words) for each in value]
    if value == "$jwk":
        raw = THEIRS.public_key().public_bytes_raw()
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw), "kid": "theirs"}
    if isinstance(value, str) and value.startswith("$now"):
        return time.time() + float(value.removeprefix("$now"))
    return filled(value, words) if isinstance(value, str) else value


def _words(auth: Signer) -> Mapping[str, str]:
    """What a case may name: parts of real tokens, changed ones, and other secrets of the town."""
    whole = auth.token(str(uuid.uuid4()))
    header, payload, signature = whole.split(".")
    ((_, service),) = TokenMaker("gateway", auth.secret).metadata("auth")
    some = str(uuid.uuid4())
    return {
        "h": header,
        "p": payload,
        "s": signature,
        "none": encoded(json.dumps({"alg": "none", "typ": "at+jwt", "kid": auth.kid}).encode()),
        "promoted": _changed(payload, sub=some),
        "prolonged": _changed(payload, exp=4_000_000_000),
        "othersig": auth.token(some).rpartition(".")[2],
        "flipped": "AB"[signature[0] == "A"] + signature[1:],
        "cut": signature[:-2],
        # The same 64 bytes: base64 has four bits to spare.
        "spare": signature[:-1] + ALPHABET[ALPHABET.index(signature[-1]) | 1],
        "zeros": "A" * 86,
        "malleable": _malleable(signature),
        "UPPER": whole.upper(),
        "whole": whole,
        "kid": auth.kid,
        "KID": auth.kid.upper(),
        "uuid": some,
        "UUID": some.upper(),
        "opaque": encoded(b"\1" * 56),
        "refresh": RefreshTokens(auth.secret).of(some, 1),
        "service": service.removeprefix("Bearer "),
        "letter": "x" * 43,
        "long": "k" * 8_000,
        "brackets": "[" * 3_000,
        "digits": "9" * 5_000,
        "packed": zlib.compress(base64.urlsafe_b64decode(f"{payload}=="))[2:-4].decode("latin-1"),
    }


def _changed(payload: str, **claims: Any) -> str:
    return encoded(
        json.dumps(json.loads(base64.urlsafe_b64decode(f"{payload}==")) | claims).encode()
    )


def _malleable(signature: str) -> str:
    """The other signature that is as good for whoever does not look at its size."""
    raw = base64.urlsafe_b64decode(f"{signature}==")
    more = int.from_bytes(raw[32:], "little") + ORDER
    return encoded(raw[:32] + more.to_bytes(32, "little"))


def _public(encoding: Encoding, form: PublicFormat, digest: str = "sha256") -> Seal:
    return lambda auth, text: hmac.digest(
        auth.key.public_key().public_bytes(encoding, form), text, digest
    )


def _hmac(key: Callable[[Signer], bytes]) -> Seal:
    return lambda auth, text: hmac.digest(key(auth), text, hashlib.sha256)


def _x(auth: Signer) -> str:
    return encoded(auth.key.public_key().public_bytes_raw())


def _pem(auth: Signer) -> bytes:
    public = auth.key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


SEALS: Mapping[str, Seal] = {
    "ours": lambda auth, text: auth.key.sign(text),
    "theirs": lambda _, text: THEIRS.sign(text),
    "nobody": lambda _, __: b"",
    "raw": _public(Encoding.Raw, PublicFormat.Raw),
    "pem": _public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "pem 512": _public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo, "sha512"),
    "pem stripped": _hmac(lambda auth: _pem(auth).rstrip()),
    "der": _public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "ssh": _public(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "x": _hmac(lambda auth: _x(auth).encode()),
    "jwk": _hmac(lambda auth: f'{{"crv":"Ed25519","kty":"OKP","x":"{_x(auth)}"}}'.encode()),
    "kid": _hmac(lambda auth: auth.kid.encode()),
    "empty": _hmac(lambda _: b""),
    "word": _hmac(lambda _: b"secret"),
}
