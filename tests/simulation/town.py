"""The town of one seed: three databases, two session services, a world, an inventory.

They are wired as in each service's `__main__`, over databases in memory and
couriers instead of PostgreSQL and gRPC.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from protos.inventory.v1 import inventory_pb2_grpc
from protos.session.v1 import session_pb2_grpc
from protos.world.v1 import world_pb2_grpc
from services.inventory.catalogue import Catalogue
from services.inventory.catalogue_file import read_catalogue
from services.inventory.play import SHAPE as INVENTORY_SHAPE
from services.inventory.play import play as inventory_play
from services.inventory.rotations import Rotations
from services.inventory.service import InventoryService
from services.kit.rulesfile import Edition, load
from services.kit.settings import RULES
from services.kit.sweeper import EVERY_S, Sweeper
from services.session.deliveries import Deliveries
from services.session.once import Once
from services.session.outbox import SESSIONS, PostgresOutbox
from services.session.play import SHAPE as SESSION_SHAPE
from services.session.play import Play as SessionPlay
from services.session.player_store import HeroRow, TaskRow
from services.session.players import Players
from services.session.purchase_store import PURCHASES
from services.session.purchases import Purchases
from services.session.receipts import Receipts
from services.session.receivers import ShopInventory, WorldAndInventory
from services.session.service import SessionService
from services.session.sessions import Sessions
from services.session.settle import Settler
from services.session.shop import Shop
from services.session.statistics import Statistician
from services.session.timeouts import Timeouts
from services.session.undelivered import OpenDeliveries
from services.world.play import play as world_play
from services.world.rules import Rules as WorldRules
from services.world.rules import Upgrade
from services.world.service import WorldService
from tests.simulation import inventory_sql, session_sql, sql, world_sql
from tests.simulation.network import Handlers, Network, Process, SimulatedClient
from tests.simulation.postgres import (
    Pool,
    Postgres,
    SimulatedDatabase,
    Statement,
    Transaction,
    Witness,
)
from tests.simulation.scheduler import Scheduler
from tests.simulation.weather import DATABASES, Calendar, Weather, drawn

# Every number of the game as it ships, but for those that a seed's few sessions would hardly meet.
SESSION_RULES = replace(load(RULES, SESSION_SHAPE).rules, drop_chance=6_000)
WORLD_RULES = WorldRules(
    zone_change_hours=24,
    upgrades=(Upgrade("study", 2, 2), Upgrade("build", 3, 2), Upgrade("plaza", 4, 2)),
)
INVENTORY_RULES = load(RULES, INVENTORY_SHAPE).rules
# So few that a player comes to own all of them.
ITEMS = read_catalogue()[6:10]

MEANING = {**sql.MEANING, **session_sql.MEANING, **world_sql.MEANING, **inventory_sql.MEANING}


@dataclass(frozen=True)
class Parts:
    """What the town is built of; a mutant has another one of these."""

    sessions: type[Sessions] = Sessions
    settler: type[Settler] = Settler
    receivers: type[WorldAndInventory] = WorldAndInventory
    statements: Mapping[str, Statement] = field(default_factory=dict)
    transactions: Mapping[str, type[Transaction]] = field(default_factory=dict)


class Town:
    """Everything of one seed, before anybody plays."""

    def __init__(self, seed: int, parts: Parts, witness: Witness) -> None:
        dice = random.Random(seed)  # noqa: S311  # it must be foreseeable
        self.dice = dice
        self.scheduler = Scheduler(
            dice,
            pace=dice.choice((0.0005, 0.005, 0.05)),
            stickiness=dice.choice((0.0, 0.3, 0.6, 0.9)),
        )
        self.weather: Weather = drawn(dice, Calendar(dice, self.scheduler.clock))
        self.network = Network(self.scheduler, self.weather)
        self.parts = parts
        meaning = MEANING | dict(parts.statements)
        self.databases = {
            name: Postgres(name, self.scheduler, self.weather, meaning, witness)
            for name in DATABASES
        }
        for name in ("session-1", "session-2", "world-1", "world-2", "inventory-1"):
            self._open(name)

    @property
    def session(self) -> Postgres:
        """The session service's database."""
        return self.databases["session"]

    def welcome(self, user_id: str) -> str:
        """Makes a hero and a task for a new player; the task's id."""
        hero = HeroRow(user_id, user_id, 1, 0, 0, 0, 0)
        task = TaskRow(user_id, user_id, "Deep reading", "study", 25, "study")
        self.session.apply({("hero", (user_id,)): hero, ("task", (user_id, task.id)): task})
        return task.id

    def wait_until(self, is_so: Callable[[], bool], *, within_s: float) -> bool:
        """Runs the town until something is so, or for so long; whether it is."""
        until = self.scheduler.now + within_s
        self.scheduler.run(lambda: is_so() or self.scheduler.now >= until)
        return is_so()

    def crash(self, process: Process) -> None:
        """A process dies, and with it all that it was doing; it starts anew after a while."""
        self.scheduler.note(f"{process.name} dies")
        process.is_up = False
        self.network.processes.remove(process)
        self.scheduler.kill(process.name)
        self.scheduler.spawn(f"start of {process.name}", lambda: self._reopen(process.name))

    def _reopen(self, name: str) -> None:
        self.scheduler.sleep(self.dice.random() * 3)
        self._open(name)

    def _open(self, name: str) -> None:
        """Starts a process anew: nothing is left of what it knew."""
        service = name.partition("-")[0]
        handlers = {
            "session": self._session,
            "world": self._world,
            "inventory": self._inventory,
        }[service](name)
        self.network.processes.append(Process(name, service, handlers.by_method))

    def _session(self, name: str) -> Handlers:
        database = self._database("session")
        receivers = self.parts.receivers(self.client(), self.client())
        settler = self.parts.settler(PostgresOutbox(database, SESSIONS), receivers)
        sweeper = Sweeper(settler.settle_due, Timeouts(database, lambda: SESSION_RULES).close_due)
        self.scheduler.spawn(f"sweeper of {name}", lambda: self._sweep(sweeper), home=name)
        play = SessionPlay(
            Edition(SESSION_RULES, "simulated"),
            self.parts.sessions(database, SESSION_RULES, "simulated", has_sandbox=False),
            Players(database, SESSION_RULES, has_sandbox=False),
        )
        servicer = SessionService(
            play=lambda: play,
            once=Once(database),
            shop=self._shop(database),
            settler=settler,
            statistician=Statistician(database),
            open_deliveries=OpenDeliveries(database),
            receipts=Receipts(lambda _: SESSION_RULES),
        )
        return _added(session_pb2_grpc.add_SessionServiceServicer_to_server, servicer)

    def _shop(self, database: SimulatedDatabase) -> Shop:
        """Nobody buys here: the calls only need a place."""
        counter = ShopInventory(self.client())
        purchases = Purchases(database, has_sandbox=False)
        delivering = Deliveries(PostgresOutbox(database, PURCHASES), counter, purchases.refund)
        return Shop(counter, Once(database), purchases, delivering)

    def _world(self, _: str) -> Handlers:
        edition = Edition(WORLD_RULES, "simulated")
        play = world_play(self._database("world"), edition, has_sandbox=False)
        servicer = WorldService(lambda: play)
        return _added(world_pb2_grpc.add_WorldServiceServicer_to_server, servicer)

    def _inventory(self, _: str) -> Handlers:
        database = self._database("inventory")
        catalogue = Catalogue(database, ITEMS, clock=self.scheduler.clock)
        edition = Edition(INVENTORY_RULES, "simulated")
        rotations = Rotations(database, catalogue)
        play = inventory_play(database, catalogue, rotations, edition, is_sandbox=False)
        servicer = InventoryService(
            database, catalogue, lambda: play, lambda _: None, is_sandbox=False
        )
        return _added(inventory_pb2_grpc.add_InventoryServiceServicer_to_server, servicer)

    def client(self) -> SimulatedClient:
        """A client of any service."""
        return SimulatedClient(self.network)

    def _database(self, name: str) -> SimulatedDatabase:
        transaction = self.parts.transactions.get(name, Transaction)
        return SimulatedDatabase(Pool(self.databases[name], transaction))

    def _sweep(self, sweeper: Sweeper) -> None:
        """As the sweeper does itself, but by the scheduler's clock."""
        while True:
            self.scheduler.sleep(EVERY_S)
            sweeper.sweep()


def _added(add: Callable[[Any, Any], None], servicer: Any) -> Handlers:
    """What grpc would be given to serve."""
    handlers = Handlers()
    add(servicer, cast("Any", handlers))
    return handlers
