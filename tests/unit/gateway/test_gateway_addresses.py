"""Which address counts as a client's."""

from ipaddress import ip_network
from typing import Any

import pytest

from gateway.addresses import Addresses

PROXIES = Addresses([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
NOBODY = Addresses()


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": (peer, 1234) if peer else None, "headers": headers}


def test_the_peer_is_the_client() -> None:
    assert NOBODY.of(scope("192.0.2.1")) == "192.0.2.1"


def test_what_a_peer_says_of_itself_is_not_believed() -> None:
    assert NOBODY.of(scope("192.0.2.1", "203.0.113.9")) == "192.0.2.1"
    assert PROXIES.of(scope("192.0.2.1", "203.0.113.9")) == "192.0.2.1"


def test_what_a_trusted_proxy_says_is() -> None:
    assert PROXIES.of(scope("10.0.0.1", "203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize(
    "forwarded",
    [
        ("198.51.100.7, 203.0.113.9",),
        ("198.51.100.7,203.0.113.9 , 10.1.1.1",),
        ("198.51.100.7", "203.0.113.9", "10.1.1.1, fd00::1"),
        ("unknown, 203.0.113.9, 10.1.1.1",),
        (", , 203.0.113.9",),
        ("10.9.9.9, 203.0.113.9",),
    ],
)
def test_only_the_last_address_before_the_trusted_ones_counts(forwarded: tuple[str, ...]) -> None:
    assert PROXIES.of(scope("10.0.0.1", *forwarded)) == "203.0.113.9"


def test_a_client_among_the_proxies_is_the_farthest_of_them() -> None:
    assert PROXIES.of(scope("10.0.0.1", "10.0.0.3, 10.0.0.2")) == "10.0.0.3"


@pytest.mark.parametrize("garbage", ["", "unknown", "é", "203.0.113.9, x", "1.2.3.4:80", "1" * 99])
def test_a_proxy_that_says_nothing_useful_stands_for_its_clients(garbage: str) -> None:
    assert PROXIES.of(scope("10.0.0.1", garbage)) == "10.0.0.1"


def test_one_client_has_all_of_an_ipv6_64() -> None:
    first = NOBODY.of(scope("2001:db8:1:2::1"))

    assert first == NOBODY.of(scope("2001:db8:1:2:ffff:ffff:ffff:ffff")) == "2001:db8:1:2::"
    assert first != NOBODY.of(scope("2001:db8:1:3::1"))
    assert NOBODY.of(scope("fe80::1%eth0")) == "fe80::"


def test_ipv4_over_a_socket_for_both_is_the_same_address() -> None:
    assert NOBODY.of(scope("::ffff:192.0.2.1")) == "192.0.2.1"
    assert PROXIES.of(scope("::ffff:10.0.0.1", "203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize("peer", [None, "", "a-unix-socket"])
def test_a_peer_without_an_address_is_unknown(peer: str | None) -> None:
    assert PROXIES.of(scope(peer, "203.0.113.9")) == ""
