"""Where a request comes from: what counts is the peer, and what a trusted proxy says of it."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORWARDED = b"x-forwarded-for"
# The last 64 bits of an IPv6 address are the client's own to choose.
_HOST_BITS = 64


class Addresses:
    """Tells clients apart; `trusted` are the networks of the proxies in front of us."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = trusted

    def of(self, scope: Scope) -> str:
        """The client's address; of IPv6 the first of its /64, because one client has them all.

        The peer's own, or behind a trusted proxy the right-most in X-Forwarded-For
        that is no trusted proxy: whatever stands to the left of it, the client may have
        made up. Empty where nothing is known, such as behind a Unix socket.
        """
        peer = scope.get("client")
        address = _address(peer[0]) if peer else None
        if address is None:
            return ""
        for hop in _hops(scope):
            if not self._trusts(address):
                break
            before = _address(hop.strip())
            if before is None:
                break
            address = before
        return str(_counted(address))

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _hops(scope: Scope) -> Iterable[str]:
    """What X-Forwarded-For says, the nearest first."""
    given = [value for name, value in scope["headers"] if name == _FORWARDED]
    return reversed(b",".join(given).decode("latin-1").split(",")) if given else ()


# A client asks more than once.
@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # How a socket for both families shows IPv4.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _counted(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    return IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)
