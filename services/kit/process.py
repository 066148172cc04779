"""How every service's process begins: settings, logs, then serving until the end."""

from collections.abc import Callable
from typing import TypeVar

from services.kit import memory, metrics, telemetry
from services.kit.listening import warn_of_plain_links
from services.kit.rulesfile import or_exit
from services.kit.server import Served, serve
from services.kit.settings import ServiceSettings, service_settings

Settings = TypeVar("Settings", bound=ServiceSettings)


def run(service: str, wired: Callable[[Settings], Served], kind: type[Settings]) -> None:
    """Serves one service until told to stop. Exits with code 2 when settings or rules do not do."""
    settings = service_settings(service, kind)
    is_production = settings.environment == "production"
    telemetry.configure(service, is_production=is_production)
    served = wired(settings)
    if settings.metrics_listen:
        metrics.serve(settings.metrics_listen, metrics.registry(*served.readings))
    if is_production:
        warn_of_plain_links([settings.listen], settings.tls)
    memory.settle()
    # Whether the rules will do, their database says, which may come later than we.
    with or_exit():
        serve(
            served,
            listen=settings.listen,
            secret=settings.secret,
            tls=settings.tls,
            is_production=is_production,
        )
