"""Where a server listens, and what it shows to whoever connects."""

import re
from collections.abc import Sequence

import grpc
import structlog

from services.kit.tls import PLAIN, SOCKETS, Pem, Tls

_THIS_MACHINE = re.compile(r"(.*[/:])?(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+")

log = structlog.get_logger(__name__)


def listen(server: grpc.Server, address: str, tls: Tls) -> int:
    """Has a server listen, and tells its port. Raises RuntimeError where it cannot.

    Files that change are taken up: whoever connects from then on sees the new ones.
    """
    if tls.certificate is None or address.startswith(SOCKETS):
        return server.add_insecure_port(address)
    shown = _Shown(tls)
    credentials = grpc.dynamic_ssl_server_credentials(
        _configuration(shown.seen),
        # None stands for no change, which the stubs do not know.
        shown.renewed,  # type: ignore[arg-type]
        require_client_authentication=tls.ca is not None,
    )
    return server.add_secure_port(address, credentials)


def warn_of_plain_links(addresses: Sequence[str], tls: Tls) -> None:
    """Says in the log at which of the addresses others can listen in, if any."""
    exposed = [address for address in addresses if not _stays_here(address)]
    if tls == PLAIN and exposed:
        log.warning("links_are_plain", addresses=exposed)


class _Shown:
    """What a server shows to whoever connects: what its files hold, as long as that is of use."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self.seen = tls.read()

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """What to show from now on; None for what was shown before.

        A certificate and its key are two files. Whoever comes between the writing of one
        and the other would see a pair that is none, and is shown the old one.
        """
        try:
            pem = self._tls.read()
            if pem == self.seen:
                return None
            self.seen = pem
            pem.require_usable()
        except (OSError, ValueError) as error:
            log.warning("certificate_not_taken_up", reason=str(error))
            return None
        log.info("certificate_taken_up", certificate=str(self._tls.certificate))
        return _configuration(pem)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    pair = (pem.key or b"", pem.certificate or b"")
    return grpc.ssl_server_certificate_configuration([pair], pem.ca)


def _stays_here(address: str) -> bool:
    """Whether no other machine can hear what goes to the address."""
    return address.startswith(SOCKETS) or bool(_THIS_MACHINE.fullmatch(address))
