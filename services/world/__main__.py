"""The world service's process: `python -m services.world`."""

from protos.world.v1 import world_pb2_grpc
from services.kit import audit, personal, timeline
from services.kit.database import Database
from services.kit.process import run
from services.kit.rulesfile import load_or_exit
from services.kit.server import Offer, Served
from services.kit.settings import ServiceSettings
from services.world.personal import HELD
from services.world.rules import Rules
from services.world.service import CALLERS, SERVICE, WorldService
from services.world.tables import trail
from services.world.timeline import SOURCES
from services.world.worlds import Worlds


def wired(settings: ServiceSettings) -> Served:
    """The service with its database."""
    numbers, _ = load_or_exit(settings.rules, "world", Rules)
    database = Database(settings.database_url)
    servicer = WorldService(Worlds(database, numbers, has_sandbox=settings.sandbox), numbers)
    database.open()
    return Served(
        name="world",
        offers=(
            Offer(
                service=SERVICE.full_name,
                callers=CALLERS,
                register=lambda server: world_pb2_grpc.add_WorldServiceServicer_to_server(
                    servicer, server
                ),
            ),
            personal.offer(database, HELD),
            audit.offer(database, trail),
            timeline.offer(database, SOURCES),
        ),
        is_ready=database.is_ready,
        close=database.close,
    )


if __name__ == "__main__":
    run("world", wired, ServiceSettings)
