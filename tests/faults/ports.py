"""Ports that stay ours while whoever listens on them is being restarted."""

import random
import socket
from typing import Final

# Below the range from which kernels take the ports of outgoing connections.
FROM, BELOW = 20_000, 32_000
_given: Final[set[int]] = set()


def quiet_port() -> int:
    """A port that nobody listens on, and that the kernel gives to nobody by itself."""
    while True:
        port = random.SystemRandom().randrange(FROM, BELOW)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
