"""Where the gateway listens on this machine."""

import errno
import os
import socket
import time
from dataclasses import dataclass
from typing import Final, Self

from town.failures import PortTaken, WrongSetting

LARGEST_PORT: Final = 65_535
# A gateway whose operator was killed is about to leave.
FREE_WITHIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    port: int

    @classmethod
    def from_environment(cls) -> Self:
        """Return what NESRA_HOST and NESRA_PORT say. Raises WrongSetting."""
        port = os.environ.get("NESRA_PORT") or "8000"
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= LARGEST_PORT):
            demand = f"must be a whole number from 1 to {LARGEST_PORT}"
            raise WrongSetting(name="NESRA_PORT", demand=demand)
        return cls(os.environ.get("NESRA_HOST") or "127.0.0.1", int(port))

    @property
    def url(self) -> str:
        """The URL for a browser on this machine."""
        everywhere = self.host in {"127.0.0.1", "::1", "0.0.0.0", "::"}  # noqa: S104 - recognised, not chosen
        return f"http://{'localhost' if everywhere else self.host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """The host to ask on this machine, also when it listens everywhere."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - recognised, not chosen

    def demand_free(self, *, within: float = FREE_WITHIN_SECONDS) -> None:
        """Return when somebody may listen here, at most `within` seconds from now.

        Raises PortTaken, or WrongSetting where nobody ever may.
        """
        deadline = time.monotonic() + within
        while not self._is_free():
            if time.monotonic() > deadline:
                raise PortTaken(self.host, self.port)
            time.sleep(0.05)

    def _is_free(self) -> bool:
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind, protocol) as probe:
                # As the gateway does: connections that ended a moment ago do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            name = "NESRA_PORT" if error.errno == errno.EACCES else "NESRA_HOST"
            raise WrongSetting(
                name=name, demand=f"cannot be listened on: {error.strerror}"
            ) from error
        return True
