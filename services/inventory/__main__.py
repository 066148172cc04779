"""The inventory service's process: `python -m services.inventory`."""

import sys
from functools import partial

from protos.inventory.v1 import inventory_pb2 as pb
from protos.inventory.v1 import inventory_pb2_grpc
from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import BadCatalogue, read_catalogue
from services.inventory.personal import HELD
from services.inventory.play import SHAPE, play
from services.inventory.rotations import Rotations
from services.inventory.rules import Item
from services.inventory.service import CALLERS, InventoryService
from services.inventory.tables import editions, trail
from services.inventory.timeline import SOURCES
from services.kit import audit, personal, timeline
from services.kit.database import Database
from services.kit.process import run
from services.kit.rulebook import Rulebook
from services.kit.rulesfile import or_exit
from services.kit.server import Offer, Served
from services.kit.settings import ServiceSettings
from services.kit.sweeper import Sweeper


def wired(settings: ServiceSettings) -> Served:
    """The service, its database opening in the background.

    It is ready when the database answers, and catalogue and rules are stored in it.
    """
    database = Database(settings.database_url)
    catalogue = Catalogue(database, _shipped_or_exit())
    rotations = Rotations(database, catalogue)
    made = partial(play, database, catalogue, rotations, is_sandbox=settings.sandbox)
    with or_exit():
        book = Rulebook(settings.rules, SHAPE, database, editions, made)
    service = InventoryService(
        database, catalogue, book.current, book.under, is_sandbox=settings.sandbox
    )

    def look_at_events() -> bool:
        return book.current().calendar.look()

    database.open()
    return Served(
        name="inventory",
        offers=(
            Offer(
                service=pb.DESCRIPTOR.services_by_name["InventoryService"].full_name,
                callers=CALLERS,
                register=lambda server: inventory_pb2_grpc.add_InventoryServiceServicer_to_server(
                    service, server
                ),
            ),
            personal.offer(database, HELD),
            audit.offer(database, trail),
            timeline.offer(database, SOURCES),
        ),
        is_ready=lambda: database.is_ready() and catalogue.is_known() and book.is_open(),
        close=database.close,
        tasks=(Sweeper(catalogue.follow, book.follow, look_at_events).run,),
        readings=(book.figures,),
    )


def _shipped_or_exit() -> tuple[Item, ...]:
    try:
        return read_catalogue()
    except BadCatalogue as error:
        sys.stderr.write(f"Cannot start: {error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    run("inventory", wired, ServiceSettings)
