"""Settings of the links: what is wrong with their files is named, and nothing starts."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from services.kit.settings import LinkSettings, ServiceSettings, load
from services.kit.tls import PLAIN, Tls, private_key
from tests.service.certificates import Authority

Settings = dict[str, str]


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Authority(tmp_path).signs("world")


@pytest.fixture
def given(tls: Tls) -> Settings:
    """The settings of a process with all three files."""
    files = {"CERTIFICATE": tls.certificate, "KEY": tls.key, "CA": tls.ca}
    return {f"NESRA_TLS_{name}": str(path) for name, path in files.items()}


def refusal(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What a process with these settings says before it exits with code 2."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load(LinkSettings)
    assert ended.value.code == 2
    return [line.strip() for line in capsys.readouterr().err.splitlines()[1:]]


def test_without_files_links_are_plain() -> None:
    assert load(LinkSettings).tls == PLAIN


def test_the_files_that_are_given_are_used(
    tls: Tls, given: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert load(LinkSettings).tls == tls


@pytest.mark.parametrize("missing", ["CERTIFICATE", "KEY"])
def test_half_a_pair_is_named(
    missing: str,
    given: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del given[f"NESRA_TLS_{missing}"]

    (said,) = refusal(given, monkeypatch, capsys)

    assert said.startswith(f"NESRA_TLS_{missing} is missing")


def test_files_that_cannot_be_read_are_named_all_at_once(
    given: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(dict.fromkeys(given, "/nowhere/x.pem"), monkeypatch, capsys)

    why = "/nowhere/x.pem cannot be read: No such file or directory"
    assert said == [f"{name} {why}" for name in given]


def test_files_that_hold_something_else_are_named(
    tls: Tls,
    given: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    swapped = {
        "NESRA_TLS_CERTIFICATE": str(tls.key),
        "NESRA_TLS_KEY": str(tls.certificate),
        "NESRA_TLS_CA": str(tls.key),
    }

    said = refusal(given | swapped, monkeypatch, capsys)

    assert said == [
        f"NESRA_TLS_CERTIFICATE {tls.key} holds no certificate in PEM",
        f"NESRA_TLS_KEY {tls.certificate} holds no private key in PEM without a password",
        f"NESRA_TLS_CA {tls.key} holds no certificate in PEM",
    ]


def test_the_key_of_another_certificate_is_named(
    tmp_path: Path,
    given: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = Authority(tmp_path / "other").signs("session")

    said = refusal(given | {"NESRA_TLS_KEY": str(other.key)}, monkeypatch, capsys)

    assert said == ["NESRA_TLS_KEY is not the key of NESRA_TLS_CERTIFICATE"]


def pem_of(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey, *, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def p521() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP521R1())


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (pem_of(Ed25519PrivateKey.generate()), "must hold a key of RSA, P-256 or P-384"),
        (pem_of(p521()), "must hold a key of RSA, P-256 or P-384"),
        (pem_of(p521(), password=b"a word"), "holds no private key in PEM without a password"),
        (b"", "holds no private key in PEM without a password"),
    ],
    ids=["Ed25519", "P-521", "encrypted", "nothing"],
)
def test_a_key_that_nobody_could_connect_with_is_refused(pem: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        private_key(pem)


def test_a_service_that_would_demand_certificates_without_having_one_is_refused(
    given: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NESRA_TLS_CA", given["NESRA_TLS_CA"])
    monkeypatch.setenv("NESRA_SECRET", 32 * "s")

    with pytest.raises(SystemExit):
        load(ServiceSettings, service="world", database_url="postgresql://h/d", listen="")

    assert "NESRA_TLS_CERTIFICATE is missing" in capsys.readouterr().err


def test_a_database_url_keeps_its_demand_for_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://u:p@db.example/nesra_world?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    monkeypatch.setenv("NESRA_SECRET", 32 * "s")

    settings = load(ServiceSettings, service="world", database_url=url, listen="")

    assert settings.database_url == url
