"""TLS between processes: what the PEM files of a process say about its links.

Whoever has a certificate serves TLS. Whoever has an authority as well lets nobody in
whom that authority did not sign. A caller holds the certificate of whom it calls
against the authority and against the name by which it calls, and shows its own.
Unix sockets stay plain: the permissions of their files guard them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from grpc import aio

Options = Sequence[tuple[str, Any]]

SOCKETS = ("unix:", "unix-abstract:")
# Those of whose signatures gRPC can tell whether they are good.
CURVES = ("secp256r1", "secp384r1")


class Pem(NamedTuple):
    """What the files hold."""

    certificate: bytes | None
    key: bytes | None
    ca: bytes | None

    def require_usable(self) -> None:
        """Passes when all that is given is of use. Raises ValueError, saying what is not."""
        if self.ca is not None:
            certificates(self.ca)
        match self.certificate, self.key:
            case None, None:
                return
            case None, _:
                message = "NESRA_TLS_CERTIFICATE is missing: NESRA_TLS_KEY is of no use alone"
            case _, None:
                message = "NESRA_TLS_KEY is missing: NESRA_TLS_CERTIFICATE is of no use alone"
            case certificate, key if _is_pair(certificate, key):
                return
            case _:
                message = "NESRA_TLS_KEY is not the key of NESRA_TLS_CERTIFICATE"
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Tls:
    """The files that secure the links of one process; without any they are plain.

    `certificate` is its own, with all between it and its authority, and `key` is that
    one's. `ca` holds the authorities of the others.
    """

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None

    def read(self) -> Pem:
        """What the files hold now. Raises OSError."""
        files = (self.certificate, self.key, self.ca)
        return Pem(*(None if file is None else file.read_bytes() for file in files))

    def channel(self, target: str, options: Options = ()) -> grpc.Channel:
        """A channel to `target`. To its end it shows and trusts what the files hold now."""
        if credentials := self._toward(target):
            return grpc.secure_channel(target, credentials, options)
        return grpc.insecure_channel(target, options)

    def aio_channel(self, target: str, options: Options = ()) -> aio.Channel:
        """As `channel`, for a caller within an event loop."""
        if credentials := self._toward(target):
            return aio.secure_channel(target, credentials, options)
        return aio.insecure_channel(target, options)

    def _toward(self, target: str) -> grpc.ChannelCredentials | None:
        if self == PLAIN or target.startswith(SOCKETS):
            return None
        pem = self.read()
        # Where no authority is given gRPC trusts the public ones, never everybody.
        return grpc.ssl_channel_credentials(pem.ca, pem.key, pem.certificate)


PLAIN = Tls()


def certificates(pem: bytes) -> list[x509.Certificate]:
    """The certificates in a PEM text. Raises ValueError where there is none."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        message = "holds no certificate in PEM"
        raise ValueError(message) from None


def private_key(pem: bytes) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """The key in a PEM text. Raises ValueError where there is none that gRPC can use."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "holds no private key in PEM without a password"
        raise ValueError(message) from None
    if isinstance(key, RSAPrivateKey):
        return key
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return key
    message = "must hold a key of RSA, P-256 or P-384: gRPC accepts no other"
    raise ValueError(message)


def _is_pair(certificate: bytes, key: bytes) -> bool:
    return certificates(certificate)[0].public_key() == private_key(key).public_key()
