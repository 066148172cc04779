"""The world service's process: `python -m services.world`."""

from functools import partial

from protos.world.v1 import world_pb2_grpc
from services.kit import audit, personal, timeline
from services.kit.database import Database
from services.kit.process import run
from services.kit.rulebook import Rulebook
from services.kit.rulesfile import or_exit
from services.kit.server import Offer, Served
from services.kit.settings import ServiceSettings
from services.kit.sweeper import Sweeper
from services.world.personal import HELD
from services.world.play import SHAPE, play
from services.world.service import CALLERS, SERVICE, WorldService
from services.world.tables import editions, trail
from services.world.timeline import SOURCES


def wired(settings: ServiceSettings) -> Served:
    """The service with its database."""
    database = Database(settings.database_url)
    made = partial(play, database, has_sandbox=settings.sandbox)
    with or_exit():
        book = Rulebook(settings.rules, SHAPE, database, editions, made)
    servicer = WorldService(book.current)
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
        is_ready=lambda: database.is_ready() and book.is_open(),
        close=database.close,
        tasks=(Sweeper(book.follow).run,),
        readings=(book.figures,),
    )


if __name__ == "__main__":
    run("world", wired, ServiceSettings)
