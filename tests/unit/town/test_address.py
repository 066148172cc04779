"""Where the gateway shall listen is checked before anything starts."""

import socket

import pytest

from town.address import Address
from town.failures import PortTaken, WrongSetting


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "80.5", "²"])
def test_a_port_that_is_none_is_named(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESRA_PORT", port)

    with pytest.raises(WrongSetting, match="NESRA_PORT must be a whole number from 1 to 65535"):
        Address.from_environment()


def test_nothing_said_means_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NESRA_HOST", "NESRA_PORT"):
        monkeypatch.delenv(name, raising=False)

    assert Address.from_environment() == Address("127.0.0.1", 8000)


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1 is taken: set NESRA_PORT"):
            Address("127.0.0.1", port).demand_free(within=0)


def test_a_host_that_is_not_ours_is_named() -> None:
    # Set aside for documentation, so no machine has it.
    with pytest.raises(WrongSetting, match="NESRA_HOST cannot be listened on"):
        Address("192.0.2.1", 8000).demand_free()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104 - recognised, not chosen
        ("::", "http://localhost:8000"),
        ("town.example", "http://town.example:8000"),
    ],
)
def test_the_url_is_one_that_a_browser_here_can_open(host: str, url: str) -> None:
    assert Address(host, 8000).url == url
