"""The session service's process: `python -m services.session`."""

from protos.session.v1 import session_pb2_grpc
from services.kit import telemetry
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.database import Database
from services.kit.rulesfile import load_or_exit
from services.kit.server import Served, serve
from services.kit.settings import ServiceSettings, service_settings, target_of
from services.session.players import Players
from services.session.rules import Rules
from services.session.service import CALLERS, SERVICE, SessionService
from services.session.sessions import Sessions
from services.session.settle import Settler, Sweeper


def wired(settings: ServiceSettings, *, inventory_target: str, world_target: str) -> Served:
    """The service with its database, its sweeper and the two that it calls."""
    numbers, version = load_or_exit(settings.rules, "session", Rules)
    database = Database(settings.database_url)
    tokens = TokenMaker("session", settings.secret)
    inventory = Client("inventory", inventory_target, tokens)
    world = Client("world", world_target, tokens)
    settler = Settler(database, inventory, world)
    servicer = SessionService(
        Sessions(database, numbers, version, has_sandbox=settings.sandbox),
        Players(database, numbers, has_sandbox=settings.sandbox),
        settler,
        numbers,
        version,
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
        tasks=(Sweeper(database, settler, numbers).run,),
    )


def main() -> None:
    """Serves until told to stop."""
    settings = service_settings("session", ServiceSettings)
    is_production = settings.environment == "production"
    telemetry.configure("session", is_production=is_production)
    serve(
        wired(settings, inventory_target=target_of("inventory"), world_target=target_of("world")),
        listen=settings.listen,
        secret=settings.secret,
        is_production=is_production,
    )


if __name__ == "__main__":
    main()
