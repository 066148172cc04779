"""The session service's process: `python -m services.session`."""

from collections.abc import Callable

from protos.session.v1 import session_pb2_grpc
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.process import run
from services.kit.rulesfile import load_or_exit
from services.kit.server import Served
from services.kit.settings import ServiceSettings, target_of
from services.kit.sweeper import Sweeper
from services.session.deliveries import Deliveries
from services.session.outbox import SESSIONS, PostgresOutbox
from services.session.players import Players
from services.session.purchase_store import PURCHASES
from services.session.purchases import Purchases
from services.session.receivers import ShopInventory, WorldAndInventory
from services.session.rules import Rules
from services.session.service import CALLERS, SERVICE, SessionService
from services.session.sessions import Sessions
from services.session.settle import Settler
from services.session.shop import Shop
from services.session.timeouts import Timeouts


def wired(settings: ServiceSettings, target_of: Callable[[str], str] = target_of) -> Served:
    """The service with its database, its sweeper and the two that it calls."""
    numbers, version = load_or_exit(settings.rules, "session", Rules)
    database = Database(settings.database_url)
    tokens = TokenMaker("session", settings.secret)
    inventory = Client("inventory", target_of("inventory"), tokens)
    world = Client("world", target_of("world"), tokens)
    settler = Settler(PostgresOutbox(database, SESSIONS), WorldAndInventory(world, inventory))
    counter = ShopInventory(inventory)
    purchases = Purchases(database, has_sandbox=settings.sandbox)
    deliveries = Deliveries(PostgresOutbox(database, PURCHASES), counter, purchases.refund)
    timeouts = Timeouts(database, numbers)
    sweeper = Sweeper(settler.settle_due, deliveries.settle_due, timeouts.close_due)
    servicer = SessionService(
        Sessions(database, numbers, version, has_sandbox=settings.sandbox),
        Players(database, numbers, has_sandbox=settings.sandbox),
        Shop(counter, purchases, deliveries),
        settler,
        numbers=numbers,
        rules_version=version,
    )
    database.open()

    def close() -> None:
        inventory.close()
        world.close()
        database.close()

    return Served(
        name="session",
        service=SERVICE.full_name,
        callers=CALLERS,
        register=lambda server: session_pb2_grpc.add_SessionServiceServicer_to_server(
            servicer, server
        ),
        is_ready=database.is_ready,
        close=close,
        tasks=(sweeper.run,),
    )


if __name__ == "__main__":
    run("session", wired)
