"""The session service's process: `python -m services.session`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from protos.session.v1 import session_pb2_grpc
from services.kit import audit, personal, timeline
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.process import run
from services.kit.rulebook import Rulebook
from services.kit.rulesfile import or_exit
from services.kit.server import Offer, Served
from services.kit.settings import ServiceSettings, target_of
from services.kit.sweeper import Sweeper
from services.session.deliveries import Deliveries
from services.session.figures import deliveries
from services.session.marks import Marks
from services.session.once import Once
from services.session.outbox import SESSIONS, PostgresOutbox
from services.session.personal import HELD
from services.session.play import SHAPE, play
from services.session.purchase_store import PURCHASES, PurchaseRow
from services.session.purchases import Purchases
from services.session.receipts import Receipts
from services.session.receivers import ShopInventory, WorldAndInventory
from services.session.service import CALLERS, SERVICE, SessionService
from services.session.settle import Settler
from services.session.shop import Shop
from services.session.statistics import Statistician
from services.session.store import SessionRow
from services.session.tables import editions, trail
from services.session.timeline import SOURCES
from services.session.undelivered import OpenDeliveries


@dataclass(frozen=True, slots=True)
class Parts:
    """What follows a commit: told at once by the calls, and by the sweeper what was left."""

    paid: PostgresOutbox[SessionRow]
    bought: PostgresOutbox[PurchaseRow]
    settler: Settler
    marks: Marks
    shop: Shop
    sweeper: Sweeper


def assembled(
    database: Database,
    *,
    world: Client,
    inventory: Client,
    has_sandbox: bool,
) -> Parts:
    """The parts on one database, beside the two that are told."""
    paid, bought = PostgresOutbox(database, SESSIONS), PostgresOutbox(database, PURCHASES)
    marks = Marks(paid)
    settler = Settler(paid, WorldAndInventory(world, inventory), marks)
    counter = ShopInventory(inventory)
    purchases = Purchases(database, has_sandbox=has_sandbox)
    delivering = Deliveries(bought, counter, purchases.refund)
    sweeper = Sweeper(
        settler.settle_due,
        delivering.settle_due,
    )
    shop = Shop(counter, Once(database), purchases, delivering)
    return Parts(paid, bought, settler, marks, shop, sweeper)


def wired(settings: ServiceSettings, target_of: Callable[[str], str] = target_of) -> Served:
    """The service with its database, what it does unasked, and the two that it calls."""
    database = Database(settings.database_url)
    made = partial(play, database, has_sandbox=settings.sandbox)
    with or_exit():
        book = Rulebook(settings.rules, SHAPE, database, editions, made)
    tokens = TokenMaker("session", settings.secret)
    inventory = Client("inventory", target_of("inventory"), tokens, settings.tls)
    world = Client("world", target_of("world"), tokens, settings.tls)
    parts = assembled(
        database,
        world=world,
        inventory=inventory,
        has_sandbox=settings.sandbox,
    )
    receipts = Receipts(lambda version: (found := book.under(version)) and found.rules)
    servicer = SessionService(
        play=book.current,
        once=Once(database),
        shop=parts.shop,
        settler=parts.settler,
        statistician=Statistician(database),
        open_deliveries=OpenDeliveries(database),
        receipts=receipts,
    )
    database.open()

    def close() -> None:
        inventory.close()
        world.close()
        database.close()

    return Served(
        name="session",
        offers=(
            Offer(
                service=SERVICE.full_name,
                callers=CALLERS,
                register=lambda server: session_pb2_grpc.add_SessionServiceServicer_to_server(
                    servicer, server
                ),
            ),
            personal.offer(database, HELD),
            audit.offer(database, trail),
            timeline.offer(database, SOURCES, receipts.explain),
        ),
        is_ready=lambda: database.is_ready() and book.is_open(),
        close=close,
        tasks=(parts.sweeper.run, parts.marks.run, Sweeper(book.follow).run),
        readings=(
            partial(deliveries, {"session": parts.paid, "purchase": parts.bought}),
            book.figures,
        ),
    )


if __name__ == "__main__":
    run("session", wired, ServiceSettings)
