"""Four real services as those see them who export and erase, and players who lived in all four."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, LiteralString

import grpc
import psycopg
from psycopg import sql
from sqlalchemy import MetaData, Table

from protos.auth.v1 import auth_pb2
from protos.inventory.v1 import inventory_pb2
from protos.personal.v1 import personal_pb2 as pb
from protos.personal.v1 import personal_pb2_grpc
from protos.session.v1 import session_pb2
from protos.world.v1 import world_pb2
from services.kit.callers import TokenMaker
from services.kit.client import Client
from services.kit.errors import from_rpc
from services.kit.tls import PLAIN
from tests.service.auth.member import PASSWORD, new_email, registration
from tests.service.peers import SECRET, Peer
from tests.service.session.players import Player

# Who is never named to the player.
OPERATOR = "canary-operator"
_ENTRY = """
    INSERT INTO audit (user_id, id, actor, action, target, reason, changes, at)
    VALUES (%s, gen_random_uuid(), %s, 'repair.I1', gen_random_uuid(), 'ticket 7', '{}', now())
"""

# Whose the rows are of a table without a user_id.
_ELSE: dict[str, LiteralString] = {
    "user": "id = %s",
    "mail": 'email_key = (SELECT email_key FROM "user" WHERE id = %s)',
}
_LETTER_WITH_A_LINK = (
    "INSERT INTO mail_token (token_hash, user_id, purpose, email_key, expires_at)"
    " SELECT sha256(id::text::bytea), id, 'verify', email_key, now() FROM \"user\" WHERE id = %s"
)
_RECEIPT = (
    "INSERT INTO erasure (user_id, requested_at, ask_at, erased_at, rows)"
    " VALUES (%s, now(), NULL, NULL, 0)"
)
_MANY_SESSIONS = """
    INSERT INTO session (user_id, id, task_template_id, task_name, category, room,
        duration_minutes, started_at, ends_at, ended_at, status, reward_exp, reward_gold,
        levels_gained, seed, drop_chance, dropped, rules_version, settled_at)
    SELECT user_id, ('0192f0c1-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, id, name,
        category, room, 25, now(), now(), now(), 'success', 50, 25, 0, sha256(n::text::bytea),
        1000, false, 'v', now()
    FROM task_template, generate_series(1, %s) AS n
    WHERE user_id = %s AND id = (SELECT min(id::text)::uuid FROM task_template WHERE user_id = %s)
"""


@dataclass(frozen=True)
class Archive:
    """One service, and a look into its database."""

    service: str
    target: str
    url: str
    metadata: MetaData

    def chunks(
        self, user_id: str, *, caller: str = "gateway"
    ) -> Generator[pb.ExportUserResponse, None, None]:
        """An export as it comes. Failures are raised as the caller's own client would."""
        channel = grpc.insecure_channel(self.target)
        metadata = TokenMaker(caller, SECRET).metadata(self.service)
        method = personal_pb2_grpc.PersonalDataServiceStub(channel).ExportUser
        try:
            yield from method(pb.ExportUserRequest(user_id=user_id), metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            channel.close()

    def export(self, user_id: str) -> dict[str, list[dict[str, Any]]]:
        """What is exported, by table."""
        tables: dict[str, list[dict[str, Any]]] = {}
        for chunk in self.chunks(user_id):
            tables.setdefault(chunk.table, []).extend(json.loads(chunk.rows_json))
        return tables

    def erase(self, user_id: str, *, caller: str = "auth") -> int:
        """How many rows were erased."""
        client = Client(self.service, self.target, TokenMaker(caller, SECRET), PLAIN)
        method = personal_pb2_grpc.PersonalDataServiceStub(client.channel).EraseUser
        try:
            request = pb.EraseUserRequest(user_id=user_id)
            return int(client.call(method, request, timeout_s=20.0).answer().rows)
        finally:
            client.close()

    def tables(self) -> list[Table]:
        """Every table with a player in it."""
        every = self.metadata.sorted_tables
        return [table for table in every if "user_id" in table.c or table.name in _ELSE]

    def rows(self, user_id: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of a player, by table, asked directly."""
        return {
            table.name: self.ask(
                sql.SQL("SELECT * FROM {0} WHERE {1} ORDER BY {0}").format(
                    sql.Identifier(table.name), sql.SQL(_ELSE.get(table.name, "user_id = %s"))
                ),
                user_id,
            )
            for table in self.tables()
        }

    def ask(self, statement: Any, *parameters: object) -> list[tuple[Any, ...]]:
        """What the database holds, asked directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement, parameters).fetchall()

    def await_a_waiter(self) -> None:
        """Returns when a session of the database waits for a lock."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with psycopg.connect(self.url, autocommit=True) as looking:
            while looking.execute(waiting).fetchone() == (0,):
                pass

    def change(self, statement: str, *parameters: object) -> None:
        """Changes the database directly."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement, parameters)


@dataclass(frozen=True)
class Archives:
    """All four, with those who call them for players."""

    of: dict[str, Archive]
    auth: Peer
    session: Peer
    inventory: Peer
    world: Peer

    def settler(self) -> str:
        """A new player who lived a while and left rows in every table of every service."""
        account = self.auth.Register(registration(new_email(), full_name="Ada")).user
        self.auth.Login(auth_pb2.LoginRequest(email=account.email, password=PASSWORD))
        player = Player(self.session, account.id).enrich(1000)
        item = player.settled().session.dropped_item.item
        self.inventory.EquipItem(inventory_pb2.EquipItemRequest(user_id=player.id, item_id=item.id))
        self._buy(player)
        self._add_task(player)
        player.started()
        self.world.SetTimezone(
            world_pb2.SetTimezoneRequest(user_id=player.id, timezone="Asia/Tokyo")
        )
        self.auth.RequestVerify(auth_pb2.RequestVerifyRequest(email=account.email))
        self.of["auth"].change(_LETTER_WITH_A_LINK, player.id)
        self.of["auth"].change(_RECEIPT, player.id)
        for archive in self.of.values():
            archive.change(_ENTRY, player.id, OPERATOR)
        return player.id

    def veteran(self) -> str:
        """A settler with 10,000 sessions more."""
        user_id = self.settler()
        self.of["session"].change(_MANY_SESSIONS, 10_000, user_id, user_id)
        return user_id

    def _buy(self, player: Player) -> None:
        shop = self.inventory.GetShop(inventory_pb2.GetShopRequest(user_id=player.id))
        offer = next(offer for offer in shop.offers if not offer.owned)
        player.buy(offer.item.id, rotation_id=shop.rotation_id)

    def _add_task(self, player: Player) -> None:
        once = session_pb2.Once(key="mine", route="POST /api/tasks", fingerprint=bytes(32))
        wish = session_pb2.CreateTaskRequest(
            user_id=player.id,
            name="Read",
            category="study",
            default_duration_minutes=25,
            room=session_pb2.ROOM_STUDY,
            once=once,
        )
        self.session.CreateTask(wish)
