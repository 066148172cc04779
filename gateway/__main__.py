"""The gateway's process: `python -m gateway`."""

import sys

import structlog

from gateway.app import create_app
from gateway.envelope import Drain
from gateway.figures import FIGURES
from gateway.server import Server, bound, notice_s
from gateway.settings import GatewaySettings
from services.kit import memory, metrics, telemetry
from services.kit.listening import warn_of_plain_links
from services.kit.settings import PORTS, load, target_of


def main() -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    Exits with code 2 when a setting is wrong or the port is taken.
    """
    settings = load(GatewaySettings)
    is_production = settings.environment == "production"
    telemetry.configure("gateway", is_production=is_production)
    try:
        listener = bound(settings.host, settings.port)
    except OSError as error:
        sys.stderr.write(
            f"Cannot start: {settings.host}:{settings.port} is not free ({error.strerror}); "
            "choose another with NESRA_PORT\n"
        )
        raise SystemExit(2) from None
    if settings.gateway_metrics_listen:
        metrics.serve(settings.gateway_metrics_listen, FIGURES)
    log = structlog.get_logger(__name__)
    if is_production:
        warn_of_plain_links([target_of(service) for service in PORTS], settings.tls)
        for name in settings.laxities:
            log.warning(name)
    drain = Drain()
    server = Server(create_app(settings, drain), drain, notice_s(is_production=is_production))
    log.info("serving", host=settings.host, port=settings.port)
    memory.settle()
    server.run(sockets=[listener])
    log.info("stopped")


if __name__ == "__main__":
    main()
