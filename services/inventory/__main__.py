"""The inventory service's process: `python -m services.inventory`."""

import sys

from protos.inventory.v1 import inventory_pb2 as pb
from protos.inventory.v1 import inventory_pb2_grpc
from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import BadCatalogue, read_catalogue
from services.inventory.personal import HELD
from services.inventory.rules import Item, Rules
from services.inventory.service import CALLERS, InventoryService
from services.inventory.tables import trail
from services.inventory.timeline import SOURCES
from services.kit import audit, personal, rulesfile, timeline
from services.kit.database import Database
from services.kit.process import run
from services.kit.server import Offer, Served
from services.kit.settings import ServiceSettings
from services.kit.sweeper import Sweeper


def wired(settings: ServiceSettings) -> Served:
    """The service, its database opening in the background.

    It is ready when the database answers and the catalogue is stored in it.
    """
    rules, version = rulesfile.load_or_exit(settings.rules, "inventory", Rules)
    database = Database(settings.database_url)
    catalogue = Catalogue(database, _shipped_or_exit())
    service = InventoryService(database, catalogue, rules, version, is_sandbox=settings.sandbox)
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
        is_ready=lambda: database.is_ready() and catalogue.is_known(),
        close=database.close,
        tasks=(Sweeper(catalogue.follow).run,),
    )


def _shipped_or_exit() -> tuple[Item, ...]:
    try:
        return read_catalogue()
    except BadCatalogue as error:
        sys.stderr.write(f"Cannot start: {error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    run("inventory", wired, ServiceSettings)
